import { it } from 'vitest'
import { type OpenWorld, soonMs } from './harness.ts'

export function clocks(open: OpenWorld): void {
  it('wakes soon after the clock jumped past the time', async () => {
    const world = await open()
    const { scheduler, rung } = await world.started()
    scheduler.wakeAt(world.in(soonMs))
    world.jump(world.in(3_600_000))
    await world.until('the scheduler did not wake after the clock jumped past the time', () => rung.length > 0)
  })

  it('wakes at its time after the clock jumped back', async () => {
    const world = await open()
    const { scheduler, rung } = await world.started()
    const at = world.in(2 * soonMs)
    scheduler.wakeAt(at)
    await world.pass(soonMs / 3)
    world.jump(world.in(-soonMs))
    // A wake-up that is too early does no harm: the library asks again for what is still to come.
    await world.until('the scheduler did not wake at the time, after the clock jumped back', () => {
      scheduler.wakeAt(at)
      return rung.some((time) => time >= at)
    })
  })
}
