import { expect, it, onTestFinished } from 'vitest'
import { openClinic } from './clinic.ts'
import { feedOf, type OpenWorld, soonMs } from './harness.ts'

/** What an engine may do at any time, and a scheduler and the library over it must bear. */
export function faults(open: OpenWorld, fault: 'empty' | 'restart'): void {
  it('wakes for what it is fed after it', async (context) => {
    const world = await open()
    const befall = world[fault] ?? context.skip(`the harness has no ${fault}()`)
    const { scheduler, rung } = await world.started()
    const feed = feedOf(scheduler, context)
    await feed([world.in(soonMs)])
    await befall()
    let asked = world.in(soonMs)
    // As the library does: what could not be handed over is handed over again.
    await world.until('feed() went on to reject', async () => {
      asked = world.in(soonMs)
      try {
        await feed([asked])
        return true
      } catch {
        return false
      }
    })
    await world.until('the scheduler did not wake for what it was fed', () => rung.some((time) => time >= asked))
  })

  it('costs no reminder, and sends none twice, in the middle of many', async (context) => {
    const world = await open()
    const befall = world[fault] ?? context.skip(`the harness has no ${fault}()`)
    const clinic = await openClinic(world)
    onTestFinished(clinic.stop)
    const options = { sweepMs: 2 * soonMs }
    const [one] = [await clinic.worker(options), await clinic.worker(options)]
    await clinic.plan(one, [1, 2, 3], world.in(soonMs))
    await clinic.plan(one, [4, 5, 6], world.in(3 * soonMs))
    await clinic.plan(one, [7, 8, 9], world.in(5 * soonMs))
    await world.until('the first reminders were not sent', () => clinic.sent.length >= 3)
    await befall()
    await world.until('the reminders after it were not sent', () => clinic.sent.length >= 9)
    await world.pass(soonMs)
    expect(clinic.sent.map(({ id }) => id).toSorted(), 'appointments that had a reminder').toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9,
    ])
  })
}
