import { expect, it } from 'vitest'
import type { IntentCommand } from '../../../src/index.ts'
import { dueDeliveries, dueReminders, minutes, type Starter, t0 } from './harness.ts'
import {
  about,
  ada,
  addressReport,
  claimOne,
  commit,
  content,
  deliveryWork,
  failure,
  guard,
  newDelivery,
  nextPlan,
  noPreferences,
  noSettings,
  organizationId,
  patient,
  planOne,
  planRow,
  queue,
  reminderWork,
  sendIntent,
  settleCommand,
} from './rows.ts'

export function claims({ migrated }: Starter): void {
  it('claims a reminder: a delivery under lease, a reminder no longer due', async () => {
    const { storage } = await migrated()
    const id = await planOne(storage)
    const intent = sendIntent(reminderWork(id))
    const delivery = await commit(storage, intent, minutes(0.5))
    expect(delivery).toMatchObject({
      ...content(),
      organizationId,
      appointmentId: 100,
      waitlistEntryId: null,
      reminderId: id,
      recipient: patient,
      channel: 'EMAIL',
      category: 'REMINDER',
      status: null,
      state: 'sending',
      attempts: 1,
      unknownOutcomes: 0,
      fence: intent.fence,
      dueAt: minutes(2),
      provider: 'smtp',
      idempotencyKey: intent.idempotencyKey,
      dedupeKey: null,
      createdAt: minutes(0.5),
    })
    expect(await storage.deliveries.get(delivery?.id ?? 0)).toEqual(delivery)
    expect(await storage.reminders.get(id)).toMatchObject({
      status: 'PENDING',
      dueAt: null,
      notificationId: delivery?.id,
      subject: 'Appointment reminder',
      message: 'You have an appointment.',
    })
    expect(await dueReminders(storage, minutes(1000), 10)).toEqual([])
    expect(await dueDeliveries(storage, minutes(1000), 10)).toEqual([])
    expect((await storage.decisions.list(organizationId, 100)).at(-1)?.entries[0]?.action).toBe('send')
  })

  it('keeps what the calendar file of a message said, also when it is sent again without one', async () => {
    const { storage } = await migrated()
    const [queued] = await queue(storage, [newDelivery()])
    if (queued === undefined) throw new Error('expected a row')
    const calendar = { sequence: 3, organizer: 'desk@harbour.example' }
    const claim = { guard: guard({ plan: null }), calendar }
    const first = await commit(storage, sendIntent(deliveryWork(queued), claim))
    expect(first?.calendar).toEqual(calendar)
    const again = sendIntent(deliveryWork(first ?? queued), { guard: guard({ plan: null }), leaseUntil: minutes(4) })
    expect((await commit(storage, again, minutes(3)))?.calendar).toEqual(calendar)
    const [read] = await storage.deliveries.ofAppointments([{ organizationId, appointmentId: 100 }], 10)
    expect(read?.calendar).toEqual(calendar)
    await queue(storage, [newDelivery({ dedupeKey: 'without a file' })])
    const about = [{ organizationId, appointmentId: 100 }]
    const filed = await storage.deliveries.ofAppointments(about, 1, { withCalendar: true })
    expect(filed.map(({ id, calendar: mark }) => [id, mark])).toEqual([[queued.id, calendar]])
    const taken = { guard: guard({ plan: null }), calendar: { sequence: 4, organizer: null } }
    const third = await commit(storage, sendIntent(deliveryWork(filed[0] ?? queued), taken), minutes(5))
    expect(third?.calendar).toEqual(taken.calendar)
    expect(await storage.deliveries.ofAppointments(about, 1, { withCalendar: true })).toEqual([third])
  })

  it('lets one of many intents win a reminder, also from other connections', async () => {
    const { storage, another } = await migrated()
    const others = [storage, await another(), await another()]
    const ids = await Promise.all(
      Array.from({ length: 20 }, (_, index) => planOne(storage, { plan: planRow({ appointmentId: 300 + index }) })),
    )
    const outcomes = await Promise.all(
      ids.flatMap((id, index) => {
        const guarded = guard({ plan: { organizationId, appointmentId: 300 + index, revision: 1 } })
        return others.map((one) => one.deliveries.commitIntents([sendIntent(reminderWork(id), { guard: guarded })], t0))
      }),
    )
    expect(outcomes.flat().filter((outcome) => outcome.status === 'committed')).toHaveLength(20)
    const { total } = await storage.deliveries.list({ limit: 1, offset: 0 })
    expect(total).toBe(20)
  })

  it('lets the first of two intents in one call win', async () => {
    const { storage } = await migrated()
    const id = await planOne(storage)
    const outcomes = await storage.deliveries.commitIntents(
      [sendIntent(reminderWork(id)), sendIntent(reminderWork(id))],
      t0,
    )
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['committed', 'lost'])
  })

  it('commits the claim of a reminder that is asked for again, and changes nothing: its answer may have been lost', async () => {
    const { storage, another } = await migrated()
    const id = await planOne(storage)
    const nearer = await planOne(storage, { plan: planRow({ appointmentId: 101 }) })
    const merged = [{ work: reminderWork(nearer), rule: 'nearer_reminder' }] as const
    const intent = sendIntent(reminderWork(id), { merged, cap: 5 })
    const held = await commit(storage, intent)
    const state = async () => [
      await storage.deliveries.list({ limit: 10, offset: 0 }),
      await storage.reminders.get(id),
      await storage.decisions.list(organizationId, 100),
      await storage.statistics.counts({ organizationId }),
    ]
    const before = await state()
    expect(await commit(await another(), intent, minutes(1))).toEqual(held)
    expect(await state()).toEqual(before)
    // Another claim of the same, in the same millisecond, or an attempt that is over is not this one.
    expect(await commit(storage, sendIntent(reminderWork(id)))).toBeNull()
    await storage.deliveries.settle([settleCommand(held ?? { id: 0, fence: 0 })])
    expect(await commit(storage, intent)).toBeNull()
  })

  it('commits the claim of a delivery that is asked for again, too', async () => {
    const { storage, another } = await migrated()
    const held = await claimOne(storage)
    const retake = sendIntent(deliveryWork(held), { leaseUntil: minutes(4) })
    const taken = await commit(storage, retake, minutes(2))
    expect(await commit(await another(), retake, minutes(3))).toEqual(taken)
    expect(await storage.deliveries.get(held.id)).toMatchObject({ attempts: 2, unknownOutcomes: 1 })
    expect(await commit(storage, sendIntent(deliveryWork(held), { leaseUntil: minutes(4) }))).toBeNull()
  })

  it('gives a delivery that another holds to one, as it was seen, whatever the time', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    const held = await claimOne(storage)
    const again = { leaseUntil: minutes(4), content: content({ message: 'Again.' }) }
    // Whoever does not say that it saw it being sent takes nothing, nor who saw it before it was renewed.
    const unseen = sendIntent({ kind: 'delivery', id: held.id, fence: held.fence }, again)
    expect(await commit(other, unseen, minutes(1000))).toBeNull()
    await storage.deliveries.renew([{ ...held, leaseUntil: minutes(3), at: minutes(1) }])
    expect(await commit(other, sendIntent(deliveryWork(held), again), minutes(1000))).toBeNull()
    const renewed = (await storage.deliveries.get(held.id)) ?? held
    const rivals = [sendIntent(deliveryWork(renewed), again), sendIntent(deliveryWork(renewed), again)] as const
    const taken = await Promise.all([commit(storage, rivals[0], t0), commit(other, rivals[1], t0)])
    const winner = taken.find((row) => row !== null)
    expect(taken.filter((row) => row !== null)).toHaveLength(1)
    expect(winner).toMatchObject({
      id: held.id,
      fence: rivals[taken.indexOf(winner ?? null)]?.fence,
      attempts: 2,
      // Nobody knows what became of the first attempt.
      unknownOutcomes: 1,
      state: 'sending',
      dueAt: minutes(4),
      message: 'Again.',
    })
    expect((await storage.reminders.get(held.reminderId ?? 0))?.message).toBe('Again.')
  })

  it('only records what a holder says whose delivery was taken over', async () => {
    const { storage } = await migrated()
    const stale = await claimOne(storage)
    const holder = await commit(storage, sendIntent(deliveryWork(stale), { leaseUntil: minutes(4) }), minutes(2))
    const rows = async () => [
      await storage.deliveries.get(stale.id),
      await storage.reminders.get(stale.reminderId ?? 0),
    ]
    const before = await rows()
    const refused = { kind: 'failed', ...failure } as const
    const late = settleCommand(stale, refused, {
      address: addressReport({ kind: 'suppressed', cause: 'stop', code: 'x' }),
    })
    expect(await storage.deliveries.settle([late])).toEqual([false])
    expect(await rows()).toEqual(before)
    expect(await storage.addresses.find([ada])).toEqual([])
    expect(await storage.statistics.countsByDay({})).toEqual([])
    expect((await storage.decisions.list(organizationId, 100)).at(-1)?.entries).toMatchObject([
      { action: 'late', rule: 'late_outcome', notificationId: stale.id, offset: '24h', detail: 'failed smtp_550' },
    ])
    expect(await storage.deliveries.settle([settleCommand(holder ?? stale)])).toEqual([true])
  })

  it('does not take an intent that was decided under an older fence', async () => {
    const { storage } = await migrated()
    const first = await claimOne(storage)
    const retry = { ...failure, kind: 'retry', dueAt: t0, countAttempt: true, unknown: false } as const
    await storage.deliveries.settle([settleCommand(first, retry)])
    const second = await commit(storage, sendIntent(deliveryWork(first)))
    await storage.deliveries.settle([settleCommand(second ?? first, retry)])
    const before = await storage.deliveries.get(first.id)
    expect(before).toMatchObject({ state: 'queued', fence: second?.fence })
    const stale: IntentCommand[] = [
      sendIntent(deliveryWork(first)),
      { kind: 'cancel', work: deliveryWork(first), decision: about(), rule: 'retries_exhausted' },
      { kind: 'defer', work: deliveryWork(first), decision: about(), until: minutes(9) },
      { kind: 'hold', work: deliveryWork(first), decision: about(), ...failure },
    ]
    const outcomes = await storage.deliveries.commitIntents(stale, minutes(1))
    expect(outcomes.map((outcome) => outcome.status)).toEqual(stale.map(() => 'lost'))
    expect(await storage.deliveries.get(first.id)).toEqual(before)
  })

  it('does not hold what its worker gave back meanwhile: nothing of it is in doubt', async () => {
    const { storage } = await migrated()
    const first = await claimOne(storage)
    const given = { ...failure, kind: 'retry', dueAt: minutes(9), countAttempt: false, unknown: false } as const
    await storage.deliveries.settle([settleCommand(first, given)])
    const hold = { kind: 'hold', work: deliveryWork(first), decision: about(), ...failure } as const
    expect(await storage.deliveries.commitIntents([hold], minutes(10))).toEqual([{ status: 'lost' }])
    expect(await storage.deliveries.get(first.id)).toMatchObject({ state: 'queued', fence: first.fence, attempts: 0 })
    const second = await commit(storage, sendIntent(deliveryWork(first)), minutes(10))
    await storage.deliveries.settle([settleCommand(second ?? first, { ...given, unknown: true })])
    const later = { ...hold, work: deliveryWork(second ?? first) }
    expect(await storage.deliveries.commitIntents([later], minutes(11))).toMatchObject([
      { status: 'committed', delivery: { state: 'unknown' } },
    ])
  })

  it('lets the holder settle after its lease, if nobody took it', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    expect(await storage.deliveries.settle([settleCommand(held, undefined, { at: minutes(60) })])).toEqual([true])
    const another = { kind: 'sent', providerMessageId: 'provider-2' } as const
    expect(await storage.deliveries.settle([settleCommand(held, another, { at: minutes(61) })])).toEqual([false])
  })

  const defeats: Record<string, (storage: Parameters<typeof planOne>[0]) => Promise<unknown>> = {
    'a plan that changed': (storage) => storage.plans.apply([nextPlan(1)]),
    'settings that were made': (storage) => storage.settings.create(organizationId, noSettings, null, t0),
    'preferences that were made': (storage) =>
      storage.preferences.create(organizationId, patient, noPreferences, null, t0),
  }
  for (const [what, change] of Object.entries(defeats)) {
    it(`is defeated by ${what} since it was decided`, async () => {
      const { storage } = await migrated()
      const id = await planOne(storage)
      await change(storage)
      const before = await storage.reminders.get(id)
      expect(await commit(storage, sendIntent(reminderWork(id)))).toBeNull()
      expect(await storage.reminders.get(id)).toEqual(before)
      expect((await storage.deliveries.list({ limit: 1, offset: 0 })).total).toBe(0)
      expect((await storage.decisions.list(organizationId, 100)).flatMap((row) => row.entries)).not.toContainEqual(
        expect.objectContaining({ action: 'send' }),
      )
    })
  }

  it('is defeated by settings and preferences that changed, and stands on the newest', async () => {
    const { storage } = await migrated()
    const id = await planOne(storage)
    await storage.settings.create(organizationId, noSettings, null, t0)
    await storage.preferences.create(organizationId, patient, noPreferences, null, t0)
    const settings = await storage.settings.update(organizationId, { smsEnabled: false }, null, t0)
    const preferences = await storage.preferences.update(patient, { emailEnabled: true }, null, t0)
    const revisions = (of: number, from: number) =>
      sendIntent(reminderWork(id), {
        guard: guard({
          settings: { organizationId, revision: of },
          preferences: [{ recipient: patient, revision: from }],
        }),
      })
    const newest = [settings?.revision ?? 0, preferences?.row.revision ?? 0] as const
    expect(await commit(storage, revisions(1, newest[1]))).toBeNull()
    expect(await commit(storage, revisions(newest[0], 1))).toBeNull()
    expect(await commit(storage, revisions(...newest))).not.toBeNull()
  })

  it('is defeated when the guarded row was deleted', async () => {
    const { storage } = await migrated()
    await storage.preferences.create(organizationId, patient, noPreferences, null, t0)
    const [row] = await queue(storage, [newDelivery({ appointmentId: null })])
    if (row === undefined) throw new Error('expected a row')
    await storage.plans.forgetRecipient(patient, t0)
    const guarded = guard({ plan: null, preferences: [{ recipient: patient, revision: 1 }] })
    expect(await commit(storage, sendIntent(deliveryWork(row), { guard: guarded }))).toBeNull()
  })
}
