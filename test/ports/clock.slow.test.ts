import { describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../src/index.ts'
import { followingTimer } from '../../src/ports/clock.ts'
import { ManualClock } from '../support/manual-clock.ts'

const second = 1000
const hour = 3_600_000

/** A timer as the system's clock sets it, over time that the test moves; and how late it rang, by the time of day. */
function timer(at: string) {
  const time = new ManualClock('2026-03-01T12:00:00Z')
  const rung: number[] = []
  const cancel = followingTimer(time, new Date(at), () => rung.push(time.now().getTime() - new Date(at).getTime()))
  return { time, rung, cancel }
}

describe('a timer for a time of day', () => {
  it('rings at it, and not before', async () => {
    const { time, rung } = timer('2026-03-04T12:00:00Z')
    await time.advance(72 * hour - 1)
    expect(rung).toEqual([])
    await time.advance(1)
    expect(rung).toEqual([0])
  })

  it.each([120 * second, 8 * hour, 48 * hour])('rings within seconds of a clock set %i ms forward', async (ms) => {
    const { time, rung } = timer('2026-03-01T12:02:00Z')
    await time.advance(second)
    time.step(ms)
    await time.advance(5 * second)
    expect(rung).toHaveLength(1)
  })

  it('waits longer where the clock was set back', async () => {
    const { time, rung } = timer('2026-03-01T12:00:10Z')
    time.step(-hour)
    await time.advance(hour + 9 * second)
    expect(rung).toEqual([])
    await time.advance(second)
    expect(rung).toEqual([0])
  })

  it('is not lost to a clock that was two days ahead for a minute', async () => {
    const { time, rung } = timer('2026-03-05T12:00:00Z')
    time.step(48 * hour)
    await time.advance(60 * second)
    time.step(-48 * hour)
    await time.advance(96 * hour)
    expect(rung).toEqual([0])
  })

  it('does not ring once it is cancelled', async () => {
    const { time, rung, cancel } = timer('2026-03-01T12:01:00Z')
    await time.advance(30 * second)
    cancel()
    await time.advance(hour)
    expect(rung).toEqual([])
  })
})

describe('the clock of the system', () => {
  const waited = (start: (clock: Clock, callback: () => void) => unknown) =>
    new Promise<number>((resolve) => {
      const from = performance.now()
      start(systemClock, () => resolve(performance.now() - from))
    })

  it('waits for a length of time, and for a time of day, never synchronously', async () => {
    expect(await waited((clock, ring) => clock.after(20, ring))).toBeGreaterThan(18)
    expect(await waited((clock, ring) => clock.setTimer(new Date(Date.now() + 20), ring))).toBeGreaterThan(18)
    const order: string[] = []
    const past = waited((clock, ring) => {
      clock.setTimer(new Date(0), () => {
        order.push('rung')
        ring()
      })
      order.push('set')
    })
    await past
    expect(order).toEqual(['set', 'rung'])
  })
})
