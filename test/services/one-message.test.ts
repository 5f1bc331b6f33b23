import { describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { type DirectoryRecipient, type NotificationsOptions, type Transport, TransportError } from '../../src/index.ts'
import { Answers } from '../../src/services/answers/answers.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { sqlite } from '../support/stores.ts'

const byMail: DirectoryRecipient = { ...ada, phone: null }
const child = (id: number, name: string): DirectoryRecipient => ({
  type: 'PATIENT',
  id,
  name,
  email: 'home@example.org',
})

/** Reminders a day before, by mail; the visits are on March 20, in New York. */
async function clinicOfDays(settings: object = {}, options: Partial<NotificationsOptions> = {}) {
  const clinic = await openClinic('2026-03-18T12:00:00Z', options)
  await clinic.settings.createOrganizationSettings(organizationId, {
    oneMessagePerDay: true,
    quietHours: [],
    defaultEmailReminders: [24],
    defaultSmsReminders: [24],
    ...settings,
  })
  await clinic.start()
  const book = async (id: number, hour: number, recipients: readonly DirectoryRecipient[] = [byMail], day = 20) => {
    const startsAt = `2026-03-${day}T${hour}:00:00Z`
    clinic.host.book({ id, startsAt, recipients: [...recipients], practitionerName: `Dr. ${id}`, location: null })
    await clinic.notifications.scheduleReminders(id)
  }
  return Object.assign(clinic, { book })
}

type Clinic = Awaited<ReturnType<typeof clinicOfDays>>

const statusesOf = async ({ notifications }: Clinic, ...ids: number[]) =>
  Promise.all(ids.map(async (id) => (await notifications.getReminders(id)).map(({ status }) => status).join(' ')))
const textsOf = ({ outbox }: Pick<Clinic, 'outbox'>) =>
  outbox.sent.map(({ text }) => text.split('\n').filter((line) => /\d:00|:$/.test(line)))
const rulesOf = async ({ notifications }: Clinic, id: number) =>
  (await notifications.explain(id)).map(({ action, rule }) => `${action} ${rule}`)

describe('one message for the appointments of a day', () => {
  it('lists all, in one message with a history of each; those of other days go by themselves', async () => {
    await using clinic = await clinicOfDays()
    await clinic.book(1, 15)
    await clinic.book(2, 14)
    await clinic.book(3, 18)
    await clinic.book(4, 14, [byMail], 21)
    await clinic.clock.advanceTo('2026-03-19T14:00:00Z')
    expect(textsOf(clinic)).toEqual([
      ['Appointments tomorrow:', '10:00 AM, Dr. 2', '11:00 AM, Dr. 1', '2:00 PM, Dr. 3'],
    ])
    expect(await statusesOf(clinic, 1, 2, 3, 4)).toEqual(['SENT', 'SENT', 'SENT', 'PENDING'])
    expect(await rulesOf(clinic, 3)).toContain('send one_message_per_day')
    const { notifications } = await clinic.notifications.history({ limit: 10 })
    expect(notifications.map(({ appointmentId, status }) => `${appointmentId} ${status}`).toSorted()).toEqual([
      '1 SENT',
      '2 SENT',
      '3 SENT',
    ])
    await clinic.clock.advanceTo('2026-03-22T00:00:00Z')
    expect(clinic.outbox.sent).toHaveLength(2)
  })

  it('is off by default', async () => {
    await using clinic = await clinicOfDays({ oneMessagePerDay: null })
    await clinic.book(1, 15)
    await clinic.book(2, 14)
    await clinic.clock.advanceTo('2026-03-20T00:00:00Z')
    expect(clinic.outbox.sent).toHaveLength(2)
  })

  it('says what is true when it is sent, of what was moved and cancelled, reported or not', async () => {
    await using clinic = await clinicOfDays()
    for (const [id, hour] of [
      [1, 14],
      [2, 15],
      [3, 16],
      [4, 17],
      [5, 18],
    ] as const)
      await clinic.book(id, hour)
    clinic.host.change(2, { status: 'cancelled' })
    await clinic.notifications.appointmentCancelled(2, { notify: false })
    clinic.host.change(3, { startsAt: '2026-03-20T20:00:00Z' })
    await clinic.notifications.appointmentRescheduled(3, { notify: false })
    clinic.host.change(4, { startsAt: '2026-03-25T17:00:00Z' })
    clinic.host.change(5, { status: 'cancelled' })
    await clinic.clock.advanceTo('2026-03-20T00:00:00Z')
    expect(textsOf(clinic)).toEqual([['Appointments tomorrow:', '10:00 AM, Dr. 1', '4:00 PM, Dr. 3']])
  })

  it('is put together anew for each attempt, by what was cancelled meanwhile', async () => {
    let failures = 1
    const busy = new TransportError('Busy.', { outcome: 'transient', code: 'busy' })
    const outbox = capture({ fail: () => (failures-- > 0 ? busy : null) })
    await using clinic = await clinicOfDays({}, { transports: [outbox] })
    for (const [id, hour] of [
      [1, 14],
      [2, 15],
      [3, 16],
    ] as const)
      await clinic.book(id, hour)
    await clinic.clock.advanceTo('2026-03-19T14:00:01Z')
    expect([outbox.sent.length, ...(await statusesOf(clinic, 1, 2, 3))]).toEqual([0, 'PENDING', 'PENDING', 'PENDING'])
    clinic.host.change(1, { status: 'cancelled' })
    expect(await clinic.notifications.appointmentCancelled(1, { notify: false })).toMatchObject({ inFlight: 0 })
    await clinic.clock.advanceTo('2026-03-20T00:00:00Z')
    expect(textsOf({ outbox })).toEqual([['Appointments tomorrow:', '11:00 AM, Dr. 2', '12:00 PM, Dr. 3']])
    expect(await statusesOf(clinic, 1, 2, 3)).toEqual(['CANCELLED', 'SENT', 'SENT'])
  })

  it('is refused by the provider for each of them, and repeated under one key where nobody knows', async () => {
    const unknown = new TransportError('Silence.', { outcome: 'unknown', code: 'silence' })
    const refusal = new TransportError('Refused.', { outcome: 'permanent', code: 'refused' })
    const keys: string[] = []
    const outbox = capture({
      fail: ({ idempotencyKey }) => (keys.push(idempotencyKey) === 1 ? unknown : refusal),
    })
    await using clinic = await clinicOfDays(
      { fallback: [{ channels: [{ channel: 'SMS' }] }] },
      { transports: [outbox] },
    )
    await clinic.book(1, 14)
    await clinic.book(2, 15)
    await clinic.clock.advanceTo('2026-03-19T14:10:00Z')
    expect(keys).toHaveLength(2)
    expect(new Set(keys).size).toBe(1)
    expect(await statusesOf(clinic, 1, 2)).toEqual(['FAILED', 'FAILED'])
    expect(clinic.told.filter(({ name }) => name === 'reminder.failed')).toHaveLength(2)
  })

  it('is for a household with one address, once it was written to for each of them', async () => {
    await using clinic = await clinicOfDays()
    const [mia, ben] = [child(7, 'Mia'), child(8, 'Ben')]
    await clinic.book(1, 14, [mia])
    await clinic.book(2, 16, [ben])
    await clinic.book(3, 17, [{ ...child(9, 'Cleo'), email: 'elsewhere@example.org' }])
    for (const id of [1, 2, 3]) await clinic.notifications.sendAppointmentNotification(id, { category: 'CONFIRMATION' })
    await clinic.clock.advanceTo('2026-03-19T15:00:00Z')
    const [, , , message, ...more] = clinic.outbox.sent
    expect(more).toEqual([])
    expect(message?.text).toContain('Hello Mia and Ben,')
    expect(message?.text).toContain('10:00 AM, Mia, Dr. 1\n12:00 PM, Ben, Dr. 2')
  })

  it('says no more of anybody than each of them allows', async () => {
    await using clinic = await clinicOfDays()
    const [mia, ben] = [child(7, 'Mia'), child(8, 'Ben')]
    await clinic.book(1, 14, [mia])
    await clinic.book(2, 16, [ben])
    for (const id of [1, 2]) await clinic.notifications.sendAppointmentNotification(id, { category: 'CONFIRMATION' })
    await clinic.settle()
    await clinic.settings.createPreferences({ type: 'PATIENT', id: 8 }, { detailLevels: [{ level: 1 }] })
    await clinic.clock.advanceTo('2026-03-19T15:00:00Z')
    expect(clinic.outbox.sent.at(-1)?.text).toContain('10:00 AM, Mia\n12:00 PM, Ben\n')
    await clinic.book(3, 13, [ben], 25)
    await clinic.book(4, 14, [mia], 25)
    await clinic.book(5, 15, [ben], 25)
    await clinic.settings.updatePreferences({ type: 'PATIENT', id: 8 }, { detailLevels: [{ level: 0 }] })
    await clinic.clock.advanceTo('2026-03-24T17:00:00Z')
    // What names no time cannot be listed.
    expect(clinic.outbox.sent).toHaveLength(6)
    expect(clinic.outbox.sent.at(-2)?.text).toContain('Dr. 4')
    expect(clinic.outbox.sent.at(-1)?.text).not.toMatch(/Mia|Ben|Dr\.|\d:00/)
  })

  it('is by a person’s own template where that lists them all; else one by one, which is said', async () => {
    await using clinic = await clinicOfDays()
    const update = (body: string) =>
      clinic.settings.updateOrganizationSettings(organizationId, { emailTemplates: { appointment_reminder: body } })
    expect((await update('See you at {time}.')).warnings.map(({ code }) => code)).toContain('not_listed')
    await clinic.book(1, 14)
    await clinic.book(2, 15)
    await clinic.clock.advanceTo('2026-03-20T00:00:00Z')
    expect(clinic.outbox.sent).toHaveLength(2)
    expect((await update('Your day:\n{ appointments }')).warnings.map(({ code }) => code)).not.toContain('not_listed')
    await clinic.book(3, 14, [byMail], 25)
    await clinic.book(4, 15, [byMail], 25)
    await clinic.clock.advanceTo('2026-03-25T00:00:00Z')
    expect(clinic.outbox.sent.slice(2).map(({ text }) => text)).toEqual(['Your day:\n10:00 AM, Dr. 3\n11:00 AM, Dr. 4'])
  })

  it('is not by a template with a link that answers for one of them', async () => {
    const hooks = { onConfirm: async () => {}, onChangeRequest: async () => {} }
    await using clinic = await clinicOfDays({}, { publicUrl: 'https://clinic.example/n', hooks })
    const emailTemplates = { appointment_reminder: '{appointments} { confirm_url }' }
    const { warnings } = await clinic.settings.updateOrganizationSettings(organizationId, { emailTemplates })
    expect(warnings).toContainEqual(expect.objectContaining({ code: 'not_listed' }))
  })

  it('counts once in the budget of a person', async () => {
    await using clinic = await clinicOfDays({ dailyBudget: 1 })
    await clinic.book(1, 16)
    await clinic.book(2, 14)
    await clinic.notifications.scheduleReminders(1, { customReminders: [30] })
    await clinic.clock.advanceTo('2026-03-20T00:00:00Z')
    expect(await statusesOf(clinic, 1, 2)).toEqual(['SENT CANCELLED', 'SENT'])
    expect(clinic.outbox.sent).toHaveLength(1)
  })

  it.each([0, 1])('is given up for each of its appointments where nobody has room: %i hours apart', async (apart) => {
    await using clinic = await clinicOfDays({ dailyBudget: 1 })
    for (const id of [1, 2, 3]) {
      await clinic.book(id, 14 + apart * id)
      await clinic.notifications.scheduleReminders(id, { customReminders: [24] })
    }
    await clinic.clock.advanceTo('2026-03-19T13:00:00Z')
    // It is the message of the day.
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    await clinic.clock.advanceTo('2026-03-20T03:00:00Z')
    expect(clinic.outbox.sent).toHaveLength(1)
    expect(await statusesOf(clinic, 1, 2, 3)).toEqual(['CANCELLED', 'CANCELLED', 'CANCELLED'])
    for (const id of [1, 2, 3])
      expect((await rulesOf(clinic, id)).filter((rule) => rule === 'cancelled budget_spent')).toHaveLength(1)
  })

  it('is about the first of its appointments: what is kept for that in a budget is for the message', async () => {
    await using clinic = await clinicOfDays({ dailyBudget: 1 })
    await clinic.book(1, 14)
    await clinic.notifications.scheduleReminders(1, { customReminders: [24, 20] })
    await clinic.book(2, 16)
    await clinic.notifications.scheduleReminders(2, { customReminders: [30] })
    await clinic.clock.advanceTo('2026-03-20T00:00:00Z')
    expect(textsOf(clinic)).toEqual([['Appointments tomorrow:', '10:00 AM, Dr. 1', '12:00 PM, Dr. 2']])
  })

  it('is one of those that a budget keeps room for', async () => {
    await using clinic = await clinicOfDays({ dailyBudget: 2 })
    for (const [id, hour] of [
      [1, 15],
      [2, 16],
      [3, 17],
    ] as const)
      await clinic.book(id, hour)
    // Due first that day, of a later one.
    await clinic.book(4, 14, [byMail], 25)
    await clinic.notifications.scheduleReminders(4, { customReminders: ['6d'] })
    await clinic.clock.advanceTo('2026-03-20T00:00:00Z')
    expect(clinic.outbox.sent.map(({ text }) => text.match(/Dr\. \d/g)?.join())).toEqual(['Dr. 4', 'Dr. 1,Dr. 2,Dr. 3'])
  })

  it('counts for the first of several people who has room, and once where it is tried again', async () => {
    let failures = 0
    const busy = new TransportError('Busy.', { outcome: 'transient', code: 'busy' })
    const outbox = capture({ fail: () => (failures-- > 0 ? busy : null) })
    await using clinic = await clinicOfDays({}, { transports: [outbox] })
    const [mia, ben] = [child(7, 'Mia'), child(8, 'Ben')]
    await clinic.book(1, 14, [mia])
    await clinic.book(2, 15, [ben])
    for (const id of [1, 2]) await clinic.notifications.sendAppointmentNotification(id, { category: 'CONFIRMATION' })
    await clinic.clock.advanceTo('2026-03-19T13:00:00Z')
    await clinic.settings.updateOrganizationSettings(organizationId, { dailyBudget: 1 })
    // It is Mia’s message of the day.
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    await clinic.settle()
    failures = 1
    await clinic.clock.advanceTo('2026-03-19T14:00:01Z')
    expect(await statusesOf(clinic, 1, 2)).toEqual(['PENDING', 'PENDING'])
    // Due in the moment in which that is tried again.
    clinic.host.book({ id: 3, startsAt: '2026-03-20T14:00:22.500Z', recipients: [ben], location: null })
    await clinic.notifications.scheduleReminders(3)
    await clinic.clock.advanceTo('2026-03-20T03:00:00Z')
    expect(outbox.sent.at(-1)?.text.match(/10:\d\d AM|11:00 AM/g)).toHaveLength(3)
    expect(await statusesOf(clinic, 1, 2, 3)).toEqual(['SENT', 'SENT', 'SENT'])
  })

  it('goes to whoever is awake when it is sent', async () => {
    await using clinic = await clinicOfDays({
      quietHours: [{ channel: 'EMAIL', hours: { from: '21:00', to: '08:00' } }],
    })
    const [mia, ben] = [child(7, 'Mia'), { ...child(8, 'Ben'), timeZone: 'America/Los_Angeles' }]
    await clinic.book(1, 14, [mia])
    await clinic.book(2, 16, [ben])
    for (const id of [1, 2]) await clinic.notifications.sendAppointmentNotification(id, { category: 'CONFIRMATION' })
    await clinic.clock.advanceTo('2026-03-19T13:00:00Z')
    const count = clinic.outbox.sent.length
    // 10 AM in New York is 7 AM for Ben.
    await clinic.clock.advanceTo('2026-03-19T14:00:01Z')
    expect(clinic.outbox.sent.slice(count).map(({ text }) => text.match(/Dr\. \d/g)?.join())).toEqual(['Dr. 1'])
    await clinic.clock.advanceTo('2026-03-19T16:00:01Z')
    expect(clinic.outbox.sent.slice(count).map(({ text }) => text.match(/Dr\. \d/g)?.join())).toEqual([
      'Dr. 1',
      'Dr. 2',
    ])
  })

  it('is one message again where what was in it is not claimed at once', async () => {
    let failures = 1
    const busy = new TransportError('Busy.', { outcome: 'transient', code: 'busy' })
    const outbox = { ...capture({ fail: () => (failures-- > 0 ? busy : null) }), concurrency: 1 }
    await using clinic = await clinicOfDays({}, { transports: [outbox] })
    for (const [id, hour] of [
      [1, 14],
      [2, 15],
      [3, 16],
    ] as const)
      await clinic.book(id, hour)
    await clinic.clock.advanceTo('2026-03-20T00:00:00Z')
    expect(textsOf({ outbox })).toEqual([
      ['Appointments tomorrow:', '10:00 AM, Dr. 1', '11:00 AM, Dr. 2', '12:00 PM, Dr. 3'],
    ])
    expect(await statusesOf(clinic, 1, 2, 3)).toEqual(['SENT', 'SENT', 'SENT'])
  })

  it('ends with the day of its own person, whoever else is written to', async () => {
    await using clinic = await clinicOfDays()
    const [mia, zoe] = [child(7, 'Mia'), { ...byMail, timeZone: 'America/Los_Angeles' }]
    await clinic.book(1, 14, [mia])
    // At 1 AM of the next day for Mia, and on the same evening in Los Angeles.
    await clinic.book(2, 22, [mia])
    await clinic.notifications.scheduleReminders(2, { customReminders: [17] })
    await clinic.book(3, 14, [zoe])
    await clinic.clock.advanceTo('2026-03-19T14:00:01Z')
    expect(await statusesOf(clinic, 1, 2, 3)).toEqual(['SENT', 'CANCELLED PENDING', 'SENT'])
  })

  it('takes along no reminder of a practitioner with the same address', async () => {
    await using clinic = await clinicOfDays({ practitionerNotifications: ['REMINDER'] })
    const mia = child(7, 'Mia')
    await clinic.book(1, 14, [mia])
    await clinic.book(2, 16, [mia, { type: 'PRACTITIONER', id: 3, name: 'Dr. 2', email: 'home@example.org' }])
    await clinic.clock.advanceTo('2026-03-19T14:00:01Z')
    const reminders = await clinic.notifications.getReminders(2)
    expect(reminders.map(({ recipient, status }) => `${recipient.type} ${status}`).toSorted()).toEqual([
      'PATIENT SENT',
      'PRACTITIONER PENDING',
    ])
  })

  it('is repeated in time for the first of its appointments, under the key of then', async () => {
    const unknown = new TransportError('Silence.', { outcome: 'unknown', code: 'silence' })
    const sent: { key: string; at: string; named: string | undefined }[] = []
    const outbox = capture({
      fail: ({ idempotencyKey, text }) => {
        sent.push({ key: idempotencyKey, at: clinic.clock.now().toISOString(), named: text.match(/Dr\. \d/g)?.join() })
        return sent.length === 1 ? unknown : null
      },
    })
    await using clinic = await clinicOfDays({}, { transports: [outbox], retry: { baseMs: 600_000 } })
    const book = async (id: number, startsAt: string, offset: number | string) => {
      clinic.host.book({ id, startsAt, recipients: [byMail], practitionerName: `Dr. ${id}`, location: null })
      await clinic.notifications.scheduleReminders(id, { customReminders: [offset] })
    }
    await book(1, '2026-03-20T13:05:00Z', '2m')
    await book(2, '2026-03-20T20:00:00Z', 7)
    await clinic.clock.advanceTo('2026-03-20T21:00:00Z')
    const [first, ...again] = sent
    expect(first?.at).toBe('2026-03-20T13:00:00.000Z')
    // Half a minute before the last moment for the first one.
    expect(again).toEqual([{ ...first, at: '2026-03-20T13:03:30.000Z' }])
    expect(await statusesOf(clinic, 1, 2)).toEqual(['SENT', 'SENT'])
  })

  it('asks for an answer to each of them by its code', async () => {
    const heard: string[] = []
    const take = async (one: { appointmentId: unknown } & ({ action: string } | object)) =>
      void heard.push(`${'action' in one ? one.action : 'reply'} ${one.appointmentId}`)
    await using clinic = await clinicOfDays(
      { askForAnswers: true, defaultEmailReminders: [] },
      {
        publicUrl: 'https://clinic.example/n',
        hooks: { onConfirm: take, onChangeRequest: take, onReply: async ({ text }) => void heard.push(text) },
      },
    )
    await clinic.book(1, 14, [ada])
    await clinic.book(2, 16, [ada])
    await clinic.clock.advanceTo('2026-03-19T15:00:00Z')
    const [message, ...more] = clinic.outbox.sent
    expect(more).toEqual([])
    const [one, other] = [...(message?.text.matchAll(/^(\d[A-Z]): /gm) ?? [])].map(([, code]) => code)
    expect(message?.text).toBe(
      `Harbour Clinic: Appointments tomorrow:\n${one}: 10:00 AM, Dr. 1\n${other}: 12:00 PM, Dr. 2\nReply C ${one} or C ${other} to confirm or R ${one} or R ${other} to ask for another time.`,
    )
    const { answers } = clinic
    if (!(answers instanceof Answers)) throw new Error('expected the service')
    const reply = async (text: string, repliesTo: string | null) => {
      const about = { organizationId, channel: 'SMS', address: ada.phone, sender: null, payload: null } as const
      const at = clinic.clock.now()
      const { status } = await answers.read({ ...about, text, messageId: text, at, repliesTo })
      await clinic.settle()
      return status
    }
    expect(await reply(`C ${other}`, null)).toBe('answered')
    expect(await reply(`R ${one}`, message?.idempotencyKey ?? '')).toBe('answered')
    expect(await reply('R', null)).toBe('unclear')
    expect(heard).toEqual(['confirm 2', 'change 1', 'R'])
  })

  it('is reported on as one, and each that fails is replaced', async () => {
    await using clinic = await clinicOfDays({ fallback: [{ channels: [{ channel: 'SMS' }] }], defaultSmsReminders: [] })
    await clinic.book(1, 14, [ada])
    await clinic.book(2, 15, [ada])
    await clinic.clock.advanceTo('2026-03-19T14:00:00Z')
    const [first] = (await clinic.notifications.history({ limit: 2 })).notifications
    await clinic.recordReceipt(first?.id ?? 0, { outcome: 'bounced', code: 'smtp_5.2.2' })
    await clinic.clock.advanceTo('2026-03-19T14:01:00Z')
    expect(await statusesOf(clinic, 1, 2)).toEqual(['FAILED', 'FAILED'])
    expect(clinic.outbox.sent.map(({ channel }) => channel)).toEqual(['EMAIL', 'SMS', 'SMS'])
    expect(new Set(clinic.outbox.sent.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(3)
  })

  it('goes out under one key again where nobody knows whether it did', async () => {
    const keys: string[] = []
    let isStuck = true
    const outbox: Transport = {
      name: 'outbox',
      channels: ['EMAIL'],
      needsAccount: false,
      send: async ({ idempotencyKey, text }, { signal }) => {
        keys.push(`${idempotencyKey} ${text.match(/Dr\. \d/g)?.join()}`)
        if (isStuck) await new Promise((_, reject) => signal.addEventListener('abort', reject))
        return { messageId: null }
      },
    }
    await using clinic = await clinicOfDays({}, { transports: [outbox], sendTimeoutMs: 1000 })
    await clinic.book(1, 14)
    await clinic.book(2, 15)
    await clinic.clock.advanceTo('2026-03-19T14:00:02Z')
    isStuck = false
    await clinic.clock.advanceTo('2026-03-19T15:30:00Z')
    expect(await statusesOf(clinic, 1, 2)).toEqual(['SENT', 'SENT'])
    expect(keys).toHaveLength(2)
    expect(new Set(keys).size).toBe(1)
  })

  it('says nothing of somebody who was erased since', async () => {
    await using clinic = await clinicOfDays()
    await clinic.book(1, 14, [child(7, 'Mia')])
    await clinic.book(2, 16, [child(8, 'Ben')])
    for (const id of [1, 2]) await clinic.notifications.sendAppointmentNotification(id, { category: 'CONFIRMATION' })
    await clinic.clock.advanceTo('2026-03-19T15:00:00Z')
    const textOf = async () =>
      (await clinic.notifications.history({ recipientType: 'PATIENT', recipientId: 7 })).notifications[0]?.message
    expect(await textOf()).toContain('Ben')
    expect((await clinic.notifications.getReminders(1))[0]?.message).toContain('Ben')
    await clinic.privacy.eraseRecipient({ type: 'PATIENT', id: 8 })
    expect(await textOf()).toBe('')
    expect((await clinic.notifications.getReminders(1))[0]).toMatchObject({ message: '', erased: true })
  })

  it('says nothing of somebody who was erased since and got a message of their own in the end', async () => {
    let failures = 1
    const busy = new TransportError('Busy.', { outcome: 'transient', code: 'busy' })
    const storage = sqlite(':memory:')
    await using clinic = await clinicOfDays(
      {},
      { transports: [capture({ fail: () => (failures-- > 0 ? busy : null) })], storage },
    )
    await clinic.book(1, 14, [child(7, 'Mia')])
    await clinic.book(2, 16, [child(8, 'Zerlina')])
    failures = 0
    for (const id of [1, 2]) await clinic.notifications.sendAppointmentNotification(id, { category: 'CONFIRMATION' })
    await clinic.settle()
    failures = 1
    await clinic.clock.advanceTo('2026-03-19T14:00:01Z')
    expect(await statusesOf(clinic, 1, 2)).toEqual(['PENDING', 'PENDING'])
    clinic.host.change(1, { status: 'cancelled' })
    await clinic.notifications.appointmentCancelled(1, { notify: false })
    await clinic.clock.advanceTo('2026-03-19T15:00:00Z')
    expect(await statusesOf(clinic, 1, 2)).toEqual(['CANCELLED', 'SENT'])
    const held = async () => {
      const rows = await storage.deliveries.list({ organizationId, limit: 20, offset: 0 })
      const decisions = (await Promise.all([1, 2].map((id) => storage.decisions.list(organizationId, id)))).flat()
      const reminders = (await Promise.all([1, 2].map((id) => storage.reminders.list(organizationId, id)))).flat()
      return JSON.stringify([rows, decisions, reminders]).match(/Zerlina/g)?.length ?? 0
    }
    expect(await held()).toBeGreaterThan(2)
    clinic.host.appointmentRows.clear()
    await clinic.privacy.eraseRecipient({ type: 'PATIENT', id: 8 })
    expect(await held()).toBe(0)
  })

  it('is reported on for those of that attempt, and not for one that waits for its own', async () => {
    let failures = 1
    const busy = new TransportError('Busy.', { outcome: 'transient', code: 'busy' })
    const outbox = capture({ fail: () => (failures-- > 0 ? busy : null) })
    await using clinic = await clinicOfDays({}, { transports: [outbox] })
    for (const [id, hour] of [
      [1, 14],
      [2, 15],
      [3, 16],
    ] as const)
      await clinic.book(id, hour)
    await clinic.clock.advanceTo('2026-03-19T14:00:01Z')
    clinic.host.change(3, { startsAt: 'unreadable' })
    await clinic.clock.advanceTo('2026-03-19T14:02:00Z')
    expect(await statusesOf(clinic, 1, 2, 3)).toEqual(['SENT', 'SENT', 'PENDING'])
    const { notifications } = await clinic.notifications.history({ status: 'SENT', limit: 1 })
    await clinic.recordReceipt(notifications[0]?.id ?? 0, { outcome: 'delivered' })
    expect(await statusesOf(clinic, 1, 2, 3)).toEqual(['SENT', 'SENT', 'PENDING'])
    clinic.host.change(3, { startsAt: '2026-03-20T16:00:00Z' })
    await clinic.clock.advanceTo('2026-03-20T00:00:00Z')
    expect(textsOf({ outbox })).toHaveLength(2)
    expect(await statusesOf(clinic, 1, 2, 3)).toEqual(['SENT', 'SENT', 'SENT'])
  })

  it('names ten at most, and takes of each the next reminder only', async () => {
    await using clinic = await clinicOfDays()
    for (let hour = 13; hour < 24; hour += 1) await clinic.book(hour, hour)
    await clinic.notifications.scheduleReminders(14, { customReminders: [22, 20] })
    await clinic.clock.advanceTo('2026-03-19T13:00:01Z')
    expect(textsOf(clinic).map((lines) => lines.length)).toEqual([11])
    expect(await statusesOf(clinic, 13, 14, 22, 23)).toEqual(['SENT', 'CANCELLED SENT PENDING', 'SENT', 'PENDING'])
    await clinic.clock.advanceTo('2026-03-20T04:00:00Z')
    expect(await statusesOf(clinic, 14, 23)).toEqual(['CANCELLED SENT SENT', 'SENT'])
  })

  it('is not what may have gone out by itself, which is repeated by itself', async () => {
    const unknown = new TransportError('Silence.', { outcome: 'unknown', code: 'silence' })
    const keys: string[] = []
    const outbox = capture({ fail: ({ idempotencyKey }) => (keys.push(idempotencyKey) === 1 ? unknown : null) })
    await using clinic = await clinicOfDays({}, { transports: [outbox] })
    await clinic.book(1, 14)
    await clinic.clock.advanceTo('2026-03-19T14:00:00Z')
    await clinic.settle()
    // Due in the moment in which that is tried again.
    clinic.host.book({ id: 2, startsAt: '2026-03-20T14:00:22.500Z', recipients: [byMail] })
    await clinic.notifications.scheduleReminders(2)
    await clinic.clock.advanceTo('2026-03-19T14:30:00Z')
    expect(await statusesOf(clinic, 1, 2)).toEqual(['SENT', 'SENT'])
    expect([keys.length, new Set(keys).size]).toEqual([3, 2])
  })

  it('leaves each the attempts that it has left', async () => {
    let failures = 2
    const busy = new TransportError('Busy.', { outcome: 'transient', code: 'busy' })
    const outbox = capture({ fail: () => (failures-- > 0 ? busy : null) })
    const retry = { maxRetries: 1 }
    await using clinic = await clinicOfDays({}, { transports: [outbox], retry })
    await clinic.book(1, 14)
    await clinic.clock.advanceTo('2026-03-19T14:00:01Z')
    await clinic.book(2, 15)
    await clinic.clock.advanceTo('2026-03-20T00:00:00Z')
    expect(await statusesOf(clinic, 1, 2)).toEqual(['FAILED', 'SENT'])
  })

  it('never keeps from one of them what is repeated for another', async () => {
    const unknown = new TransportError('Silence.', { outcome: 'unknown', code: 'silence' })
    const keys: string[] = []
    const outbox = capture({ fail: ({ idempotencyKey }) => (keys.push(idempotencyKey) === 1 ? unknown : null) })
    await using clinic = await clinicOfDays({}, { transports: [outbox] })
    for (const [id, hour] of [
      [1, 14],
      [2, 15],
      [3, 16],
    ] as const)
      await clinic.book(id, hour)
    await clinic.clock.advanceTo('2026-03-19T14:00:01Z')
    clinic.host.change(1, { status: 'cancelled' })
    expect(await clinic.notifications.appointmentCancelled(1, { notify: false })).toMatchObject({ inFlight: 1 })
    await clinic.clock.advanceTo('2026-03-20T00:00:00Z')
    expect(textsOf({ outbox })).toEqual([['Appointments tomorrow:', '11:00 AM, Dr. 2', '12:00 PM, Dr. 3']])
    expect(new Set(keys).size).toBe(2)
    expect(await statusesOf(clinic, 1, 2, 3)).toEqual(['FAILED', 'SENT', 'SENT'])
  })

  it('is refused where TaskManager sends', async () => {
    const taskManager = { url: 'https://tasks.example', mode: 'deliver' } as const
    await using clinic = await openClinic('2026-03-18T12:00:00Z', {
      taskManager,
      publicUrl: 'https://clinic.example/n',
    })
    const create = clinic.settings.createOrganizationSettings(organizationId, { oneMessagePerDay: true })
    await expect(create).rejects.toMatchObject({ code: 'invalid_input', field: 'oneMessagePerDay' })
  })
})
