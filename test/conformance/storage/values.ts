import { expect, it } from 'vitest'
import { minutes, type Starter, t0, textIds } from './harness.ts'
import {
  about,
  commit,
  content,
  guard,
  newDelivery,
  newReminder,
  noPreferences,
  noSettings,
  organizationId,
  planOne,
  planRow,
  queue,
  reminderWork,
  sendIntent,
  settleCommand,
} from './rows.ts'

/** Text that databases have been known to change, refuse or run. */
const naughty = [
  `'); drop table appointment_reminders; --`,
  'quote " back ` slash \\ percent %_ dollar $1 ? :name @p',
  'emoji 👩🏽‍⚕️ combining e\u0301 right-to-left ‮ zero\u200bwidth',
  'line\r\nbreak\ttab',
  '007',
  '1e3',
  'NULL',
  ' ',
  '文字'.repeat(2000),
]

export function values({ migrated }: Starter): void {
  it('gives text back as it was, everywhere', async () => {
    const { storage } = await migrated()
    for (const [index, text] of naughty.entries()) {
      const appointmentId = index + 1
      const id = await planOne(storage, { plan: planRow({ appointmentId, tzVersion: text }) })
      const row = await commit(
        storage,
        sendIntent(reminderWork(id), {
          guard: guard({ plan: { organizationId, appointmentId, revision: 1 } }),
          content: content({ subject: text, message: text, recipientEmail: text }),
          idempotencyKey: text,
          decision: about([{ action: 'send', rule: 'allowed', category: 'REMINDER', detail: text }], appointmentId),
        }),
      )
      if (row === null) throw new Error('expected a claim')
      await storage.deliveries.settle([settleCommand(row, { kind: 'failed', code: text, message: text })])
      expect(await storage.deliveries.get(row.id)).toMatchObject({
        subject: text,
        message: text,
        recipientEmail: text,
        idempotencyKey: text,
        errorCode: text,
        errorMessage: text,
      })
      expect(await storage.reminders.get(id)).toMatchObject({ subject: text, message: text, errorMessage: text })
      expect((await storage.plans.get(organizationId, appointmentId))?.tzVersion).toBe(text)
      expect((await storage.decisions.list(organizationId, appointmentId)).at(-1)?.entries[0]?.detail).toBe(text)
      const settings = { ...noSettings, emailFromName: text, emailTemplates: { appointment_reminder: text } }
      expect(await storage.settings.create(text, settings, null, t0)).toMatchObject({
        organizationId: text,
        ...settings,
      })
      expect(await storage.settings.get([text])).toMatchObject([settings])
      const [notice] = await queue(storage, [
        newDelivery({ category: 'WAITLIST', dedupeKey: text, snapshot: JSON.stringify({ text }) }),
      ])
      expect(JSON.parse(notice?.snapshot ?? '')).toEqual({ text })
      expect((await storage.deliveries.get(notice?.id ?? 0))?.dedupeKey).toBe(text)
    }
    expect(await storage.settings.get(naughty)).toHaveLength(naughty.length)
  })

  it('keeps text ids apart that look like the same number', async () => {
    const { storage } = await migrated(textIds)
    const ids = ['7', '007', '7.0', '7e0', ' 7', 'a7f3', '٧']
    for (const id of ids) {
      const recipient = { type: 'PATIENT', id } as const
      const made = await planOne(storage, {
        plan: planRow({ appointmentId: id, recipients: [recipient] }),
        reminders: [newReminder({ recipient })],
      })
      expect(await storage.reminders.get(made)).toMatchObject({ appointmentId: id, recipient })
      await storage.preferences.create(
        organizationId,
        recipient,
        { ...noPreferences, emailAddress: `${id}@x` },
        null,
        t0,
      )
      await queue(storage, [newDelivery({ appointmentId: id, recipient, waitlistEntryId: id })])
    }
    for (const id of ids) {
      const recipient = { type: 'PATIENT', id } as const
      expect(await storage.plans.find([id])).toMatchObject([{ appointmentId: id, recipients: [recipient] }])
      expect(await storage.reminders.list(organizationId, id)).toHaveLength(1)
      expect(await storage.preferences.get([recipient])).toMatchObject([{ recipient, emailAddress: `${id}@x` }])
      expect(await storage.decisions.list(organizationId, id)).toMatchObject([{ appointmentId: id }])
      const asked = [{ recipientId: id }, { appointmentId: id }, { waitlistEntryId: id }]
      for (const query of asked) {
        const { rows } = await storage.deliveries.list({ ...query, limit: 10, offset: 0 })
        expect(rows).toMatchObject([{ appointmentId: id, recipient, waitlistEntryId: id }])
      }
      const { cancelled } = await storage.plans.forgetRecipient(recipient, t0)
      expect(cancelled).toMatchObject([{ appointmentId: id }])
    }
  })

  it('gives integer ids back as numbers, the largest too', async () => {
    const { storage } = await migrated()
    for (const id of [1, 2_147_483_648, Number.MAX_SAFE_INTEGER]) {
      const recipient = { type: 'CLIENT', id } as const
      await planOne(storage, {
        plan: planRow({ appointmentId: id, recipients: [recipient] }),
        reminders: [newReminder({ recipient })],
      })
      expect(await storage.reminders.list(organizationId, id)).toMatchObject([{ appointmentId: id, recipient }])
      expect(await storage.plans.find([id])).toMatchObject([{ appointmentId: id }])
    }
  })

  it('keeps instants to the millisecond, far ones and odd ones', async () => {
    const { storage } = await migrated()
    const odd = [
      new Date('2031-03-10T12:00:00.001Z'),
      new Date('1999-12-31T23:59:59.999Z'),
      new Date('9999-12-31T23:59:59.999Z'),
    ]
    for (const [index, at] of odd.entries()) {
      const id = await planOne(storage, {
        plan: planRow({ appointmentId: index + 1, startsAt: at }),
        reminders: [newReminder({ startsAt: at, reminderTime: at })],
        at,
      })
      expect(await storage.reminders.get(id)).toMatchObject({
        startsAt: at,
        reminderTime: at,
        dueAt: at,
        createdAt: at,
      })
      expect((await storage.plans.get(organizationId, index + 1))?.startsAt).toEqual(at)
    }
    expect(await storage.deliveries.nextDueAt()).toEqual(odd[1])
  })

  it('hands out rows that nobody else holds', async () => {
    const { storage } = await migrated()
    const id = await planOne(storage)
    const row = await storage.reminders.get(id)
    row?.reminderTime.setTime(0)
    expect((await storage.reminders.get(id))?.reminderTime).toEqual(t0)
    expect(minutes(0)).toEqual(t0)
  })
}
