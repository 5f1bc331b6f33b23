import { expect, it } from 'vitest'
import type { IntentCommand } from '../../../src/index.ts'
import { dueDeliveries, minutes, type Starter, t0 } from './harness.ts'
import {
  about,
  applied,
  claimOne,
  commit,
  content,
  deliveryWork,
  guard,
  newReminder,
  organizationId,
  planCommand,
  planOne,
  planRow,
  reminderWork,
  sendIntent,
  settleCommand,
} from './rows.ts'

export function verdicts({ migrated }: Starter): void {
  it('cancels what it merges in the same step, or does nothing at all', async () => {
    const { storage } = await migrated()
    const reminders = ['24h', '2h', '1h'].map((offset) => newReminder({ offset }))
    const [outcome] = await storage.plans.apply([planCommand({ reminders })])
    const [far, near, nearest] = applied(outcome).created.map((row) => row.id)
    if (far === undefined || near === undefined || nearest === undefined) throw new Error('expected three')
    const merged = [far, near].map((id) => ({ work: reminderWork(id), rule: 'nearer_reminder' as const }))
    expect(
      await commit(storage, { kind: 'cancel', work: reminderWork(far), decision: about(), rule: 'same_address' }),
    ).toBeNull()
    expect(await commit(storage, sendIntent(reminderWork(nearest), { merged }))).toBeNull()
    expect(await storage.reminders.get(near)).toMatchObject({ status: 'PENDING', dueAt: t0 })
    expect(await storage.reminders.get(nearest)).toMatchObject({ status: 'PENDING', dueAt: t0, notificationId: null })
    expect(await commit(storage, sendIntent(reminderWork(nearest), { merged: merged.slice(1) }))).not.toBeNull()
    expect(await storage.reminders.get(near)).toMatchObject({
      status: 'CANCELLED',
      reason: 'nearer_reminder',
      dueAt: null,
    })
  })

  it('fails, defers and cancels a reminder', async () => {
    const { storage } = await migrated()
    const id = await planOne(storage)
    const work = reminderWork(id)
    await storage.deliveries.commitIntents([{ kind: 'defer', work, decision: about(), until: minutes(9) }], t0)
    expect(await storage.reminders.get(id)).toMatchObject({ status: 'PENDING', dueAt: minutes(9), reminderTime: t0 })
    const failing: IntentCommand = {
      kind: 'fail',
      work,
      decision: about(),
      code: 'no_template',
      message: 'cannot be rendered',
      content: content({ message: '' }),
    }
    const row = await commit(storage, failing, minutes(9))
    expect(row).toMatchObject({
      status: 'FAILED',
      state: 'settled',
      attempts: 0,
      errorCode: 'no_template',
      dueAt: null,
      sentAt: null,
    })
    expect(await storage.reminders.get(id)).toMatchObject({
      status: 'FAILED',
      errorMessage: 'cannot be rendered',
      dueAt: null,
      notificationId: row?.id,
    })
    expect(await commit(storage, failing, minutes(9))).toBeNull()
    const other = await planOne(storage, { plan: planRow({ appointmentId: 101 }) })
    const [cancelled] = await storage.deliveries.commitIntents(
      [{ kind: 'cancel', work: reminderWork(other), decision: about(), rule: 'no_contact' }],
      t0,
    )
    expect(cancelled).toEqual({ status: 'committed', delivery: null })
    expect(await storage.reminders.get(other)).toMatchObject({ status: 'CANCELLED', reason: 'no_contact', dueAt: null })
  })

  it('defers, cancels, fails and holds a delivery whose lease is over, and its reminder with it', async () => {
    const { storage } = await migrated()
    const claimed = async (appointmentId: number) => {
      const id = await planOne(storage, { plan: planRow({ appointmentId }) })
      const guarded = guard({ plan: { organizationId, appointmentId, revision: 1 } })
      const row = await commit(storage, sendIntent(reminderWork(id), { guard: guarded }))
      if (row === null) throw new Error('expected a claim')
      return { id, work: deliveryWork(row), row }
    }
    const now = minutes(3)
    const deferred = await claimed(1)
    await commit(storage, { kind: 'defer', work: deferred.work, decision: about(), until: minutes(8) }, now)
    expect(await storage.deliveries.get(deferred.row.id)).toMatchObject({
      state: 'queued',
      dueAt: minutes(8),
      attempts: 1,
      unknownOutcomes: 1,
    })
    expect(await storage.deliveries.settle([settleCommand(deferred.row)])).toEqual([false])

    const cancelled = await claimed(2)
    await commit(
      storage,
      { kind: 'cancel', work: cancelled.work, decision: about(), rule: 'appointment_cancelled' },
      now,
    )
    expect(await storage.deliveries.get(cancelled.row.id)).toMatchObject({
      state: 'cancelled',
      status: null,
      reason: 'appointment_cancelled',
      dueAt: null,
    })
    expect(await storage.reminders.get(cancelled.id)).toMatchObject({
      status: 'CANCELLED',
      reason: 'appointment_cancelled',
    })

    const failed = await claimed(3)
    await commit(
      storage,
      { kind: 'fail', work: failed.work, decision: about(), code: 'c', message: 'no', content: content() },
      now,
    )
    expect(await storage.deliveries.get(failed.row.id)).toMatchObject({
      state: 'settled',
      status: 'FAILED',
      errorMessage: 'no',
    })
    expect(await storage.reminders.get(failed.id)).toMatchObject({ status: 'FAILED', errorMessage: 'no' })

    const held = await claimed(4)
    const row = await commit(
      storage,
      { kind: 'hold', work: held.work, decision: about(), code: 'u', message: 'held' },
      now,
    )
    expect(row).toMatchObject({ state: 'unknown', status: null, dueAt: null, errorCode: 'u' })
    expect(await storage.reminders.get(held.id)).toMatchObject({ status: 'FAILED', errorMessage: 'held' })
    expect(await dueDeliveries(storage, minutes(1000), 10)).toMatchObject([{ id: deferred.row.id }])
  })

  it('loses to whatever ended the work before', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    await storage.deliveries.settle([settleCommand(held)])
    const kinds: IntentCommand[] = [
      sendIntent(deliveryWork(held)),
      { kind: 'cancel', work: deliveryWork(held), decision: about(), rule: 'no_contact' },
      { kind: 'defer', work: reminderWork(held.reminderId ?? 0), decision: about(), until: minutes(9) },
      { kind: 'hold', work: deliveryWork(held), decision: about(), code: 'u', message: 'held' },
      sendIntent(reminderWork(987_654)),
    ]
    const outcomes = await storage.deliveries.commitIntents(kinds, minutes(10))
    expect(outcomes.map((outcome) => outcome.status)).toEqual(kinds.map(() => 'lost'))
    expect(await storage.reminders.get(held.reminderId ?? 0)).toMatchObject({ status: 'SENT' })
  })
}
