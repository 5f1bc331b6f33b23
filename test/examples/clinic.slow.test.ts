/**
 * A client written from the documented examples alone, against the example clinic as its own process: real Express, a
 * database file, a real SMTP server and the real Twilio SDK against a stand-in of its API.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type ClinicProcess, serviceToken, startClinic } from '../support/clinic-process.ts'
import { type ExampleProcess, startExample } from '../support/example-process.ts'
import { type SmtpTestServer, startSmtpServer } from '../support/smtp-server.ts'
import { startTwilioServer, type TwilioTestServer } from '../support/twilio-server.ts'

const organizationId = '7f3d2a10-5b1e-4c7a-9a52-0c6f5a1d9b11'
const otherOrganizationId = '11111111-2222-4333-8444-555555555555'
const canary = 'canary3f9d'

type Answer = { readonly status: number; readonly body: unknown; readonly text: string }

let folder: string
let mail: SmtpTestServer
let sms: TwilioTestServer
let whatsapp: ExampleProcess
let clinic: ClinicProcess

async function call(
  method: string,
  path: string,
  body?: unknown,
  token: string | null = serviceToken,
): Promise<Answer> {
  const response = await fetch(`${clinic.origin}${path}`, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, text, body: text === '' ? null : JSON.parse(text) }
}

const idOf = (answer: Answer): number => z.object({ id: z.number() }).parse(answer.body).id
const tokenOf = (answer: Answer): string => z.object({ token: z.string() }).parse(answer.body).token

/** Polls what arrived; the clinic's clock is the real one. */
async function until(done: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await done()) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`not in time; the clinic said: ${clinic.output.join('\n')}`)
}

const settings = () => ({
  email_enabled: true,
  sms_enabled: true,
  email_smtp_host: '127.0.0.1',
  email_smtp_port: mail.port,
  email_username: 'notifications@clinic.com',
  email_password: `${canary}-password`,
  email_from_address: 'notifications@clinic.com',
  email_from_name: 'Medical Clinic',
  sms_provider: 'twilio',
  sms_api_key: `AC${canary}`,
  sms_api_secret: `${canary}-secret`,
  sms_from_number: '+1234567890',
  default_email_reminders: [24, 2, 1],
  default_sms_reminders: [24, 2],
  email_templates: {
    appointment_confirmation: 'Your appointment has been confirmed for {date} at {time}.',
    appointment_reminder: 'Reminder: You have an appointment tomorrow at {time}.',
  },
  sms_templates: {
    appointment_confirmation: 'Appt confirmed: {date} at {time}',
    appointment_reminder: 'Reminder: Appt tomorrow at {time}',
  },
})

const preferences = {
  email_enabled: true,
  sms_enabled: true,
  email_reminders: [24, 2, 1],
  sms_reminders: [24],
  appointment_confirmation: true,
  appointment_reminder: true,
  appointment_cancellation: true,
  appointment_reschedule: true,
  waitlist_notification: false,
  email_address: 'patient@email.com',
  phone_number: '+1234567890',
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clinic-'))
  mail = await startSmtpServer({})
  sms = await startTwilioServer({})
  whatsapp = await startExample('examples/clinic/whatsapp-stand-in.ts', { PORT: '0' })
  clinic = await startClinic(folder, sms.baseUrl, { WHATSAPP_API_BASE_URL: whatsapp.origin })
}, 30_000)

afterAll(async () => {
  clinic?.process.kill('SIGKILL')
  whatsapp?.process.kill('SIGKILL')
  await Promise.all([mail?.close(), sms?.close()])
  await rm(folder, { recursive: true, force: true })
})

describe('the documented session, as HTTP calls', () => {
  let patientId: number
  let appointmentId: number
  let patientToken: string
  let staffToken: string

  it('the host has an organization, a patient and an appointment', async () => {
    const organization = { id: organizationId, name: 'Harbour Clinic', time_zone: 'America/New_York' }
    expect((await call('POST', '/api/organizations', organization)).status).toBe(201)
    const patient = {
      organization_id: organizationId,
      name: 'Ada Byron',
      email: 'ada@example.org',
      phone: '+14155550123',
    }
    patientId = idOf(await call('POST', '/api/patients', patient))
    const booking = {
      organization_id: organizationId,
      patient_id: patientId,
      starts_at: new Date(Date.now() + 3 * 86_400_000).toISOString(),
      duration_minutes: 30,
      time_zone: 'America/New_York',
      location: 'Room 4',
    }
    appointmentId = idOf(await call('POST', '/api/appointments', booking))
    staffToken = tokenOf(
      await call('POST', '/api/tokens', { kind: 'staff', organization_id: organizationId, role: 'admin' }),
    )
    patientToken = tokenOf(
      await call('POST', '/api/tokens', { kind: 'patient', organization_id: organizationId, id: patientId }),
    )
  })

  it('sets up organization notifications; staff name nobody, a service must', async () => {
    const whose = await call('POST', '/api/notifications/settings/', settings())
    expect([whose.status, whose.body]).toMatchObject([422, { field: 'organization_id' }])
    const created = await call('POST', '/api/notifications/settings/', settings(), staffToken)
    expect(created.status).toBe(201)
    expect((await call('POST', '/api/notifications/settings', settings(), staffToken)).status).toBe(409)
    const read = await call('GET', `/api/notifications/settings/${organizationId}`)
    expect(read.body).toMatchObject({ email_smtp_host: '127.0.0.1', email_password: '********' })
    const put = await call('PUT', `/api/notifications/settings/${organizationId}`, read.body, staffToken)
    expect(put.status, 'what was read may be sent back').toBe(200)
    const update = { email_from_name: 'Harbour', email_password: '********' }
    expect((await call('PUT', `/api/notifications/settings/${organizationId}`, update)).status).toBe(200)
  })

  it('sets patient preferences, the patient’s own', async () => {
    const created = await call('POST', '/api/notifications/preferences/patient/', preferences, patientToken)
    expect([created.status, created.body]).toMatchObject([201, { patient_id: patientId, sms_reminders: [24] }])
    const path = `/api/notifications/preferences/patient/${patientId}`
    // A contact that a patient enters is used once it is proven; what staff enter is used at once.
    const read = await call('GET', path, undefined, patientToken)
    expect(read.body).toMatchObject({ email_address: null })
    await until(() => mail.mails.length > 0 && sms.messages.length > 0)
    expect([mail.mails[0]?.to, sms.messages[0]?.to]).toEqual([['patient@email.com'], '+1234567890'])
    const { email_address, phone_number } = preferences
    const byStaff = await call('PUT', path, { email_address, phone_number }, staffToken)
    expect(byStaff.body).toMatchObject({ email_address: 'patient@email.com' })
    const change = { waitlist_notification: true }
    const put = await call('PUT', path, change, patientToken)
    expect(put.body).toMatchObject({ waitlist_notification: true, email_reminders: [24, 2, 1] })
  })

  it('schedules, reads, reschedules and cancels reminders', async () => {
    const path = `/api/notifications/reminders/appointment/${appointmentId}`
    const scheduled = await call('POST', path, { custom_reminders: [24, 2, 1] })
    expect(scheduled.status).toBe(201)
    const list = z.object({ reminders: z.array(z.looseObject({ reminder_type: z.string(), status: z.string() })) })
    expect(list.parse((await call('GET', path)).body).reminders).toHaveLength(6)
    expect((await call('POST', `${path}/reschedule`)).status).toBe(200)
    expect((await call('DELETE', path)).status).toBe(200)
    const after = list.parse((await call('GET', path)).body).reminders
    expect(new Set(after.map((row) => row.status))).toEqual(new Set(['CANCELLED']))
    expect((await call('POST', path)).status).toBe(201)
  })

  it('sends confirmation, cancellation and reschedule: real mail and the real SDK', async () => {
    const path = `/api/notifications/send/appointment/${appointmentId}`
    for (const notification_type of ['confirmation', 'cancellation', 'reschedule']) {
      const before = { mails: mail.mails.length, texts: sms.messages.length }
      const sent = await call('POST', path, { notification_type })
      expect(sent.status, sent.text).toBe(201)
      await until(() => mail.mails.length > before.mails && sms.messages.length > before.texts)
    }
    // The first was the proof of the address.
    const mails = mail.mails.slice(1)
    expect(mails.map((one) => one.to)).toEqual(Array.from({ length: 3 }, () => ['patient@email.com']))
    expect(mails[0]?.text).toMatch(/^Your appointment has been confirmed for \w+ \d+, \d{4} at \d+:\d\d [AP]M\.\s*$/)
    expect(sms.messages[1]).toMatchObject({ to: '+1234567890', from: '+1234567890' })
    expect(sms.messages[1]?.body).toMatch(/^Appt confirmed: /)
  })

  it('sends a template by WhatsApp, by the three lines of its guide', async () => {
    const guide = await readFile('examples/clinic/README.md', 'utf8')
    const [first] = guide.split('\n```\n').filter((block) => block.includes('whatsapp-cloud'))
    const lines = (first ?? '').split('\n').filter((line) => line.startsWith('curl '))
    expect(lines).toHaveLength(3)
    expect([patientId, appointmentId]).toEqual([1, 1])
    const env = { PATH: process.env['PATH'], api: `${clinic.origin}/api`, org: organizationId }
    const answers: string[] = []
    for (const line of lines) answers.push((await promisify(execFile)('bash', ['-c', line], { env })).stdout)
    expect(JSON.parse(answers[2] ?? '')).toMatchObject({ notifications: [{ notification_type: 'WHATSAPP' }] })
    const told = () => whatsapp.output.filter((line) => line.startsWith('WhatsApp to'))
    await until(() => told().length === 1)
    expect(told()[0]).toMatch(
      /^WhatsApp to \+14155550123: appointment_confirmed \(en_US\): Ada Byron \| \w+ \d+, \d{4} \| \d+:\d\d [AP]M$/,
    )
    expect(clinic.output.join('\n')).not.toContain('demo-token"')
  })

  it('views the history with the documented filters', async () => {
    const query = new URLSearchParams({
      recipient_type: 'PATIENT',
      recipient_id: String(patientId),
      notification_type: 'EMAIL',
      start_date: '2024-01-01T00:00:00Z',
      end_date: '2099-12-31T23:59:59Z',
      limit: '50',
      offset: '0',
    })
    const page = z.object({
      total: z.number(),
      notifications: z.array(z.looseObject({ id: z.number(), status: z.string() })),
    })
    const history = async () => page.parse((await call('GET', `/api/notifications/history/?${query}`)).body)
    await until(async () => (await history()).total === 3)
    const [first] = (await history()).notifications
    expect(first?.status).toBe('SENT')
    expect((await call('GET', `/api/notifications/history/${first?.id}`)).body).toMatchObject({ id: first?.id })
  })

  it('answers health, statistics, debug and templates', async () => {
    for (const path of [
      '/health',
      '/statistics',
      '/reminder-statistics',
      `/debug/preferences/${patientId}`,
      `/debug/effective-settings/${organizationId}`,
      `/templates/${organizationId}`,
      `/reminders/appointment/${appointmentId}/plan`,
      `/reminders/appointment/${appointmentId}/explain`,
    ]) {
      const answer = await call('GET', `/api/notifications${path}`)
      expect([path, answer.status]).toEqual([path, 200])
      expect(answer.text).not.toContain(canary)
    }
    const templates = { email_templates: { appointment_reminder: 'See you {relative_day} at {time}.' } }
    expect((await call('PUT', `/api/notifications/templates/${organizationId}`, templates)).status).toBe(200)
  })

  it('refuses strangers, and does not tell another organization’s staff that something exists', async () => {
    expect((await call('GET', `/api/notifications/settings/${organizationId}`, undefined, null)).status).toBe(401)
    const stranger = tokenOf(
      await call('POST', '/api/tokens', { kind: 'staff', organization_id: otherOrganizationId, role: 'admin' }),
    )
    const theirs = await call('GET', `/api/notifications/reminders/appointment/${appointmentId}`, undefined, stranger)
    const nothing = await call('GET', '/api/notifications/reminders/appointment/987654', undefined, stranger)
    expect([theirs.status, nothing.status]).toEqual([404, 404])
    expect(theirs.text.replaceAll(String(appointmentId), 'N')).toBe(nothing.text.replaceAll('987654', 'N'))
    expect((await call('POST', '/api/notifications/callback/1', { status: 'success' }, null)).status).toBe(401)
  })

  it("answers JSON that is none with 400, on the clinic's own endpoints and the library's, and quotes none of it", async () => {
    for (const path of ['/api/patients', '/api/notifications/settings/']) {
      const headers = { authorization: `Bearer ${serviceToken}`, 'content-type': 'application/json' }
      const answer = await fetch(`${clinic.origin}${path}`, { method: 'POST', headers, body: `{"name": "${canary}` })
      const text = await answer.text()
      expect([path, answer.status, answer.headers.get('content-type')]).toEqual([
        path,
        400,
        expect.stringContaining('json'),
      ])
      expect(text).not.toMatch(new RegExp(`${canary}|node_modules`))
    }
    expect(clinic.output.join('\n')).not.toContain(canary)
  })

  it('answers in JSON what the library says of a booking, and what is too long', async () => {
    const booking = { organization_id: organizationId, patient_id: patientId, time_zone: 'America/New_York' }
    // The clinic takes a start that no calendar of the library has.
    const old = await call('POST', '/api/appointments', { ...booking, starts_at: '0001-01-01T10:00:00Z', notify: true })
    expect([old.status, old.body]).toMatchObject([502, { field: 'startsAt', detail: expect.stringContaining('1900') }])
    const long = await call('POST', '/api/appointments', { ...booking, location: 'x'.repeat(200_000) })
    expect([long.status, long.body]).toMatchObject([413, { detail: 'The request is too long' }])
  })

  const invalid: [string, string, object, string][] = [
    ['POST', '/settings/', { email_enabled: 'yes' }, 'email_enabled'],
    ['POST', '/settings/', { default_email_reminders: [-1] }, 'default_email_reminders[0]'],
    [
      'POST',
      '/settings/',
      { email_templates: { appointment_reminder: 'at {tme}' } },
      'email_templates.appointment_reminder',
    ],
    ['POST', '/settings/', { email_smtp_porrt: 25 }, 'email_smtp_porrt'],
    ['POST', '/preferences/patient/', { phone_number: '555' }, 'phone_number'],
    ['POST', '/reminders/appointment/1', { custom_reminders: ['soon'] }, 'custom_reminders[0]'],
    ['POST', '/send/appointment/1', { notification_type: 'party' }, 'notification_type'],
    ['POST', '/send/appointment/1', {}, 'notification_type'],
    ['GET', '/history/?limit=0', {}, 'limit'],
    ['GET', '/history/?start_date=yesterday', {}, 'start_date'],
  ]
  it.each(invalid)('names the field that is wrong: %s %s %j', async (method, path, body, field) => {
    const answer = await call(method, `/api/notifications${path}`, method === 'GET' ? undefined : body, staffToken)
    expect([answer.status, answer.body]).toMatchObject([422, { field }])
  })
})

describe('the host’s own events', () => {
  it('book, move and cancel with notify tell the patient; behind the library’s back they do not', async () => {
    const patient = { organization_id: organizationId, name: 'Bo', email: 'bo@example.org' }
    const patient_id = idOf(await call('POST', '/api/patients', patient))
    const starts_at = '2099-05-04T15:00:00Z'
    const booking = {
      organization_id: organizationId,
      patient_id,
      starts_at,
      time_zone: 'Europe/Berlin',
      duration_minutes: 30,
    }
    const told = () => mail.mails.filter((one) => one.to.includes('bo@example.org')).length
    const id = idOf(await call('POST', '/api/appointments', { ...booking, notify: true }))
    await until(() => told() === 1)
    expect(
      (await call('PATCH', `/api/appointments/${id}`, { starts_at: '2099-05-05T15:00:00Z', notify: true })).status,
    ).toBe(200)
    await until(() => told() === 2)
    expect((await call('PATCH', `/api/appointments/${id}`, { status: 'cancelled', notify: true })).status).toBe(200)
    await until(() => told() === 3)
    expect((await call('DELETE', `/api/appointments/${id}`)).status).toBe(204)
    const entry = { organization_id: organizationId, patient_id, time_zone: 'Europe/Berlin', starts_at }
    const waiting = idOf(await call('POST', '/api/waitlist-entries', entry))
    expect((await call('POST', `/api/notifications/send/waitlist/${waiting}`)).status).toBe(201)
    await until(() => told() === 4)
  })

  it('links of a mail open pages that change nothing, and act by their buttons', async () => {
    const names = ['confirm', 'change', 'cancel', 'preferences']
    const set = await call('PUT', `/api/notifications/settings/${organizationId}`, {
      email_templates: { appointment_confirmation: names.map((name) => `{${name}_url}`).join(' ') },
      unsubscribe_categories: ['CONFIRMATION', 'WAITLIST'],
    })
    expect([set.status, set.text]).toMatchObject([200, expect.stringContaining('confirm_url')])
    const patient_id = idOf(
      await call('POST', '/api/patients', { organization_id: organizationId, name: 'Lia', email: 'lia@example.org' }),
    )
    const booking = { organization_id: organizationId, patient_id, starts_at: '2099-06-01T15:00:00Z', notify: true }
    const id = idOf(await call('POST', '/api/appointments', { ...booking, time_zone: 'Europe/Berlin' }))
    const theirs = () => mail.mails.filter((one) => one.to.includes('lia@example.org'))
    await until(() => theirs().length === 1)
    const [got] = theirs()
    const urls = [...(got?.text ?? '').matchAll(/http:\S+/g)].map(([url]) => url)
    const headers = (got?.raw ?? '').replace(/\r\n[ \t]+/g, ' ')
    const [, click = ''] = /^List-Unsubscribe: <([^>]+)>/m.exec(headers) ?? []
    expect(headers).toContain('List-Unsubscribe-Post: List-Unsubscribe=One-Click')
    expect([...urls, click].map((url) => new URL(url).pathname.split('/').at(-2))).toEqual([...names, 'unsubscribe'])
    const open = async (url: string, form?: string) => {
      const type = 'application/x-www-form-urlencoded'
      const asked = form === undefined ? {} : { method: 'POST', body: form, headers: { 'content-type': type } }
      const response = await fetch(url, { redirect: 'error', ...asked })
      return { status: response.status, html: await response.text() }
    }
    const preferences = () => call('GET', `/api/notifications/debug/preferences/${patient_id}`)
    const before = (await preferences()).text
    for (const url of [...urls, click]) {
      await fetch(url, { method: 'HEAD' })
      expect(await open(url)).toMatchObject({ status: 200, html: expect.stringContaining('<form method="post">') })
    }
    expect((await preferences()).text).toBe(before)
    expect(clinic.output.join('\n')).not.toContain(`appointment ${id}:`)
    const [confirm = '', change = '', cancel = '', page = ''] = urls
    expect((await open(confirm, '')).html).toContain('Your appointment is confirmed.')
    for (const [url, line] of [
      [change, 'another time is asked for'],
      [cancel, 'it is to be cancelled'],
    ] as const) {
      expect((await open(url, '')).status).toBe(200)
      await until(() => clinic.output.includes(`appointment ${id}: ${line}`))
    }
    const answers = (await call('GET', `/api/notifications/answers/${organizationId}`)).text
    for (const purpose of ['confirm', 'change', 'cancel']) expect(answers).toContain(`"${purpose}"`)
    expect((await open(click, 'List-Unsubscribe=One-Click')).status).toBe(200)
    const asked = await call('POST', `/api/notifications/send/appointment/${id}`, { notification_type: 'confirmation' })
    expect(asked.text).toContain('category_disabled_by_recipient')
    expect((await open(page, 'stop=all')).html).toContain('You will get no more messages.')
    const own = await call('GET', `/api/notifications/preferences/patient/${patient_id}`)
    expect(own.body).toMatchObject({ email_enabled: false, sms_enabled: false })
    expect((await open(`${page.slice(0, -22)}${'0'.repeat(22)}`)).status).toBe(404)
    expect(theirs()).toHaveLength(1)
  }, 20_000)

  it('ends cleanly on SIGTERM, and starts again on the same file with its secrets readable', async () => {
    const ended = new Promise((resolve) => clinic.process.once('exit', resolve))
    clinic.process.kill('SIGTERM')
    expect(await ended).toBe(0)
    expect(clinic.output.join('\n')).not.toContain(canary)
    clinic = await startClinic(folder, sms.baseUrl)
    const answer = await call('GET', `/api/notifications/debug/effective-settings/${organizationId}`)
    expect(answer.text).not.toContain('provider_unreadable')
    expect(answer.text).not.toContain(canary)
  }, 20_000)
})
