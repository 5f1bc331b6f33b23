import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Notifications, Scheduler, SchedulerContext } from '../../../src/index.ts'
import { type Clinic, openClinic } from './clinic.ts'
import { type OpenWorld, soonMs, type World } from './harness.ts'

const ids = Array.from({ length: 12 }, (_, index) => index + 1)

/** The same scheduler, whose wake-ups come as `wake` makes of them. */
const withWake =
  (faulty: (wake: () => void, context: SchedulerContext) => () => void) =>
  (scheduler: Scheduler): Scheduler => ({
    ...scheduler,
    start: (context) => scheduler.start({ ...context, wake: faulty(context.wake, context) }),
  })

export function sending(open: OpenWorld): void {
  let world: World
  let clinic: Clinic
  beforeEach(async () => {
    world = await open()
    clinic = await openClinic(world)
  })
  afterEach(() => clinic.stop())
  const sentIds = () => clinic.sent.map(({ id }) => id).sort((one, other) => one - other)
  const allSent = () => new Set(sentIds()).size === ids.length
  const once = async () => {
    await world.until('not every reminder was sent', allSent)
    await world.pass(soonMs)
    expect(sentIds(), 'appointments that had a reminder').toEqual(ids)
  }
  const planSoon = async (library: Notifications, inMs = 2 * soonMs) => {
    const at = world.in(inMs)
    await clinic.plan(library, ids, at)
    return at
  }

  it('sends what is due at its time, once, with two processes and no sweep', async () => {
    const [one] = [await clinic.worker(), await clinic.worker()]
    const at = await planSoon(one)
    await once()
    for (const mail of clinic.sent)
      expect(mail.at.getTime(), 'sent before its time').toBeGreaterThanOrEqual(at.getTime())
  })

  it('sends what a process planned before others were there', async () => {
    const one = await clinic.worker()
    await planSoon(one)
    await one.stop()
    await clinic.worker()
    await once()
  })

  it('sends what no wake-up came for: the sweep finds it', async () => {
    const library = await clinic.worker({ sweepMs: soonMs, through: withWake(() => () => {}) })
    await planSoon(library)
    await once()
  })

  it('sends once where every wake-up comes twice', async () => {
    const twice = withWake((wake) => () => {
      wake()
      wake()
    })
    const [one] = [await clinic.worker({ through: twice }), await clinic.worker({ through: twice })]
    await planSoon(one)
    await once()
  })

  it('sends once where every wake-up comes late', async () => {
    const late = withWake((wake, { clock }) => () => {
      clock.setTimer(new Date(clock.now().getTime() + soonMs), wake)
    })
    await planSoon(await clinic.worker({ through: late }))
    await once()
  })

  it('sends what is due soon after the clock jumped past its time', async () => {
    const library = await clinic.worker()
    await planSoon(library)
    world.jump(world.in(30_000))
    await once()
  })

  it('sends nothing before its time where the clock jumped back', async () => {
    const library = await clinic.worker()
    const at = await planSoon(library, 3 * soonMs)
    await world.pass(soonMs)
    world.jump(world.in(-2 * soonMs))
    await once()
    for (const mail of clinic.sent)
      expect(mail.at.getTime(), 'sent before its time').toBeGreaterThanOrEqual(at.getTime())
  })

  it('sends nothing from a process that was stopped; another one does', async () => {
    const one = await clinic.worker()
    await planSoon(one)
    await Promise.all([one.stop(), one.stop()])
    await world.pass(3 * soonMs)
    expect(clinic.sent, 'sent by a process that was stopped').toEqual([])
    await clinic.worker()
    await once()
  })
}
