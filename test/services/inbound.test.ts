/** What becomes of texts that nobody should miss or be told twice. */
import { expect, it } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { twilio } from '../../adapters/transport/twilio.ts'
import { type Reply, TransportError } from '../../src/index.ts'
import { organizationId, otherOrganizationId } from '../support/clinic.ts'
import { migratedDatabase } from '../support/migrated-sqlite.ts'
import { heard, person, phone, recipient } from './heard-clinic.ts'

const answers = ({ outbox }: Awaited<ReturnType<typeof heard>>) =>
  outbox.sent.filter(({ category }) => category === 'ANSWER')
const hour = 3_600_000

it('where the webhook carries no reply, one text confirms a refusal, and HELP is answered once an hour', async () => {
  await using clinic = await heard(7, person, { canRespond: false })
  await clinic.post({ text: 'HELP' })
  await clinic.post({ text: 'help!' })
  expect(answers(clinic).map(({ text }) => text)).toEqual([expect.stringMatching(/Appointment messages/)])
  await clinic.clock.advance(hour)
  await clinic.post({ text: 'HELP' })
  await clinic.post({ text: 'STOP' })
  await clinic.post({ text: 'STOP' })
  await clinic.post({ text: 'HELP' })
  await clinic.clock.advance(2 * hour)
  await clinic.post({ text: 'STOP' })
  await clinic.post({ text: 'INFO' })
  expect(answers(clinic)).toMatchObject([
    { to: phone, from: '+14155550100', notificationId: 0 },
    { text: expect.stringMatching(/Text STOP to end them/) },
    { text: expect.stringMatching(/no more messages/) },
  ])
  const { entries } = await clinic.audit.list(organizationId)
  const told = entries.filter(({ action }) => action === 'person.answered')
  expect(told.map(({ detail }) => `${detail.outcome} ${detail.reason}`)).toEqual([
    'sent stopped',
    'sent help',
    'sent help',
  ])
})

it('two machines that answer each other fall silent', async () => {
  await using clinic = await heard(7, person, { canRespond: false })
  for (let round = 0; round < 20; round += 1) {
    for (const text of ['HELP', 'STOP', 'START']) await clinic.post({ text })
  }
  expect(answers(clinic)).toHaveLength(3)
})

it('an answer that cannot be sent is in the audit log and the log, and changes nothing else', async () => {
  const refusal = new TransportError('Not now.', { outcome: 'transient', code: 'told_to_fail' })
  await using clinic = await heard(7, person, {
    canRespond: false,
    fail: ({ category }) => (category === 'ANSWER' ? refusal : null),
  })
  expect((await clinic.post({ text: 'STOP' })).status).toBe(200)
  expect(await clinic.enabled()).toBe(false)
  const { entries } = await clinic.audit.list(organizationId)
  expect(entries.find(({ action }) => action === 'person.answered')?.detail).toMatchObject({
    outcome: 'failed',
    reason: 'told_to_fail',
  })
  expect(clinic.log.lines.some((line) => line.includes('a person who wrote was not answered'))).toBe(true)
})

it('what the provider answers by itself is not answered twice', async () => {
  await using clinic = await heard(7, person, { canRespond: false })
  await clinic.post({ text: 'HELP', isAnswered: true })
  await clinic.post({ text: 'STOP', isAnswered: true })
  expect(answers(clinic)).toEqual([])
  expect(await clinic.enabled()).toBe(false)
})

it('a process that dies once a refusal is stored leaves what is for people to them, and once', async () => {
  const ids = { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' } as const
  const storage = sqlite({ database: await migratedDatabase(ids) })
  const carry = storage.carry.bind(storage)
  let isDying = false
  storage.carry = async (command, items) => {
    const outcomes = await carry(command, items)
    if (!isDying || !JSON.stringify(items).includes('"onlyTaken"')) return outcomes
    isDying = false
    throw new Error('the process dies here')
  }
  const called: string[] = []
  const hooks = { onReply: async ({ text }: Reply) => void called.push(text) }
  await using clinic = await heard(7, person, { storage, hooks })
  isDying = true
  expect((await clinic.post({ text: 'CANCEL', messageId: 'SMc' })).status).toBe(500)
  expect(await clinic.enabled()).toBe(false)
  for (let time = 0; time < 2; time += 1) await clinic.post({ text: 'CANCEL', messageId: 'SMc' })
  await clinic.clock.advance(6 * hour)
  expect((await clinic.answers.list(null)).answers).toMatchObject([{ kind: 'possible_cancel_request', text: 'CANCEL' }])
  expect(called).toEqual(['CANCEL'])
})

it('a refusal of nobody who is known, by a second phone, reaches the people of the clinic', async () => {
  await using clinic = await heard()
  await clinic.post({ text: 'STOP', from: '+14155550999' })
  expect(await clinic.enabled()).toBe(null)
  expect((await clinic.answers.list(null)).answers).toMatchObject([
    { kind: 'consent_in_doubt', text: 'STOP', address: '+14155550999', recipient: null },
  ])
})

it('a refusal by the number of several clinics concerns those that send by it, and no clinic with its own', async () => {
  await using clinic = await heard(7, person, { further: [twilio()] })
  const other = { type: 'PATIENT', id: 8 } as const
  const recipients = [{ ...person, ...other }]
  const startsAt = new Date('2031-03-20T12:00:00Z')
  clinic.host.book({ id: 2, organizationId: otherOrganizationId, startsAt, recipients })
  await clinic.notifications.sendAppointmentNotification(2, { category: 'CONFIRMATION', channel: 'SMS' })
  await clinic.settle()
  const own = { smsProvider: 'twilio', smsApiKey: 'AC1', smsApiSecret: 'token', smsFromNumber: '+14155550777' }
  await clinic.settings.createOrganizationSettings(otherOrganizationId, own)
  await clinic.post({ text: 'CANCEL' })
  expect(clinic.events).toMatchObject([
    ['consent.refused', { recipients: [recipient] }],
    ['possible_cancel_request', { organizationId, appointmentIds: [1] }],
  ])
  expect(await clinic.enabled()).toBe(false)
  const { decisions } = await clinic.settings.effectivePreferences(other)
  expect(decisions.find(({ channel }) => channel === 'SMS')?.reasons).toEqual([])
  await clinic.addresses.suppress(
    organizationId,
    { channel: 'SMS', address: phone, cause: 'stop' },
    { sharedSender: true },
  )
  expect((await clinic.settings.effectivePreferences(other)).decisions.some(({ allowed }) => allowed)).toBe(true)
  await expect(clinic.settings.getPreferences(other)).rejects.toMatchObject({ code: 'preferences_not_found' })
})

it('START brings back nobody of whom the directory cannot say so, until it can', async () => {
  await using clinic = await heard()
  await clinic.post({ text: 'STOP' })
  await clinic.clock.advance(2 * hour)
  const fault = new Error('the directory is away')
  clinic.host.fault = fault
  await clinic.post({ text: 'START' })
  clinic.host.fault = null
  expect(await clinic.enabled()).toBe(false)
  expect((await clinic.answers.list(null)).answers).toMatchObject([{ kind: 'consent_in_doubt', text: 'START' }])
  expect(clinic.replies).toHaveLength(1)
  await clinic.post({ text: 'START' })
  expect(await clinic.enabled()).toBe(null)
  expect((await clinic.effective())?.allowed).toBe(true)
})

it('who gives one kind of message on one channel gets it there, though it was refused on all, and nowhere else', async () => {
  await using clinic = await heard()
  const said = { organizationId, who: { recipient }, how: 'link', wording: 'page/1' } as const
  await clinic.consent.refuse({ ...said, categories: ['WAITLIST', 'REMINDER'] })
  await clinic.consent.give({ ...said, channels: ['SMS'], categories: ['REMINDER'] })
  const reasons = async (channel: string, category: string) => (await clinic.effective(channel, category))?.reasons
  expect(await reasons('SMS', 'REMINDER')).toEqual([])
  const refused = ['category_disabled_by_recipient']
  expect(await reasons('EMAIL', 'REMINDER')).toEqual(refused)
  expect(await reasons('SMS', 'WAITLIST')).toEqual(refused)
  const { records } = await clinic.consent.record(organizationId, { recipient })
  expect(records.map(({ act, channel, category }) => `${act} ${channel} ${category}`)).toEqual([
    'given SMS REMINDER',
    'refused null WAITLIST',
    'refused null REMINDER',
  ])
  await clinic.consent.give({ ...said, categories: ['REMINDER', 'WAITLIST'] })
  for (const channel of ['EMAIL', 'SMS']) {
    for (const category of ['REMINDER', 'WAITLIST']) expect(await reasons(channel, category)).toEqual([])
  }
})
