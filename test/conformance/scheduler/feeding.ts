import { expect, it } from 'vitest'
import { soonMs, type World } from './harness.ts'

/** Every time has a wake-up at or after it. */
const allRung = (asked: readonly Date[], ...rung: readonly (readonly Date[])[]) =>
  asked.every((at) => rung.flat().some((time) => time >= at))

export function feeding(open: () => Promise<World>): void {
  it('wakes at every time it was fed, also where it was fed twice', async () => {
    const world = await open()
    const { scheduler, rung } = await world.started()
    const asked = [world.in(soonMs), world.in(2 * soonMs), world.in(3 * soonMs)]
    await scheduler.feed?.(asked)
    await scheduler.feed?.(asked)
    await world.until(() => allRung(asked, rung))
    expect(rung[0]?.getTime()).toBeGreaterThanOrEqual(asked[0]?.getTime() ?? 0)
    await world.pass(soonMs)
    // One alarm a time, not one a feeding.
    expect(rung.length).toBeLessThanOrEqual(asked.length)
  })

  it('takes thousands of times at once, and none at all', async () => {
    const world = await open()
    const { scheduler, rung } = await world.started()
    await scheduler.feed?.([])
    const asked = Array.from({ length: 3000 }, (_, index) => world.in(60_000 + index * 50))
    const first = world.in(soonMs)
    await scheduler.feed?.([first, ...asked])
    await world.until(() => rung.length > 0)
    expect(rung[0]?.getTime()).toBeGreaterThanOrEqual(first.getTime())
  })

  it('wakes one process or another for what one of them was fed', async () => {
    const world = await open()
    const [one, other] = [await world.started(), await world.started()]
    const asked = [world.in(soonMs), world.in(2 * soonMs), world.in(3 * soonMs)]
    await one.scheduler.feed?.(asked)
    await other.scheduler.feed?.(asked)
    await world.until(() => allRung(asked, one.rung, other.rung))
  })

  it('wakes another process after the one that was fed has stopped', async () => {
    const world = await open()
    const [one, other] = [await world.started(), await world.started()]
    const asked = [world.in(2 * soonMs)]
    await one.scheduler.feed?.(asked)
    await one.scheduler.stop()
    await world.until(() => allRung(asked, other.rung))
    expect(one.rung).toEqual([])
  })
}
