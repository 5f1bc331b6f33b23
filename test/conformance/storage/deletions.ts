import { expect, it } from 'vitest'
import { dueDeliveries, dueReminders, minutes, type Starter, t0 } from './harness.ts'
import {
  applied,
  claimOne,
  client,
  newDelivery,
  newReminder,
  noPreferences,
  organizationId,
  patient,
  planCommand,
  planOne,
  planRow,
  queue,
  settleCommand,
} from './rows.ts'

const gone = { action: 'cancelled', rule: 'appointment_gone', category: 'REMINDER' } as const

export function deletions({ migrated }: Starter): void {
  it('forgets an appointment: its plan and what was pending or queued; history stays', async () => {
    const { storage } = await migrated()
    const reminders = [newReminder(), newReminder({ channel: 'SMS' })]
    await storage.plans.apply([planCommand({ reminders, notifications: [newDelivery()] })])
    const other = await planOne(storage, { plan: planRow({ appointmentId: 101 }) })
    const { cancelled, inFlight } = await storage.plans.forgetAppointment(100, [gone], minutes(1))
    expect(inFlight).toBe(0)
    expect(cancelled).toMatchObject([{ status: 'CANCELLED', reason: 'appointment_gone' }, { status: 'CANCELLED' }])
    expect(await storage.plans.get(organizationId, 100)).toBeNull()
    expect(await storage.deliveries.list({ limit: 10, offset: 0 })).toMatchObject({
      rows: [{ state: 'cancelled', reason: 'appointment_gone' }],
    })
    expect(await dueReminders(storage, minutes(1000), 10)).toMatchObject([{ id: other }])
    expect((await storage.decisions.list(organizationId, 100)).at(-1)).toMatchObject({
      entries: [gone],
      at: minutes(1),
    })
    expect(await storage.plans.forgetAppointment(100, [], minutes(2))).toEqual({ cancelled: [], inFlight: 0 })
  })

  it("forgets what one organization has of an appointment that is another one's now, and nothing of the other", async () => {
    const { storage } = await migrated()
    await planOne(storage)
    const otherOrganizationId = '11111111-2222-4333-8444-555555555555'
    const theirs = { organizationId: otherOrganizationId }
    const kept = await planOne(storage, {
      plan: planRow(theirs),
      reminders: [newReminder()],
      notifications: [newDelivery(theirs)],
    })
    const { cancelled } = await storage.plans.forgetAppointment(100, [gone], minutes(1), organizationId)
    expect(cancelled.map((row) => row.organizationId)).toEqual([organizationId])
    expect(await storage.plans.get(organizationId, 100)).toBeNull()
    expect(await storage.plans.get(otherOrganizationId, 100)).not.toBeNull()
    expect(await dueReminders(storage, minutes(1000), 10)).toMatchObject([{ id: kept }])
    expect(await dueDeliveries(storage, minutes(1000), 10)).toMatchObject([theirs])
    expect(await storage.decisions.list(otherOrganizationId, 100)).not.toContainEqual(
      expect.objectContaining({ entries: [gone] }),
    )
  })

  it('still sends the cancellation of an appointment that was cancelled, then deleted', async () => {
    const { storage } = await migrated()
    await storage.plans.apply([
      planCommand({ reminders: [], notifications: [newDelivery({ category: 'CANCELLATION' })] }),
    ])
    await storage.plans.forgetAppointment(100, [gone], t0)
    expect(await dueDeliveries(storage, t0, 10)).toMatchObject([{ category: 'CANCELLATION', state: 'queued' }])
  })

  it('tells of what is being sent when the appointment is forgotten, and lets it finish', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    expect(await storage.plans.forgetAppointment(100, [gone], t0)).toEqual({ cancelled: [], inFlight: 1 })
    expect(await storage.deliveries.settle([settleCommand(held)])).toEqual([true])
    expect(await storage.reminders.get(held.reminderId ?? 0)).toMatchObject({ status: 'SENT' })
  })

  it('plans a forgotten appointment anew, without sending again what was sent', async () => {
    const { storage } = await migrated()
    await storage.deliveries.settle([settleCommand(await claimOne(storage))])
    await storage.plans.forgetAppointment(100, [gone], t0)
    const [outcome] = await storage.plans.apply([planCommand()])
    expect(applied(outcome)).toMatchObject({ created: [], kept: [{ status: 'SENT' }] })
  })

  it('forgets a recipient: preferences and what was pending or queued for it, in every appointment', async () => {
    const { storage } = await migrated()
    await storage.preferences.create(organizationId, patient, noPreferences, null, t0)
    await storage.preferences.create(organizationId, client, noPreferences, null, t0)
    const reminders = [newReminder(), newReminder({ recipient: client })]
    for (const appointmentId of [100, 101]) {
      const plan = planRow({ appointmentId, recipients: [patient, client] })
      await storage.plans.apply([planCommand({ plan, reminders })])
    }
    await queue(storage, [newDelivery(), newDelivery({ recipient: client })])
    const retrying = await claimOne(storage, { plan: planRow({ appointmentId: 102 }) }).catch(() => null)
    expect(retrying).toBeNull()
    const { cancelled, inFlight } = await storage.plans.forgetRecipient(patient, minutes(1))
    expect(inFlight).toBe(0)
    expect(cancelled.map((row) => row.appointmentId).sort()).toEqual([100, 101, 102])
    for (const row of cancelled) expect(row).toMatchObject({ recipient: patient, reason: 'recipient_deleted' })
    expect(await storage.preferences.get([patient, client])).toMatchObject([{ recipient: client }])
    expect((await dueReminders(storage, minutes(1000), 10)).map((row) => row.recipient)).toEqual([client, client])
    expect(await dueDeliveries(storage, minutes(1000), 10)).toMatchObject([{ recipient: client }])
    for (const appointmentId of [100, 101]) {
      const entries = (await storage.decisions.list(organizationId, appointmentId)).flatMap((record) => record.entries)
      expect(entries).toContainEqual(expect.objectContaining({ action: 'cancelled', rule: 'recipient_deleted' }))
    }
  })

  it('withdraws the retries of a forgotten recipient, and tells of what is being sent', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    expect(await storage.plans.forgetRecipient(patient, t0)).toEqual({ cancelled: [], inFlight: 1 })
    const retry = {
      kind: 'retry',
      dueAt: minutes(5),
      code: 'c',
      message: 'm',
      countAttempt: true,
      unknown: false,
    } as const
    await storage.deliveries.settle([settleCommand(held, retry)])
    expect(await storage.plans.forgetRecipient(patient, t0)).toMatchObject({
      cancelled: [{ id: held.reminderId }],
      inFlight: 0,
    })
    expect(await storage.deliveries.get(held.id)).toMatchObject({ state: 'cancelled', reason: 'recipient_deleted' })
  })
}
