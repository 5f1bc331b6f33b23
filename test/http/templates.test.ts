/** Templates over HTTP: versions, of which of two editors the second hears, previews, and a test message. */
import { describe, expect, it } from 'vitest'
import type { Caller, NotificationsOptions } from '../../src/index.ts'
import { admin, ask, authenticate, otherAdmin, viewer } from '../conformance/http/world.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'

const base = `/templates/${organizationId}`
const reminder = (body: string) => ({ email_templates: { appointment_reminder: body } })

async function opened(settings: object = {}, options: Partial<NotificationsOptions> = {}) {
  const clinic = await openClinic('2026-03-18T12:00:00Z', { authenticate, ...options })
  await clinic.settings.createOrganizationSettings(organizationId, {
    emailTemplates: { appointment_reminder: 'On {date} at {location}.' },
    ...settings,
  })
  return Object.assign(clinic, {
    get: (path: string, caller: Caller = viewer) => ask(clinic, { method: 'GET', path: base + path, caller }),
    post: (path: string, body: unknown, ifMatch?: string, caller: Caller = admin) => {
      const headers = ifMatch === undefined ? {} : { 'if-match': ifMatch }
      return ask(clinic, { method: 'POST', path: base + path, caller, body, headers })
    },
  })
}

describe('versions of templates', () => {
  it('are drafted, compared, published by who has seen what is published, and gone back to', async () => {
    await using clinic = await opened()
    expect(await clinic.get('')).toMatchObject({ status: 200, answer: { version: 1 } })
    const draft = await clinic.post('/versions', reminder('On {date}.'))
    expect(draft).toMatchObject({
      status: 201,
      answer: {
        version: 2,
        based_on: 1,
        created_by_kind: 'staff',
        published_at: null,
        warnings: [],
        dropped: [{ field: 'email_templates.appointment_reminder', message: 'no longer says {location}' }],
      },
    })
    expect((await clinic.get('/versions/2/diff')).answer).toEqual({
      changes: [
        { field: 'email_templates.appointment_reminder.body', from: 'On {date} at {location}.', to: 'On {date}.' },
      ],
    })
    const publish = (ifMatch?: string, body: unknown = {}) => clinic.post('/versions/2/publish', body, ifMatch)
    expect(await publish()).toMatchObject({ status: 428, answer: { code: 'version_required', field: 'If-Match' } })
    expect(await publish('x')).toMatchObject({ status: 422, answer: { errors: [{ field: 'If-Match' }] } })
    expect(await publish('"0"')).toMatchObject({ status: 412, answer: { code: 'version_outdated' } })
    expect(await publish('"1"')).toMatchObject({
      status: 409,
      answer: { code: 'confirmation_required', errors: [{ field: 'email_templates.appointment_reminder' }] },
    })
    expect(await publish('"1"', { confirm: true })).toMatchObject({
      status: 200,
      answer: { version: 2, published_by_kind: 'staff', warnings: [] },
    })
    expect(await publish('"1"', { confirm: true })).toMatchObject({ status: 412 })
    expect(await clinic.post('/versions/1/publish', {}, '"2"')).toMatchObject({ answer: { version: 3, based_on: 2 } })
    const list = await clinic.get('/versions?limit=2')
    expect(list.answer).toMatchObject({ published: 3, versions: [{ version: 3 }, { version: 2 }], next_cursor: 2 })
    expect((await clinic.get('/versions?cursor=2')).answer).toMatchObject({
      versions: [{ version: 1 }],
      next_cursor: null,
    })
    await clinic.post('/versions', reminder('Soon.'))
    const discard = (version: number, caller: Caller = admin) =>
      ask(clinic, { method: 'DELETE', path: `${base}/versions/${version}`, caller })
    expect(await discard(4, viewer)).toMatchObject({ status: 403 })
    expect(await discard(4, otherAdmin)).toMatchObject({ status: 404, answer: { code: 'settings_not_found' } })
    expect(await discard(4)).toMatchObject({ status: 200, answer: { version: 4, published_at: null } })
    expect(await discard(4)).toMatchObject({ status: 404, answer: { code: 'template_version_not_found' } })
    expect(await discard(3)).toMatchObject({ status: 422, answer: { field: 'version' } })
    expect((await clinic.get('/versions/3')).answer).toMatchObject({
      email_templates: { appointment_reminder: 'On {date} at {location}.' },
      sms_templates: {},
      template_partials: {},
    })
  })

  it('are published as the first by who has seen that there is none', async () => {
    await using clinic = await opened({ emailTemplates: null })
    await clinic.post('/versions', reminder('On {date}.'))
    expect(await clinic.post('/versions/1/publish', {}, '"1"')).toMatchObject({ status: 412 })
    expect(await clinic.post('/versions/1/publish', {}, '"0"')).toMatchObject({ status: 200 })
    expect(await clinic.post('/versions/1/publish', {}, '"0"')).toMatchObject({ status: 412 })
  })

  it('are those of one organization, and written by its admins', async () => {
    await using clinic = await opened()
    for (const path of ['/versions', '/versions/1', '/versions/1/diff'])
      expect(await clinic.get(path, otherAdmin)).toMatchObject({ status: 404, answer: { code: 'settings_not_found' } })
    expect(await clinic.get('/versions/7')).toMatchObject({
      status: 404,
      answer: { code: 'template_version_not_found' },
    })
    for (const path of ['/versions', '/versions/1/publish', '/test'])
      expect(await clinic.post(path, {}, '"1"', viewer)).toMatchObject({ status: 403 })
  })

  it('the documented PUT publishes at once, and hears of another editor if it asks', async () => {
    await using clinic = await opened()
    const put = (headers: Record<string, string>) =>
      ask(clinic, { method: 'PUT', path: base, caller: admin, body: reminder('Soon.'), headers })
    expect(await put({})).toMatchObject({ status: 200, answer: { version: 2 } })
    expect(await put({ 'if-match': '"1"' })).toMatchObject({ status: 412 })
    expect(await put({ 'if-match': '"2"' })).toMatchObject({ status: 200 })
  })
})

describe('previews', () => {
  const template = {
    body: 'Hello {recipient_name}: {date}.',
    variants: [
      { audience: 'other', body: 'For {patient_name}: {date}.' },
      { language: 'de', body: 'Guten Tag, {recipient_name}: {date}.' },
    ],
  }
  const asked = { template_key: 'appointment_reminder', template, channels: ['EMAIL', 'SMS'] }

  it('are made for each channel, language and audience', async () => {
    await using clinic = await opened()
    const { status, answer } = await clinic.post('/preview', {
      ...asked,
      locales: ['en-US', 'de-AT'],
      audiences: ['person', 'other'],
    })
    expect(status).toBe(200)
    const german = 'Guten Tag, Alexander Doe: 25. September 2024.'
    const texts = [
      'Hello Alexander Doe: September 25, 2024.',
      'For Alexander Doe: September 25, 2024.',
      german,
      german.replace('Alexander', 'Robin'),
    ]
    expect(answer).toMatchObject({
      channel: 'EMAIL',
      message: texts[0],
      previews: [
        ...texts.map((message) => ({ channel: 'EMAIL', message, segments: null })),
        ...texts.map((message) => ({ channel: 'SMS', message, segments: 1, html: null })),
      ],
    })
  })

  it('are of a version, with the data of an appointment of the organization', async () => {
    await using clinic = await opened({}, { variables: { copay: 'money' } })
    const parent = { type: 'CLIENT', id: 3, name: 'Grace', email: 'grace@example.org' } as const
    const variables = { copay: { amount: 20, currency: 'USD' } }
    clinic.host.book({ id: 5, startsAt: '2026-04-01T15:00:00Z', recipients: [ada, parent], variables })
    clinic.host.book({ id: 6, startsAt: '2026-04-01T15:00:00Z' })
    clinic.host.book({ id: 7, startsAt: '2026-04-01T15:00:00Z', organizationId: 'another' })
    await clinic.post('/versions', reminder('{recipient_name} for {patient_name}: {date}, {location}, {copay}'))
    const preview = (appointment_id: number) =>
      clinic.post('/preview', {
        template_key: 'appointment_reminder',
        version: 2,
        appointment_id,
        audiences: ['person', 'other'],
      })
    expect((await preview(5)).answer).toMatchObject({
      previews: [
        { message: 'Ada Byron for Ada Byron: April 1, 2026, Room 4, $20.00', warnings: [] },
        { message: 'Grace for Ada Byron: April 1, 2026, Room 4, $20.00' },
      ],
    })
    expect((await preview(6)).answer).toMatchObject({
      warnings: [{ field: 'variables.copay', code: 'value_missing' }],
    })
    // Practitioners have no preferences here.
    const doctor = { type: 'PRACTITIONER', id: 9, name: 'Dr. Jo', email: 'jo@example.org' } as const
    clinic.host.book({ id: 9, startsAt: '2026-04-01T15:00:00Z', recipients: [ada, doctor] })
    const template = '{recipient_name}: {preferences_url}'
    const asked = { template_key: 'appointment_reminder', template, appointment_id: 9, audiences: ['person', 'other'] }
    expect((await clinic.post('/preview', asked)).answer).toMatchObject({
      previews: [{ message: expect.stringContaining('Ada Byron: https://') }, { message: 'Dr. Jo: ' }],
    })
    expect(await preview(7)).toMatchObject({ status: 404, answer: { code: 'appointment_not_found' } })
    expect(await preview(8)).toMatchObject({ status: 404 })
    expect(await clinic.post('/preview', { template_key: 'appointment_reminder', version: 9 })).toMatchObject({
      status: 404,
      answer: { code: 'template_version_not_found' },
    })
  })

  it('name the zone where messages do', async () => {
    await using clinic = await opened({ alwaysNameTimeZone: true })
    clinic.host.book({
      id: 5,
      startsAt: '2026-04-01T15:00:00Z',
      recipients: [ada, { ...ada, type: 'CLIENT', timeZone: 'Asia/Tokyo' }],
    })
    const preview = async (about: object) => {
      const { answer } = await clinic.post('/preview', {
        template_key: 'appointment_reminder',
        template: '{time}',
        ...about,
      })
      return answer
    }
    expect(await preview({})).toMatchObject({ message: '10:30 AM EDT' })
    expect(await preview({ appointment_id: 5 })).toMatchObject({ message: '11:00 AM EDT' })
    await clinic.settings.updateOrganizationSettings(organizationId, { alwaysNameTimeZone: false })
    expect(await preview({ appointment_id: 5 })).toMatchObject({ message: '11:00 AM' })
    // Whose clocks show another time is told of which zone it is.
    expect(await preview({ appointment_id: 5, audience: 'other' })).toMatchObject({ message: '11:00 AM EDT' })
    const template = { variants: [{ kind: 'surgery', body: 'Fast.' }] }
    expect(await preview({ template, kind: ' surgery ' })).toMatchObject({ message: 'Fast.' })
  })

  it('say why one cannot be made, and are not more than somebody reads', async () => {
    await using clinic = await opened()
    const channels = ['EMAIL', 'WHATSAPP']
    expect((await clinic.post('/preview', { template_key: 'appointment_reminder', channels })).answer).toMatchObject({
      previews: [
        { message: 'On September 25, 2024 at 123 Main Street, Suite 4.' },
        { message: '', warnings: [{ code: 'no_preview' }] },
      ],
    })
    // A draft with a fault has it everywhere.
    const faulty = { template_key: 'appointment_reminder', template: '{nobody}', channels: ['EMAIL', 'SMS'] }
    expect(await clinic.post('/preview', faulty)).toMatchObject({ status: 422, answer: { code: 'template_invalid' } })
    const locales = Array.from({ length: 30 }, () => 'en')
    const many = { ...asked, locales, audiences: ['person', 'other'] }
    expect(await clinic.post('/preview', many)).toMatchObject({ status: 422 })
    const long = { ...asked, template: { body: `${'x'.repeat(1500)}{date}` }, locales }
    expect((await clinic.post('/preview', long)).status).toBe(200)
    const quotes = { ...many, channels: ['EMAIL'], template: { body: '"'.repeat(19_000) } }
    expect(await clinic.post('/preview', quotes)).toMatchObject({
      status: 422,
      answer: { field: 'channels', detail: expect.stringContaining('more text than a response can hold') },
    })
  })

  it('are sent to the caller, as they would be sent to others', async () => {
    await using clinic = await opened()
    const sent = await clinic.post('/test', {
      template_key: 'appointment_confirmation',
      template: {
        subject: 'Hi',
        format: 'markdown',
        body: '# {recipient_name}',
        buttons: [{ label: 'Go', url: 'https://a.example' }],
      },
    })
    expect(sent).toMatchObject({ status: 201, answer: { result: 'sent', channel: 'EMAIL' } })
    expect(clinic.outbox.sent).toMatchObject([
      { to: 'caller@example.org', subject: 'Hi', text: 'Alexander Doe\n\nGo: https://a.example', category: 'TEST' },
    ])
    expect(clinic.outbox.sent[0]?.html).toContain('<h1>Alexander Doe</h1>')
  })
})
