import { expect, it } from 'vitest'
import { silentLogger } from '../../../src/index.ts'
import { type OpenWorld, soonMs } from './harness.ts'

export function waking(open: OpenWorld): void {
  it('wakes at the time asked for, not before', async () => {
    const world = await open()
    const { scheduler, rung } = await world.started()
    const at = world.in(soonMs)
    scheduler.wakeAt(at)
    await world.until('the scheduler did not wake', () => rung.length > 0)
    expect(rung[0]?.getTime(), 'woken before the time asked for').toBeGreaterThanOrEqual(at.getTime())
  })

  it('wakes for a time that is past', async () => {
    const world = await open()
    const { scheduler, rung } = await world.started()
    scheduler.wakeAt(world.in(-60_000))
    await world.until('the scheduler did not wake', () => rung.length > 0)
  })

  it('wakes for what was asked before it started', async () => {
    const world = await open()
    const scheduler = world.scheduler()
    scheduler.wakeAt(world.in(soonMs))
    const rung: Date[] = []
    const { clock } = world
    await scheduler.start({ wake: () => void rung.push(clock.now()), clock, logger: silentLogger })
    await world.until('the scheduler did not wake', () => rung.length > 0)
  })

  it('wakes at the earliest of several times, in whatever order they were asked for', async () => {
    const world = await open()
    const { scheduler, rung } = await world.started()
    const [early, late] = [world.in(soonMs), world.in(60_000)]
    for (const at of [late, early, late, early]) scheduler.wakeAt(at)
    await world.until('the scheduler did not wake', () => rung.length > 0)
    expect(rung[0]?.getTime(), 'not woken at the earliest time').toBeLessThan(late.getTime())
  })

  it('wakes again and again', async () => {
    const world = await open()
    const { scheduler, rung } = await world.started()
    for (let count = 1; count <= 3; count += 1) {
      const asked = rung.length
      scheduler.wakeAt(world.in(soonMs))
      await world.until('the scheduler did not wake again', () => rung.length > asked)
    }
  })

  it('wakes no more once it is stopped, and may be stopped twice and asked after it', async () => {
    const world = await open()
    const { scheduler, rung } = await world.started()
    const witness = await world.started()
    const at = world.in(2 * soonMs)
    scheduler.wakeAt(at)
    witness.scheduler.wakeAt(at)
    await Promise.all([scheduler.stop(), scheduler.stop()])
    const before = rung.length
    scheduler.wakeAt(world.in(soonMs))
    await scheduler.feed?.([world.in(soonMs)])
    await world.until('another scheduler did not wake', () => witness.rung.length > 0)
    await world.pass(soonMs)
    expect(rung.length - before, 'wake-ups after stop()').toBe(0)
    await scheduler.stop()
  })

  it('may be stopped without having been started', async () => {
    const world = await open()
    const scheduler = world.scheduler()
    scheduler.wakeAt(world.in(soonMs))
    await scheduler.stop()
    await scheduler.stop()
  })
}
