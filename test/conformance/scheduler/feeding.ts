import { expect, it } from 'vitest'
import { feedOf, type OpenWorld, soonMs } from './harness.ts'

/** Every time has a wake-up at or after it. */
const allRung = (asked: readonly Date[], ...rung: readonly (readonly Date[])[]) =>
  asked.every((at) => rung.flat().some((time) => time >= at))
const notAll = 'not every time that was fed had a wake-up at or after it'

export function feeding(open: OpenWorld): void {
  it('wakes at every time it was fed, also where it was fed twice', async (context) => {
    const world = await open()
    const { scheduler, rung } = await world.started()
    const feed = feedOf(scheduler, context)
    const asked = [world.in(soonMs), world.in(2 * soonMs), world.in(3 * soonMs)]
    await feed(asked)
    await feed(asked)
    await world.until(notAll, () => allRung(asked, rung))
    expect(rung[0]?.getTime(), 'woken before the first time').toBeGreaterThanOrEqual(asked[0]?.getTime() ?? 0)
    await world.pass(soonMs)
    expect(rung.length, 'one alarm for each time, not one for each feed').toBeLessThanOrEqual(asked.length)
  })

  it('takes thousands of times at once, and none at all', async (context) => {
    const world = await open()
    const { scheduler, rung } = await world.started()
    const feed = feedOf(scheduler, context)
    await feed([])
    const asked = Array.from({ length: 3000 }, (_, index) => world.in(60_000 + index * 50))
    const first = world.in(soonMs)
    await feed([first, ...asked])
    await world.until('the scheduler did not wake', () => rung.length > 0)
    expect(rung[0]?.getTime(), 'woken before the first time').toBeGreaterThanOrEqual(first.getTime())
  })

  it('wakes one process or another for what one of them was fed', async (context) => {
    const world = await open()
    const [one, other] = [await world.started(), await world.started()]
    const asked = [world.in(soonMs), world.in(2 * soonMs), world.in(3 * soonMs)]
    await feedOf(one.scheduler, context)(asked)
    await feedOf(other.scheduler, context)(asked)
    await world.until(notAll, () => allRung(asked, one.rung, other.rung))
  })

  it('wakes another process after the one that was fed has stopped', async (context) => {
    const world = await open()
    const [one, other] = [await world.started(), await world.started()]
    // Late enough for the first one to have stopped by then, in real time too.
    const asked = [world.in(5 * soonMs)]
    await feedOf(one.scheduler, context)(asked)
    await one.scheduler.stop()
    await world.until(notAll, () => allRung(asked, other.rung))
    expect(one.rung, 'wake-ups of the scheduler that was stopped').toEqual([])
  })
}
