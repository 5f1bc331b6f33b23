import { expect, it, onTestFinished } from 'vitest'
import { openClinic } from './clinic.ts'
import { soonMs, type World } from './harness.ts'

/** What an engine may do at any time, and a scheduler and the library over it must bear. */
export function faults(open: () => Promise<World>, fault: 'empty' | 'restart'): void {
  const befall = async (world: World) => {
    const happen = world[fault]
    if (happen === undefined) throw new Error(`the harness has no "${fault}"; leave this part out`)
    await happen()
  }

  it('pain 10: wakes for what it is fed after it', async () => {
    const world = await open()
    const { scheduler, rung } = await world.started()
    await scheduler.feed?.([world.in(soonMs)])
    await befall(world)
    let asked = world.in(soonMs)
    // As the library does: what could not be handed over is handed over again.
    await world.until(async () => {
      asked = world.in(soonMs)
      try {
        await scheduler.feed?.([asked])
        return true
      } catch {
        return false
      }
    })
    await world.until(() => rung.some((time) => time >= asked))
  })

  it('pain 10: costs no reminder, and sends none twice, in the middle of many', async () => {
    const world = await open()
    const clinic = await openClinic(world)
    onTestFinished(clinic.stop)
    const options = { sweepMs: 2 * soonMs }
    const [one] = [await clinic.worker(options), await clinic.worker(options)]
    await clinic.plan(one, [1, 2, 3], world.in(soonMs))
    await clinic.plan(one, [4, 5, 6], world.in(3 * soonMs))
    await clinic.plan(one, [7, 8, 9], world.in(5 * soonMs))
    await world.until(() => clinic.sent.length >= 3)
    await befall(world)
    await world.until(() => clinic.sent.length >= 9)
    await world.pass(soonMs)
    expect(clinic.sent.map(({ id }) => id).toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  })
}
