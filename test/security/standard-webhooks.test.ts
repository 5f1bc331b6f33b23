import { createHmac } from 'node:crypto'
import { describe, expect, it, test } from 'vitest'
import { createWebhookVerifier, isWebhookSecret } from '../../src/security/standard-webhooks.ts'

/** From standard-webhooks/standard-webhooks, libraries/javascript/src/webhook.test.ts. */
const published = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  at: new Date(1_614_265_330_000),
  body: Buffer.from('{"test": 2432232314}'),
  headers: {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  },
}
const { secret, at, body, headers } = published
const signature = headers['webhook-signature']

type Circumstances = { now?: Date; text?: Buffer; secrets?: readonly string[]; toleranceMs?: number }
const verify = (
  changes: Partial<typeof headers> = {},
  { now = at, text = body, secrets = [secret], toleranceMs }: Circumstances = {},
) => createWebhookVerifier(secrets, toleranceMs)({ headers: { ...headers, ...changes }, body: text, now })

const macOf = (content: string, key = Buffer.from(secret.slice(6), 'base64')) =>
  `v1,${createHmac('sha256', key).update(content).digest('base64')}`

describe('signed webhooks', () => {
  it('are verified by the published example, also beside other signatures and other secrets', () => {
    expect(verify()).toBeNull()
    const several = `v1a,AAAA v1,${Buffer.alloc(32).toString('base64')} v1, ${signature}`
    expect(verify({ 'webhook-signature': several })).toBeNull()
    const next = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
    expect(verify({}, { secrets: [next, secret] })).toBeNull()
    expect(verify({}, { secrets: [next] })).toBe('unsigned')
  })

  test.each<[what: string, changes: Partial<typeof headers>, circumstances: Circumstances]>([
    ['another body', {}, { text: Buffer.from('{"test": 2432232315}') }],
    ['another id', { 'webhook-id': 'msg_other' }, {}],
    ['another time', { 'webhook-timestamp': '1614265331' }, {}],
    ['no secret', {}, { secrets: [] }],
    ['a signature of another version', { 'webhook-signature': signature.replace('v1,', 'v2,') }, {}],
    ['a short signature', { 'webhook-signature': 'v1,g0hM' }, {}],
    ['a longer signature', { 'webhook-signature': `${signature}A` }, {}],
    ['a signature in another spelling', { 'webhook-signature': signature.replace('+', '-').replace('=', '') }, {}],
    ['a signature after ten others', { 'webhook-signature': `${'v1,AAAA '.repeat(10)}${signature}` }, {}],
    ['no signature', { 'webhook-signature': '' }, {}],
    ['no id', { 'webhook-id': '' }, {}],
    ['no id that is signed', { 'webhook-id': '', 'webhook-signature': macOf(`.1614265330.${body}`) }, {}],
    ['a time that is none', { 'webhook-timestamp': '1614265330.5' }, {}],
    [
      'a time that is none and signed',
      { 'webhook-timestamp': 'soon', 'webhook-signature': macOf(`${headers['webhook-id']}.soon.${body}`) },
      {},
    ],
  ])('are unsigned with %s', (_what, changes, circumstances) => {
    expect(verify(changes, circumstances)).toBe('unsigned')
  })

  it.each([
    ['six minutes ago', 301_000],
    ['the future', -301_000],
  ])('are stale where they were signed in %s, and unsigned there without a signature', (_when, ms) => {
    const now = new Date(at.getTime() + ms)
    expect(verify({}, { now })).toBe('stale')
    expect(verify({ 'webhook-id': 'msg_other' }, { now })).toBe('unsigned')
  })

  it('may be five minutes off, or as much as is allowed', () => {
    for (const ms of [-300_000, 300_000]) expect(verify({}, { now: new Date(at.getTime() + ms) })).toBeNull()
    const now = new Date(at.getTime() + 60_000)
    expect(verify({}, { now, toleranceMs: 59_999 })).toBe('stale')
    expect(verify({}, { now, toleranceMs: 60_000 })).toBeNull()
  })

  it('cannot be replayed later by moving what was signed as the body into the time', () => {
    const later = 1_614_300_000
    const old = `${later}.From: a@b.example`
    const signedThen = { ...headers, 'webhook-signature': macOf(`msg_1.1614265330.${old}`), 'webhook-id': 'msg_1' }
    expect(verify(signedThen, { text: Buffer.from(old) })).toBeNull()
    const moved = { ...signedThen, 'webhook-id': 'msg_1.1614265330', 'webhook-timestamp': String(later) }
    const text = Buffer.from('From: a@b.example')
    expect(verify(moved, { text, now: new Date(later * 1000) })).toBe('unsigned')
  })

  it('are not signed by an empty secret', () => {
    const forged = { 'webhook-id': 'x', 'webhook-signature': macOf(`x.1614265330.${body}`, Buffer.alloc(0)) }
    expect(verify(forged, { secrets: [] })).toBe('unsigned')
  })

  it('need secrets that are some', () => {
    const invalid = expect.objectContaining({ code: 'options_invalid', field: 'secrets' })
    expect(() => createWebhookVerifier(['whsec_c2hvcnQ='])).toThrow(invalid)
    expect(() => createWebhookVerifier([secret, `whsec_${'!'.repeat(40)}`])).toThrow(invalid)
  })
})

test.each([
  [secret, true],
  [`whsec_${Buffer.alloc(64, 1).toString('base64')}`, true],
  // Without its padding it is the same secret.
  [`whsec_${Buffer.alloc(32, 1).toString('base64').replace('=', '')}`, true],
  [`whsec_${Buffer.alloc(65, 1).toString('base64')}`, false],
  [`whsec_${Buffer.alloc(16, 1).toString('base64')}`, false],
  ['MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', false],
  ['v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', false],
  [`${secret}\n`, false],
  ['whsec_', false],
  ['whsec_not base64 at all, but long enough for it', false],
  // A letter was lost, or the last one changed to one of which only a part counts.
  ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwA', false],
  [`whsec_${Buffer.alloc(32, 1).toString('base64').replace(/.=$/, 'F=')}`, false],
])('%s is a secret: %s', (text, is) => expect(isWebhookSecret(text)).toBe(is))
