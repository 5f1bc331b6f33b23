import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { capture } from '../../../adapters/transport/capture.ts'
import { twilioReceipt } from '../../../adapters/transport/twilio.ts'
import { retryAfterMsOf } from '../../../src/index.ts'
import { ada, openClinic, organizationId } from '../../support/clinic.ts'
import { certificate } from '../../support/smtp-certificate.ts'
import type { TwilioFault } from '../../support/twilio-server.ts'
import { canaries, cleanUpAfterEach, contextFor, failure, server, smsMessage, transportTo } from './twilio-fixture.ts'

cleanUpAfterEach()
afterEach(() => vi.unstubAllEnvs())

/** Twilio's own words repeat what was sent. */
const text = `Unable to create record: ${Object.values(canaries).join(' ')}`
const answers = (status: number, code?: number, retryAfter?: string): TwilioFault => ({
  at: 'request',
  how: { status, text, ...(code && { code }), ...(retryAfter && { retryAfter }) },
})

describe('what became of a message, by the answer', () => {
  type Row = readonly [fault: TwilioFault, outcome: string, scope: string, code: string]
  const rows: readonly Row[] = [
    [answers(400, 21211), 'permanent', 'message', 'twilio_21211'],
    [answers(400, 21614), 'permanent', 'message', 'twilio_21614'],
    [answers(400, 21610), 'suppressed', 'message', 'twilio_21610'],
    [answers(403, 21610), 'suppressed', 'message', 'twilio_21610'],
    [answers(400, 21212), 'transient', 'account', 'twilio_21212'],
    [answers(400, 21703), 'transient', 'account', 'twilio_21703'],
    [answers(404, 21705), 'transient', 'account', 'twilio_21705'],
    [answers(403, 20005), 'transient', 'account', 'twilio_20005'],
    [answers(407), 'transient', 'account', 'twilio_http_407'],
    [answers(403, 21408), 'transient', 'sender', 'twilio_21408'],
    [answers(400, 21606), 'transient', 'sender', 'twilio_21606'],
    [answers(400, 21612), 'transient', 'sender', 'twilio_21612'],
    [answers(400, 21659), 'transient', 'sender', 'twilio_21659'],
    [answers(400, 30024), 'transient', 'sender', 'twilio_30024'],
    [answers(400, 30034), 'transient', 'sender', 'twilio_30034'],
    [answers(400, 21660), 'transient', 'account', 'twilio_21660'],
    [answers(400, 30003), 'transient', 'message', 'twilio_30003'],
    [answers(400, 30005), 'permanent', 'message', 'twilio_30005'],
    [answers(400, 30006), 'permanent', 'message', 'twilio_30006'],
    [answers(400, 30007), 'permanent', 'message', 'twilio_30007'],
    [answers(401, 20003), 'transient', 'account', 'twilio_20003'],
    [answers(401), 'transient', 'account', 'twilio_http_401'],
    [answers(403, 20003), 'transient', 'account', 'twilio_20003'],
    [answers(403), 'transient', 'account', 'twilio_http_403'],
    [answers(404, 20404), 'transient', 'account', 'twilio_20404'],
    [answers(429, 20429), 'transient', 'message', 'twilio_20429'],
    [answers(429), 'transient', 'message', 'twilio_http_429'],
    [answers(429, 63038), 'transient', 'account', 'twilio_63038'],
    ...[63003, 63005, 63013, 63016, 63021, 63024, 63027, 63028, 63030, 63032, 63033, 21654, 21655, 21656].map(
      (code): Row => [answers(400, code), 'permanent', 'message', `twilio_${code}`],
    ),
    [answers(400, 63007), 'transient', 'account', 'twilio_63007'],
    [answers(400, 63008), 'transient', 'account', 'twilio_63008'],
    [answers(400, 63014), 'suppressed', 'message', 'twilio_63014'],
    [answers(429, 63018), 'transient', 'message', 'twilio_63018'],
    [answers(408), 'transient', 'message', 'twilio_http_408'],
    [answers(400, 29999), 'permanent', 'message', 'twilio_29999'],
    [answers(422), 'permanent', 'message', 'twilio_http_422'],
    [answers(503, 20503), 'transient', 'message', 'twilio_20503'],
    [answers(503), 'transient', 'message', 'twilio_http_503'],
    [answers(500, 20500), 'unknown', 'message', 'twilio_20500'],
    [answers(502), 'unknown', 'message', 'twilio_http_502'],
    [answers(504), 'unknown', 'message', 'twilio_http_504'],
    [answers(307), 'unknown', 'message', 'twilio_http_307'],
    [{ at: 'request', how: { status: 502, body: `<h1>${text}</h1>` } }, 'unknown', 'message', 'twilio_http_502'],
    [{ at: 'request', how: { status: 400, body: 'null' } }, 'permanent', 'message', 'twilio_http_400'],
    [{ at: 'request', how: { status: 401, body: '' } }, 'transient', 'account', 'twilio_http_401'],
    [{ at: 'accepted', how: { status: 200, body: `<p>${text}</p>` } }, 'unknown', 'message', 'twilio_answer'],
    [{ at: 'accepted', how: { status: 201, body: '{}' } }, 'unknown', 'message', 'twilio_answer'],
    [{ at: 'accepted', how: { status: 201, body: 'null' } }, 'unknown', 'message', 'twilio_answer'],
    [
      { at: 'accepted', how: { status: 201, body: '{"sid":"SM1","status":"failed","error_code":30006}' } },
      'permanent',
      'message',
      'twilio_30006',
    ],
    [
      { at: 'accepted', how: { status: 201, body: '{"sid":"SM1","status":"undelivered","error_code":30034}' } },
      'transient',
      'sender',
      'twilio_30034',
    ],
    [
      { at: 'accepted', how: { status: 201, body: '{"sid":"SM1","status":"failed","error_code":null}' } },
      'permanent',
      'message',
      'twilio_failed',
    ],
    [{ at: 'request', how: 'drop' }, 'unknown', 'message', 'twilio_connection_lost'],
    [{ at: 'accepted', how: 'drop' }, 'unknown', 'message', 'twilio_connection_lost'],
    [{ at: 'accepted', how: 'drop-answer' }, 'unknown', 'message', 'twilio_connection_lost'],
    [{ at: 'request', how: 'silent' }, 'unknown', 'message', 'twilio_timeout'],
    [{ at: 'accepted', how: 'silent' }, 'unknown', 'message', 'twilio_timeout'],
  ]

  it.each(rows)('%j: %s, %s, %s', async (fault, outcome, scope, code) => {
    const api = await server({ fault })
    const timeoutMs = fault.how === 'silent' ? 150 : 5000
    const error = await failure(transportTo(api.baseUrl, { timeoutMs }).send(smsMessage(), contextFor()))
    expect(error).toMatchObject({ outcome, scope, code })
    // The SDK repeated nothing.
    expect(api.requests).toHaveLength(1)
    const told = inspect(error, { depth: 9, showHidden: true })
    for (const canary of Object.values(canaries)) expect(told).not.toContain(canary)
    expect(error.cause).toBeUndefined()
  })

  it('tells how long to wait', async () => {
    const api = await server({ fault: answers(429, 20429, '7') })
    const transport = transportTo(api.baseUrl)
    expect(await failure(transport.send(smsMessage(), contextFor()))).toMatchObject({ retryAfterMs: 7000 })
    api.fault = answers(503, 20503, '2')
    expect(await failure(transport.send(smsMessage(), contextFor()))).toMatchObject({ retryAfterMs: 2000 })
    api.fault = answers(429)
    expect(await failure(transport.send(smsMessage(), contextFor()))).toMatchObject({ retryAfterMs: undefined })
    // A date is measured by the clock that is given, wherever this machine's stands.
    api.fault = answers(429, 20429, 'Sun, 01 Mar 2026 09:00:05 GMT')
    const context = contextFor({ now: () => new Date('2026-03-01T09:00:00Z') })
    expect(await failure(transport.send(smsMessage(), context))).toMatchObject({ retryAfterMs: 5000 })
  })

  it('names the country that the sender may not send to, and no number', async () => {
    const api = await server({ fault: answers(400, 21612) })
    const transport = transportTo(api.baseUrl)
    const destination = async (to: string) =>
      (await failure(transport.send(smsMessage({ to }), contextFor()))).destination
    expect(await destination('+447700900123')).toBe('+44')
    expect(await destination('+3725551234')).toBe('+372')
    expect(await destination('+4915112345678')).toBe('+49')
    // Countries that share a code: Jamaica, the United States, Kazakhstan, Russia.
    expect(await destination('+18765551234')).toBe('+1876')
    expect(await destination('+14155550167')).toBe('+1415')
    expect(await destination('+77011234567')).toBe('+77')
    expect(await destination('+79161234567')).toBe('+7')
    api.fault = answers(400, 21614)
    expect(await destination('+447700900123')).toBeUndefined()
  })

  it('goes through when tried again after a refusal', async () => {
    const api = await server({ fault: answers(429, 20429) })
    const transport = transportTo(api.baseUrl)
    await failure(transport.send(smsMessage(), contextFor()))
    api.fault = null
    await transport.send(smsMessage(), contextFor())
    expect(api.messages).toHaveLength(1)
  })
})

describe('Retry-After', () => {
  const now = Date.parse('2026-03-01T09:00:00Z')
  it.each([
    ['0', 0],
    ['120', 120_000],
    ['Sun, 01 Mar 2026 09:00:05 GMT', 5000],
    ['Sun, 01 Mar 2026 08:00:00 GMT', 0],
    ['soon', undefined],
    [undefined, undefined],
  ])('%j is %j ms', (header, ms) => {
    expect(retryAfterMsOf(header, now)).toBe(ms)
  })
})

describe('a connection that fails', () => {
  it('before the request has sent nothing', async () => {
    const gone = await server()
    await gone.close()
    for (const baseUrl of [gone.baseUrl, gone.baseUrl.replace('http:', 'https:'), 'http://nowhere.invalid']) {
      const error = await failure(transportTo(baseUrl).send(smsMessage(), contextFor()))
      expect(error).toMatchObject({ outcome: 'transient', scope: 'account', code: 'twilio_unreachable' })
      expect(error.message).toMatch(/before the request was sent \((?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN)\)\.$/)
    }
  })

  it('after it was kept open may have taken the request with it', async () => {
    const api = await server()
    const transport = transportTo(api.baseUrl)
    await transport.send(smsMessage(), contextFor())
    api.fault = { at: 'request', how: 'drop' }
    expect(await failure(transport.send(smsMessage(), contextFor()))).toMatchObject({ outcome: 'unknown' })
    expect(api.connections.total).toBe(1)
  })

  it('for its certificate has sent nothing', async () => {
    const { baseUrl, requests } = await server({ tls: true })
    const error = await failure(transportTo(baseUrl).send(smsMessage(), contextFor()))
    expect(error).toMatchObject({ outcome: 'transient', code: 'twilio_unreachable' })
    expect(requests).toHaveLength(0)
  })

  it('is known over TLS as well: before the request, after it, and on a connection that was kept', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'twilio-'))
    const file = join(directory, 'ca.pem')
    writeFileSync(file, certificate)
    vi.stubEnv('TWILIO_CA_BUNDLE', file)
    const api = await server({ tls: true })
    const transport = transportTo(api.baseUrl)
    api.fault = { at: 'accepted', how: 'drop' }
    expect(await failure(transport.send(smsMessage(), contextFor()))).toMatchObject({ outcome: 'unknown' })
    api.fault = null
    await transport.send(smsMessage(), contextFor())
    api.fault = { at: 'accepted', how: 'drop' }
    expect(await failure(transport.send(smsMessage(), contextFor()))).toMatchObject({ outcome: 'unknown' })
    expect(api.connections.total).toBe(2)
    await api.close()
    expect(await failure(transport.send(smsMessage(), contextFor()))).toMatchObject({ code: 'twilio_unreachable' })
    rmSync(directory, { recursive: true })
  })

  it('waits for a free one no longer than for an answer, and has sent nothing then', async () => {
    const api = await server({ fault: { at: 'accepted', how: 'silent' } })
    const transport = transportTo(api.baseUrl, { maxConnections: 1, timeoutMs: 200 })
    const [first, second] = await Promise.all([1, 2].map(() => failure(transport.send(smsMessage(), contextFor()))))
    expect(first).toMatchObject({ outcome: 'unknown', code: 'twilio_timeout' })
    expect(second).toMatchObject({ outcome: 'transient', code: 'twilio_timeout' })
    expect(api.messages).toHaveLength(1)
  })
})

describe('the signal', () => {
  it('that is aborted already sends nothing', async () => {
    const { baseUrl, requests } = await server()
    const error = await failure(transportTo(baseUrl).send(smsMessage(), contextFor({ signal: AbortSignal.abort() })))
    expect(error).toMatchObject({ outcome: 'transient', code: 'twilio_aborted' })
    expect(requests).toHaveLength(0)
  })

  it('ends a send at once, whose outcome is unknown', async () => {
    const controller = new AbortController()
    const api = await server({
      fault: { at: 'accepted', how: 'silent' },
      onMessage: () => controller.abort(),
    })
    const error = await failure(transportTo(api.baseUrl).send(smsMessage(), contextFor({ signal: controller.signal })))
    expect(error).toMatchObject({ outcome: 'unknown', code: 'twilio_aborted' })
    expect(api.messages).toHaveLength(1)
  })

  it('of one send leaves the others alone', async () => {
    const controller = new AbortController()
    const gate = Promise.withResolvers<void>()
    let waiting = 0
    const api = await server({
      onMessage: () => {
        waiting += 1
        if (waiting === 2) controller.abort()
        return gate.promise
      },
    })
    const transport = transportTo(api.baseUrl)
    const other = transport.send(smsMessage(), contextFor())
    const error = await failure(transport.send(smsMessage(), contextFor({ signal: controller.signal })))
    gate.resolve()
    expect(error).toMatchObject({ outcome: 'unknown', code: 'twilio_aborted' })
    expect((await other).messageId).toMatch(/^SM/)
  })
})

it('logs nothing, even when the SDK is told to', async () => {
  vi.stubEnv('TWILIO_LOG_LEVEL', 'debug')
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  const { baseUrl } = await server()
  await transportTo(baseUrl).send(smsMessage(), contextFor())
  expect(log).not.toHaveBeenCalled()
  log.mockRestore()
})

it('pain 14: whoever opted out with Twilio, in whatever words, gets no other text, and mail all the same', async () => {
  const api = await server({ fault: answers(400, 21610) })
  const mail = { ...capture(), channels: ['EMAIL'] } as const
  await using clinic = await openClinic('2026-03-18T12:00:00Z', { transports: [transportTo(api.baseUrl), mail] })
  await clinic.settings.createOrganizationSettings(organizationId, {
    smsProvider: 'twilio',
    smsApiKey: canaries.accountSid,
    smsApiSecret: canaries.authToken,
    smsFromNumber: '+14155550100',
  })
  await clinic.start()
  const told = async () => (await clinic.notifications.history({ channel: 'SMS' })).notifications
  clinic.host.book({ id: 1, startsAt: '2026-03-20T15:00:00Z' })
  await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
  await expect.poll(told).toMatchObject([{ status: 'FAILED', errorCode: 'twilio_21610' }])
  clinic.host.book({ id: 2, startsAt: '2026-03-20T15:00:00Z' })
  const { omitted } = await clinic.notifications.sendAppointmentNotification(2, { category: 'CONFIRMATION' })
  expect(omitted).toMatchObject([{ channel: 'SMS', rule: 'suppressed' }])
  await expect.poll(() => mail.sent.length).toBe(2)
  expect(api.requests).toHaveLength(1)
})

/** A clinic whose organization sends texts through Twilio. */
async function textingClinic(baseUrl: string) {
  const clinic = await openClinic('2026-03-18T12:00:00Z', { transports: [transportTo(baseUrl)] })
  await clinic.settings.createOrganizationSettings(organizationId, {
    smsProvider: 'twilio',
    smsApiKey: canaries.accountSid,
    smsApiSecret: canaries.authToken,
    smsFromNumber: '+14155550100',
  })
  await clinic.start()
  return clinic
}

it('a sender that may not send to a country waits for that country alone, named, until it may', async () => {
  let isRefused = true
  const api = await server({ refuse: ({ to }) => (isRefused && to?.startsWith('+44') ? 21612 : null) })
  await using clinic = await textingClinic(api.baseUrl)
  const people = ['+447700900123', '+447700900124', '+14155550123'].map((phone, index) => ({
    type: 'PATIENT' as const,
    id: 20 + index,
    name: 'Ada Byron',
    email: null,
    phone,
  }))
  clinic.host.book({ id: 1, startsAt: '2026-03-20T15:00:00Z', recipients: people })
  await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
  const statuses = async () => (await clinic.notifications.history({})).notifications.map(({ status }) => status)
  const sms = async () => (await clinic.settings.effectiveSettings(organizationId)).channels.SMS
  await expect.poll(() => api.messages.map(({ to }) => to)).toEqual(['+14155550123'])
  await expect
    .poll(async () => (await sms()).pausedDestinations)
    .toMatchObject([{ destination: '+44', code: 'twilio_21612' }])
  expect(await sms()).toMatchObject({ fault: null, pause: null })
  await expect
    .poll(async () => (await clinic.notifications.explain(1)).filter(({ rule }) => rule === 'sender_paused'))
    .toHaveLength(2)
  const warned = clinic.log.lines.filter((line) => line.includes('sender paused')).map((line) => JSON.parse(line))
  expect(warned).toMatchObject([{ destination: '+44', code: 'twilio_21612', organizationId }])

  // What is asked for later waits untried, and the others go.
  const before = api.requests.length
  clinic.host.book({ id: 2, startsAt: '2026-03-20T16:00:00Z', recipients: people })
  await clinic.notifications.sendAppointmentNotification(2, { category: 'CONFIRMATION' })
  await expect.poll(() => api.messages.length).toBe(2)
  expect(api.requests.length).toBe(before + 1)

  isRefused = false
  await expect
    .poll(async () => {
      await clinic.clock.advance(1000)
      return statuses()
    })
    .toEqual(Array(6).fill('SENT'))
  await expect.poll(async () => (await sms()).pausedDestinations).toEqual([])
  expect(api.messages).toHaveLength(6)
})

it('an undelivered text is FAILED by the status callback, one whose telephone is off is tried again', async () => {
  const api = await server()
  await using clinic = await textingClinic(api.baseUrl)
  clinic.host.book({ id: 1, startsAt: '2026-03-18T14:00:00Z', recipients: [{ ...ada, email: null }] })
  await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
  const last = async () => (await clinic.notifications.history({ state: 'all' })).notifications[0]
  await expect.poll(last).toMatchObject({ status: 'SENT' })
  // Of use until the start, in two hours: later Twilio would send it for nobody.
  expect(api.messages[0]?.validityPeriod).toBe('7200')
  const report = async (code: number, sid = api.messages.at(-1)?.sid) => {
    const form = { MessageSid: sid ?? '', MessageStatus: 'undelivered', ErrorCode: String(code) }
    const receipt = twilioReceipt(form)
    return receipt && clinic.recordReceipt((await last())?.id ?? 0, receipt)
  }
  expect(await report(30003)).toMatchObject({ status: null, updated: true })
  expect(await report(30003)).toMatchObject({ updated: false })
  await clinic.clock.advance(10 * 60_000)
  await expect.poll(last).toMatchObject({ status: 'SENT', attempts: 2 })
  expect(await last()).toMatchObject({ providerMessageId: api.messages[1]?.sid })
  // Twilio reports the first one again.
  expect(await report(30003, api.messages[0]?.sid)).toMatchObject({ status: 'SENT', updated: false })
  expect(await report(30006)).toMatchObject({ status: 'FAILED', updated: true })
  expect(await last()).toMatchObject({ errorCode: 'twilio_30006', errorMessage: expect.stringContaining('landline') })
  expect((await clinic.statistics.read({})).successRate).toBe(0)
  expect(api.messages).toHaveLength(2)
})

it('a status callback that says nothing new is no receipt', () => {
  expect(twilioReceipt({ MessageSid: 'SM1', MessageStatus: 'queued' })).toBeNull()
  expect(twilioReceipt({ ...{ MessageStatus: 'delivered', ErrorCode: '30003' } })).toEqual({
    outcome: 'delivered',
    messageId: null,
  })
  const undelivered = { outcome: 'failed', code: 'twilio_failed', transient: false }
  expect(twilioReceipt({ MessageStatus: 'undelivered' })).toMatchObject(undelivered)
})
