import { expect, it } from 'vitest'
import type { Actor, DeliveryRow } from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'
import { minutes, type Starter, t0 } from './harness.ts'
import {
  about,
  addressReport,
  commit,
  deliveryWork,
  guard,
  newDelivery,
  newReminder,
  noPreferences,
  noSettings,
  organizationId,
  patient,
  planCommand,
  planRow,
  sendIntent,
  settleCommand,
} from './rows.ts'

const clerk: Actor = { kind: 'staff', id: 7 }
const told = async (storage: Store) =>
  (await storage.audit.list({ organizationId, limit: 50 })).map(({ actor, action, target, detail }) => ({
    actor,
    action,
    target,
    detail,
  }))

export function audit({ migrated }: Starter): void {
  it('tells who changed which settings, and values only of what is no secret, contact or text', async () => {
    const { storage } = await migrated()
    const values = {
      ...noSettings,
      emailPassword: 'v1:sealed',
      emailFromAddress: 'a@example.org',
      smsEnabled: false,
    }
    await storage.settings.create(organizationId, values, null, t0, clerk)
    await storage.settings.update(organizationId, { smsEnabled: true, smsApiKey: 'v1:other' }, null, minutes(1), clerk)
    await storage.settings.update(organizationId, { smsTemplates: { appointment_reminder: 'text' } }, null, minutes(2))
    await storage.settings.update(organizationId, { smsEnabled: true }, null, minutes(3), clerk)
    const target = { type: 'organization', id: organizationId }
    expect(await told(storage)).toEqual([
      {
        actor: { kind: 'system', id: null },
        action: 'templates.updated',
        target,
        detail: { changes: [{ field: 'smsTemplates' }], version: 1 },
      },
      {
        actor: clerk,
        action: 'settings.updated',
        target,
        detail: { changes: [{ field: 'smsEnabled', from: false, to: true }, { field: 'smsApiKey' }] },
      },
      {
        actor: clerk,
        action: 'settings.created',
        target,
        detail: {
          changes: [
            { field: 'smsEnabled', from: null, to: false },
            { field: 'emailPassword' },
            { field: 'emailFromAddress' },
          ],
        },
      },
    ])
  })

  it('tells who planned and cancelled the reminders of an appointment, where somebody is named', async () => {
    const { storage } = await migrated()
    const reminders = [newReminder()]
    const named = { by: clerk, action: 'reminders.scheduled' } as const
    await storage.plans.apply([planCommand({ plan: planRow({ customReminders: [24] }), reminders, ...named })])
    await storage.plans.apply([planCommand({ plan: planRow({ appointmentId: 101 }), reminders })])
    const [made] = await storage.reminders.list(organizationId, 100)
    await storage.plans.forgetAppointment(100, [], minutes(1), undefined, clerk)
    await storage.plans.forgetAppointment(101, [], minutes(1))
    const target = { type: 'appointment', id: '100' }
    expect(await told(storage)).toEqual([
      { actor: clerk, action: 'reminders.cancelled', target, detail: { cancelledReminderIds: [made?.id] } },
      {
        actor: clerk,
        action: 'reminders.scheduled',
        target,
        detail: { offsets: [24], reminderIds: [made?.id], cancelledReminderIds: [] },
      },
    ])
  })

  it('tells of consent: preferences made, changed and deleted', async () => {
    const { storage } = await migrated()
    const self: Actor = { kind: 'patient', id: 'p-12' }
    await storage.preferences.create(organizationId, patient, { ...noPreferences, smsEnabled: true }, null, t0, clerk)
    await storage.preferences.update(patient, { smsEnabled: false, phoneNumber: '+14155550123' }, null, t0, self)
    await storage.plans.forgetRecipient(patient, minutes(1), clerk)
    await storage.plans.forgetRecipient(patient, minutes(2), clerk)
    const target = { type: 'patient', id: '12' }
    expect(await told(storage)).toEqual([
      { actor: clerk, action: 'preferences.deleted', target, detail: {} },
      {
        actor: self,
        action: 'preferences.updated',
        target,
        detail: { changes: [{ field: 'smsEnabled', from: true, to: false }, { field: 'phoneNumber' }] },
      },
      {
        actor: clerk,
        action: 'preferences.created',
        target,
        detail: { changes: [{ field: 'smsEnabled', from: null, to: true }] },
      },
    ])
  })

  it('tells who asked for messages, and what went out', async () => {
    const { storage } = await migrated()
    const [queued] = await storage.deliveries.enqueue([newDelivery({ category: 'WAITLIST' })], about(), t0, clerk)
    const [planned] = await storage.plans.apply([planCommand({ notifications: [newDelivery()], by: clerk })])
    const notice = planned?.status === 'applied' ? planned.notifications[0] : undefined
    const claim = async (row: Pick<DeliveryRow, 'id' | 'fence'> = { id: 0, fence: 0 }) => {
      const revisions = guard({ plan: { organizationId, appointmentId: 100, revision: 1 } })
      const delivery = await commit(storage, sendIntent(deliveryWork(row), { guard: revisions }))
      return delivery ?? { id: 0, fence: 0 }
    }
    const held = await claim(queued)
    const address = addressReport({ kind: 'suppressed', cause: 'stop', code: 'opted_out' })
    await storage.deliveries.settle([settleCommand(held, { kind: 'sent', providerMessageId: null })])
    const other = await claim(notice)
    await storage.deliveries.settle([{ ...settleCommand(other, { kind: 'failed', code: 'x', message: 'y' }), address }])
    const target = { type: 'appointment', id: '100' }
    expect(await told(storage)).toEqual([
      {
        actor: { kind: 'system', id: null },
        action: 'address.suppressed',
        target: { type: 'patient', id: '12' },
        detail: { channel: 'EMAIL', cause: 'stop', reason: 'opted_out' },
      },
      {
        actor: { kind: 'system', id: null },
        action: 'notification.sent',
        target: null,
        detail: { notificationIds: [queued?.id] },
      },
      {
        actor: clerk,
        action: 'notification.queued',
        target,
        detail: { category: 'CONFIRMATION', notificationIds: [notice?.id] },
      },
      {
        actor: clerk,
        action: 'notification.queued',
        target,
        detail: { category: 'WAITLIST', notificationIds: [queued?.id] },
      },
    ])
  })

  it('lists one organization, newest first, by action, period and page', async () => {
    const { storage } = await migrated()
    await storage.settings.create('other', { ...noSettings, smsEnabled: false }, null, t0)
    await storage.settings.create(organizationId, { ...noSettings, smsEnabled: false }, null, t0)
    for (const minute of [1, 2, 3]) {
      await storage.settings.update(organizationId, { smsEnabled: minute % 2 === 1 }, null, minutes(minute))
    }
    const all = await storage.audit.list({ organizationId, limit: 10 })
    expect(all.map((row) => row.at)).toEqual([minutes(3), minutes(2), minutes(1), t0])
    const ids = all.map((row) => row.id)
    const list = async (query: object) =>
      (await storage.audit.list({ organizationId, limit: 10, ...query })).map((row) => row.id)
    expect(await list({ limit: 2 })).toEqual(ids.slice(0, 2))
    expect(await list({ before: ids[1] })).toEqual(ids.slice(2))
    expect(await list({ action: 'settings.created' })).toEqual(ids.slice(3))
    expect(await list({ from: minutes(1), to: minutes(2) })).toEqual(ids.slice(1, 3))
  })
}
