/** WhatsApp from settings to provider: real requests to stand-ins of both providers. */
import { createHmac } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import { twilio, twilioReceipt } from '../../adapters/transport/twilio.ts'
import { whatsappCloud } from '../../adapters/transport/whatsapp-cloud.ts'
import { isNotificationError } from '../../src/index.ts'
import { admin, ask, openWorld } from '../conformance/http/world.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { startTwilioServer } from '../support/twilio-server.ts'
import {
  account,
  confirmation,
  now,
  openSending,
  type Part,
  patient,
  reminder,
  startsAt,
  whatsapp,
} from './whatsapp-clinic.ts'

describe('a patient', () => {
  it('who opted in is reminded with the approved template, and everybody is told so', async () => {
    const { notifications, settings, statistics, audit, clock, api, last } = await openSending()
    const text = 'Hello Ada Byron, see you today at 2:00 PM.'
    const { reminders } = await notifications.plan(1)
    expect(reminders).toMatchObject([{ channel: 'WHATSAPP', offset: '3h', message: text, preview: true }])
    const { decisions } = await settings.effectivePreferences(patient)
    const onWhatsApp = decisions.filter(({ channel }) => channel === 'WHATSAPP')
    expect(onWhatsApp.map(({ category, rule }) => [category, rule])).toEqual([
      ['CONFIRMATION', 'allowed'],
      ['REMINDER', 'allowed'],
      ['CANCELLATION', 'category_disabled_by_organization'],
      ['RESCHEDULE', 'category_disabled_by_organization'],
      ['WAITLIST', 'category_disabled_by_organization'],
    ])
    await notifications.scheduleReminders(1)
    await clock.advance(3 * 3_600_000 + 60_000)
    await expect.poll(async () => (await last())?.status).toBe('SENT')
    const row = await last()
    expect(row).toMatchObject({
      channel: 'WHATSAPP',
      provider: 'whatsapp-cloud',
      message: text,
      providerMessageId: api.messages[0]?.id,
    })
    expect(api.messages).toMatchObject([
      {
        to: '+14155550123',
        template: {
          name: 'reminder_1',
          language: { code: 'en_US' },
          components: [{ parameters: [{ text: 'Ada Byron' }, { text: 'today' }, { text: '2:00 PM' }] }],
        },
        biz_opaque_callback_data: expect.stringMatching(new RegExp(`^${row?.id}:[0-9a-f]{40}$`)),
      },
    ])
    const { byChannel } = await statistics.read({ organizationId })
    expect(byChannel.WHATSAPP).toMatchObject({ total: 1, sent: 1 })
    const { entries } = await audit.list(organizationId, {})
    const said = JSON.stringify(entries)
    expect(said).toContain('{"field":"channels.whatsapp.enabled","from":null,"to":true}')
    expect(said).toContain('{"field":"channels.whatsapp.categories","from":null,"to":["REMINDER","CONFIRMATION"]}')
    for (const secret of ['canary-token', '5550123']) expect(said).not.toContain(secret)
  })

  it('who did not opt in gets nothing, and it is said why', async () => {
    const { notifications, settings, clock, api, confirm } = await openSending(whatsapp, [], false)
    const noConsent = expect.objectContaining({ channel: 'WHATSAPP', rule: 'no_consent' })
    expect((await notifications.plan(1)).omitted).toContainEqual(noConsent)
    expect((await notifications.scheduleReminders(1)).omitted).toContainEqual(noConsent)
    expect(await confirm()).toMatchObject({ notifications: [], omitted: [noConsent] })
    // An address is no consent.
    await settings.createPreferences(patient, { channels: { whatsapp: { address: 'US.13491208655302741918' } } })
    expect(await confirm()).toMatchObject({ notifications: [], omitted: [noConsent] })
    await clock.advance(6 * 3_600_000)
    expect(api.requests).toEqual([])
    expect(await notifications.explain(1)).toContainEqual(noConsent)
  })

  it('who opts out between plan and send gets nothing', async () => {
    const { notifications, settings, clock, api } = await openSending()
    await notifications.scheduleReminders(1)
    await settings.updatePreferences(patient, { channels: { whatsapp: { enabled: false } } })
    await clock.advance(6 * 3_600_000)
    expect(api.requests).toEqual([])
    expect(await notifications.getReminders(1)).toMatchObject([{ channel: 'WHATSAPP', status: 'CANCELLED' }])
    expect(await notifications.explain(1)).toContainEqual(
      expect.objectContaining({ channel: 'WHATSAPP', rule: 'channel_disabled_by_recipient' }),
    )
  })

  it('is written to at a user id where WhatsApp gives no number, in their own language where there is a template', async () => {
    const spanish = { ...reminder, language: 'es_MX', name: 'recordatorio', body: 'Hola {{1}}, {{2}} a las {{3}}.' }
    const templates = { ...whatsapp.approvedTemplates, appointment_reminder: [reminder, spanish] }
    const { notifications, settings, host, clock, api } = await openSending({
      ...whatsapp,
      approvedTemplates: templates,
    })
    host.book({ id: 1, startsAt, recipients: [{ ...ada, locale: 'es-ES', phone: null }] })
    await settings.updatePreferences(patient, { channels: { whatsapp: { address: 'US.13491208655302741918' } } })
    await notifications.scheduleReminders(1)
    await clock.advance(3 * 3_600_000 + 60_000)
    await expect
      .poll(() => api.messages)
      .toMatchObject([
        {
          recipient: 'US.13491208655302741918',
          template: {
            name: 'recordatorio',
            language: { code: 'es_MX' },
            components: [{ parameters: [{ text: 'Ada Byron' }, { text: 'hoy' }, { text: '14:00' }] }],
          },
        },
      ])
  })
})

describe('by Twilio', () => {
  async function openTwilio() {
    const api = await startTwilioServer()
    onTestFinished(api.close)
    const sid = (digit: string) => `HX${digit.repeat(32)}`
    const sending = await openSending(
      {
        ...whatsapp,
        approvedTemplates: {
          appointment_reminder: [{ ...reminder, name: sid('a') }],
          appointment_confirmation: [{ ...confirmation, name: sid('b') }],
        },
        account: { provider: 'Twilio', apiKey: 'ACcanary', apiSecret: 'canary', fromNumber: '+1 (415) 555-0100' },
      },
      [twilio({ baseUrl: api.baseUrl, statusCallback: 'https://clinic.example/status' })],
    )
    return { ...sending, api, sid }
  }

  it('a template goes by the Content API, to be dropped at its deadline', async () => {
    const { notifications, clock, api, sid, last } = await openTwilio()
    await notifications.scheduleReminders(1)
    await clock.advance(3 * 3_600_000)
    await expect.poll(last).toMatchObject({ status: 'SENT', message: 'Hello Ada Byron, see you today at 2:00 PM.' })
    expect(api.messages).toMatchObject([
      {
        to: 'whatsapp:+14155550123',
        from: 'whatsapp:+14155550100',
        body: null,
        contentSid: sid('a'),
        contentVariables: '{"1":"Ada Byron","2":"today","3":"2:00 PM"}',
        statusCallback: 'https://clinic.example/status',
        // A reminder is of use until a minute before the start.
        validityPeriod: String(3 * 3600 - 60),
      },
    ])
  })

  it('a report that the number is not on WhatsApp is recorded', async () => {
    const { confirm, api, last, recordReceipt } = await openTwilio()
    await confirm()
    await expect.poll(last).toMatchObject({ status: 'SENT' })
    const form = { MessageSid: api.messages[0]?.sid ?? '', MessageStatus: 'undelivered', ErrorCode: '63024' }
    const receipt = twilioReceipt(form)
    expect(await recordReceipt((await last())?.id ?? 0, receipt ?? { outcome: 'sent' })).toMatchObject({
      updated: true,
    })
    expect(await last()).toMatchObject({ status: 'FAILED', errorCode: 'twilio_63024' })
  })

  it('a person who blocks the sender is written to no more, on this channel', async () => {
    const { confirm, api, last, notifications } = await openTwilio()
    api.fault = { at: 'request', how: { status: 400, code: 63014 } }
    await confirm()
    await expect.poll(last).toMatchObject({ status: 'FAILED', errorCode: 'twilio_63014' })
    expect(await confirm()).toMatchObject({ notifications: [], omitted: [{ rule: 'suppressed' }] })
    expect((await notifications.plan(1)).omitted).toContainEqual(
      expect.objectContaining({ channel: 'WHATSAPP', rule: 'suppressed' }),
    )
  })
})

describe('what is wrong', () => {
  type Change = (part: typeof whatsapp) => Part
  const mapped =
    (changes: object): Change =>
    (part) => ({
      ...part,
      approvedTemplates: { ...part.approvedTemplates, appointment_reminder: [{ ...reminder, ...changes }] },
    })
  const templates = 'channels.whatsapp.approvedTemplates'
  const first = `${templates}.appointment_reminder[0]`
  const cases: readonly [what: string, change: Change, field: string, words: string][] = [
    [
      'an unknown variable',
      mapped({ variables: ['patient_name', 'day', 'time'] }),
      `${first}.variables[1]`,
      'Known are',
    ],
    ['a variable twice', mapped({ variables: ['time', 'time', 'date'] }), `${first}.variables[1]`, 'a second time'],
    ['a wrong order', mapped({ body: '{{2}} {{1}} {{3}}' }), `${first}.body`, 'has {{2}} before {{1}}'],
    ['a number left out', mapped({ body: '{{1}} {{2}} {{4}}' }), `${first}.body`, 'and no {{3}}'],
    ['too few variables', mapped({ variables: ['time'] }), `${first}.body`, '"variables" lists 1'],
    ['no language', mapped({ language: undefined }), `${first}.language`, 'required'],
    ['a language that is none', mapped({ language: 'english' }), `${first}.language`, 'such as "en" or "pt_BR"'],
    ['another language', mapped({ language: 'de' }), `${templates}.appointment_reminder`, '"en-US"'],
    ['no name', mapped({ name: '' }), `${first}.name`, ''],
    ['a ContentSid for Meta', mapped({ name: `HX${'a'.repeat(32)}` }), `${first}.name`, "template's name at Meta"],
    [
      'a name that one of the accounts cannot send',
      (part) => ({
        ...part,
        accounts: [{ provider: 'twilio', apiKey: 'ACcanary', apiSecret: 'canary', fromNumber: '+14155550100' }],
      }),
      `${templates}.appointment_confirmation[0].name`,
      'ContentSid of Twilio',
    ],
    ['a field too many', mapped({ header: 'x' }), `${first}.header`, 'not a known field'],
    [
      'no mapping',
      (part) => ({ ...part, approvedTemplates: { appointment_reminder: [reminder] } }),
      `${templates}.appointment_confirmation`,
      'leave CONFIRMATION out of channels.whatsapp.categories',
    ],
    [
      'a kind more than is mapped',
      (part) => ({ ...part, categories: ['REMINDER', 'CONFIRMATION', 'WAITLIST'] }),
      `${templates}.waitlist_notification`,
      'must have a template',
    ],
    ['no mapping at all', (part) => ({ ...part, approvedTemplates: null }), `${templates}.appointment_`, 'must have'],
    [
      'texts of its own',
      (part) => ({ ...part, templates: { appointment_reminder: 'Hello' } }),
      'channels.whatsapp.templates',
      'not a known field',
    ],
    [
      'a phone number for its ID',
      (part) => ({ ...part, account: { ...part.account, apiKey: '+14155550123' } }),
      'channels.whatsapp.account.apiKey',
      'must be the phone number ID of Meta',
    ],
    [
      'half a token',
      (part) => ({ ...part, account: { ...part.account, apiSecret: 'EAAG 123' } }),
      'channels.whatsapp.account.apiSecret',
      'without blanks',
    ],
    [
      'a sender that is no number',
      (part) => ({ ...part, account: { ...part.account, fromNumber: 'Clinic' } }),
      'channels.whatsapp.account.fromNumber',
      'must be a number such as',
    ],
  ]

  const refusalOf = async (work: Promise<unknown>) => {
    const error: unknown = await work.then(
      () => new Error('it was not refused'),
      (reason) => reason,
    )
    if (!isNotificationError(error)) throw error
    return error
  }

  it.each(cases)(
    'is refused in words, nothing sent and nothing half written: %s',
    async (_what, change, field, words) => {
      const { settings, audit, api } = await openSending(whatsapp, [twilio()])
      const before = [await settings.getOrganizationSettings(organizationId), await audit.list(organizationId, {})]
      const error = await refusalOf(
        settings.updateOrganizationSettings(organizationId, {
          emailFromName: 'Changed',
          channels: { whatsapp: change(whatsapp) },
        }),
      )
      expect(['invalid_input', 'template_invalid']).toContain(error.code)
      expect(error.issues[0]?.field).toContain(field)
      expect(error.message).toContain(words)
      expect([await settings.getOrganizationSettings(organizationId), await audit.list(organizationId, {})]).toEqual(
        before,
      )
      expect(api.requests).toEqual([])
    },
  )

  it('in a creation creates nothing; a draft that is not enabled may be incomplete', async () => {
    await using clinic = await openClinic(now, { transports: [whatsappCloud()] })
    const create = (part: Part) =>
      clinic.settings.createOrganizationSettings(organizationId, { channels: { whatsapp: part } })
    const error = await refusalOf(create({ enabled: true }))
    // All kinds, unless it says otherwise.
    expect(error.issues.map(({ field }) => field)).toHaveLength(5)
    expect(await refusalOf(clinic.settings.getOrganizationSettings(organizationId))).toMatchObject({
      code: 'settings_not_found',
    })
    await create({ approvedTemplates: { appointment_reminder: [{ ...reminder, language: 'de' }] } })
    expect(await clinic.settings.getOrganizationSettings(organizationId)).toMatchObject({
      channels: { whatsapp: { enabled: false, approvedTemplates: { appointment_reminder: [{ language: 'de' }] } } },
    })
  })

  it('in the language of the organization is found where it is saved, planned and sent', async () => {
    const { settings, notifications, host, clock, api } = await openSending()
    await notifications.scheduleReminders(1)
    // What the settings changed is planned by then.
    await clock.advance(60_000)
    // The host changes the language behind the library's back.
    host.organizationRows.set(organizationId, { id: organizationId, name: 'Harbour Clinic', locale: 'fr-CA' })
    const noTemplate = expect.objectContaining({ channel: 'WHATSAPP', rule: 'no_template' })
    const { decisions } = await settings.effectivePreferences(patient)
    expect(decisions).toContainEqual(noTemplate)
    expect((await notifications.plan(1)).omitted).toContainEqual(noTemplate)
    expect((await notifications.getReminders(1))[0]).toMatchObject({ message: '' })
    const error = await refusalOf(
      settings.updateOrganizationSettings(organizationId, { channels: { whatsapp: { reminders: [2] } } }),
    )
    expect(error.message).toContain('"fr-CA"')
    await clock.advance(3 * 3_600_000 + 60_000)
    await expect.poll(() => notifications.getReminders(1)).toMatchObject([{ channel: 'WHATSAPP', status: 'FAILED' }])
    expect(await notifications.explain(1)).toContainEqual(noTemplate)
    expect(api.requests).toEqual([])
  })

  it('with the directory leaves settings as they were', async () => {
    const { settings, host } = await openSending()
    host.fault = new Error('down')
    const error = await refusalOf(
      settings.updateOrganizationSettings(organizationId, { channels: { whatsapp: { reminders: [2] } } }),
    )
    expect(error.code).toBe('directory_failed')
    host.fault = null
    expect(await settings.getOrganizationSettings(organizationId)).toMatchObject({
      channels: { whatsapp: { reminders: [3] } },
    })
    // What is not about the channel needs no directory.
    host.fault = new Error('down')
    await settings.updateOrganizationSettings(organizationId, { emailFromName: 'Harbour' })
  })
})

describe('what Meta says', () => {
  it('of the account pauses it, and what waits is sent when it works again', async () => {
    const { settings, confirm, last, clock, api } = await openSending()
    api.fault = { at: 'request', how: { status: 401, code: 190 } }
    await confirm()
    await expect
      .poll(async () => (await settings.effectiveSettings(organizationId)).channels.WHATSAPP)
      .toMatchObject({ fault: 'account_paused', pause: { code: 'whatsapp_190' } })
    api.fault = null
    await expect
      .poll(async () => {
        await clock.advance(1000)
        return last()
      })
      .toMatchObject({ status: 'SENT', attempts: 1 })
    expect(api.messages).toHaveLength(1)
  })

  it.each([
    [400, 131026, { status: 'FAILED', errorCode: 'whatsapp_131026' }],
    [404, 132001, { status: 'FAILED', errorCode: 'whatsapp_132001' }],
    [400, 132015, { status: 'FAILED', errorCode: 'whatsapp_132015' }],
    // A day later the appointment is over.
    [400, 131049, { status: 'FAILED', errorCode: 'too_late' }],
    [429, 130429, { status: null, state: 'queued', errorCode: 'whatsapp_130429' }],
    [500, 131000, { status: null, state: 'queued', errorCode: 'whatsapp_131000' }],
  ])('of a message, with %i and %i, is what becomes of it', async (status, code, row) => {
    const { confirm, last, api } = await openSending()
    api.fault = { at: 'request', how: { status, code } }
    await confirm()
    await expect.poll(last).toMatchObject(row)
    expect(api.requests).toHaveLength(1)
  })

  it('later is recorded for the message that it is about', async () => {
    const { settings, confirm, last, api, handle } = await openSending()
    await confirm()
    await expect.poll(last).toMatchObject({ status: 'SENT' })
    const { id = '', biz_opaque_callback_data: data = '' } = api.messages[0] ?? {}
    const about = { id, timestamp: '1773835200', status: 'read', biz_opaque_callback_data: data }
    const value = { metadata: { phone_number_id: account.apiKey }, statuses: [about] }
    const { accountId } = (await settings.effectiveSettings(organizationId)).channels.WHATSAPP?.accounts[0] ?? {}
    const post = async (secret: string) => {
      const bytes = Buffer.from(JSON.stringify({ entry: [{ changes: [{ field: 'messages', value }] }] }))
      const signature = `sha256=${createHmac('sha256', secret).update(bytes).digest('hex')}`
      const answer = await handle({
        ...{ method: 'POST', path: `/webhooks/whatsapp-cloud/${accountId}`, query: '', native: null },
        headers: { 'content-type': 'application/json', 'x-hub-signature-256': signature },
        readBody: async () => ({ kind: 'bytes', bytes }),
      })
      return answer.status
    }
    expect(await post('another')).toBe(401)
    expect(await last()).toMatchObject({ status: 'SENT' })
    expect(await post('canary-app')).toBe(200)
    expect(await last()).toMatchObject({ status: 'DELIVERED' })
  })
})

describe('before anything is sent', () => {
  it('a test message is one of the templates, with TEST for each name', async () => {
    const { settings, api } = await openSending()
    const contact = { phone: '(415) 555-0167', email: null }
    await settings.updateOrganizationSettings(organizationId, { defaultCountry: 'US' })
    expect(await settings.verifyAccounts(organizationId)).toContainEqual(
      expect.objectContaining({ channel: 'WHATSAPP', status: 'ok' }),
    )
    const sent = await settings.sendTestMessage(organizationId, contact, { channel: 'WHATSAPP' })
    expect(sent).toMatchObject({ result: 'sent', provider: 'whatsapp-cloud' })
    expect(api.messages).toMatchObject([{ to: '+14155550167', template: { name: 'confirmed' } }])
    await settings.updateOrganizationSettings(organizationId, {
      channels: { whatsapp: { enabled: false, approvedTemplates: { appointment_reminder: [reminder] } } },
    })
    await settings.sendTestMessage(organizationId, contact, { channel: 'WHATSAPP' })
    expect(api.messages[1]).toMatchObject({ template: { components: [{ parameters: [{ text: 'TEST' }, {}, {}] }] } })
    await settings.updateOrganizationSettings(organizationId, { channels: { whatsapp: { approvedTemplates: null } } })
    expect(await settings.sendTestMessage(organizationId, contact, { channel: 'WHATSAPP' })).toMatchObject({
      result: 'failed',
      code: 'no_template',
      fields: ['channels.whatsapp.approvedTemplates'],
    })
    expect(api.messages).toHaveLength(2)
  })

  it('a preview shows the template with its variables filled, a draft too', async () => {
    await using world = await openWorld({ bare: true, transports: [whatsappCloud()] })
    const request = async (method: string, path: string, body: unknown) =>
      (await ask(world, { method, path, body, caller: admin })).answer
    const { organization_id: id } = world.own
    const { approvedTemplates, account: _account, ...rest } = whatsapp
    const part = { ...rest, approved_templates: approvedTemplates }
    const prices = [
      { channel: 'WHATSAPP', country: 'US', currency: 'USD', price: 0.0034 },
      { channel: 'WHATSAPP', country: 'US', category: 'MARKETING', currency: 'USD', price: 0.025 },
    ]
    const priced = { message_prices: prices, default_country: 'US' }
    expect(await request('POST', '/settings/', { ...priced, channels: { whatsapp: part } })).toMatchObject({
      channels: { whatsapp: part },
    })
    const about = { channel: 'WHATSAPP', template_key: 'appointment_reminder' }
    const preview = (body: object) => request('POST', `/templates/${id}/preview`, { ...about, ...body })
    expect(await preview({})).toMatchObject({
      subject: null,
      message: 'Hello Alexander Doe, see you Wednesday, September 25, 2024 at 10:30 AM.',
      html: null,
      segments: null,
      cost: { amount: 0.0034, currency: 'USD' },
      template: {
        name: 'reminder_1',
        language: 'en_US',
        category: 'UTILITY',
        parameters: [
          { key: '1', name: 'patient_name', value: 'Alexander Doe' },
          { key: '2', name: 'relative_day', value: 'Wednesday, September 25, 2024' },
          { key: '3', name: 'time', value: '10:30 AM' },
        ],
      },
    })
    const draft = { language: 'fr', name: 'rappel', body: 'Le {{1}}.', variables: ['date'] }
    expect(await preview({ approved_template: { ...draft, category: 'MARKETING' } })).toMatchObject({
      message: 'Le 25 septembre 2024.',
      cost: { amount: 0.025, currency: 'USD' },
    })
    expect(await preview({ approved_template: { ...draft, variables: ['day'] } })).toMatchObject({
      status: 422,
      code: 'template_invalid',
      errors: [{ field: expect.stringContaining('variables[0]') }],
    })
    expect(await preview({ template: 'Hello' })).toMatchObject({ status: 422, errors: [{ field: 'template' }] })
    // Whoever reads French gets what the organization has in its own language.
    expect(await preview({ locale: 'fr' })).toMatchObject({ template: { language: 'en_US' } })
    expect(await preview({ template_key: 'waitlist_notification' })).toMatchObject({
      status: 422,
      errors: [{ field: 'template_key', message: 'has no approved template in "en-US" yet' }],
    })
    expect(await preview({ channel: 'SMS', approved_template: draft })).toMatchObject({
      status: 422,
      errors: [{ field: 'approved_template' }],
    })
  })
})
