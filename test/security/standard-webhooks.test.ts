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

const verify = (
  changes: Partial<typeof headers> = {},
  { now = at, text = body, secrets = [secret] }: { now?: Date; text?: Buffer; secrets?: readonly string[] } = {},
) => createWebhookVerifier(secrets).verify({ ...headers, ...changes }, text, now)

const refused = expect.objectContaining({ code: 'signature_invalid' })

describe('signed webhooks', () => {
  it('take the published example, also beside other signatures and other secrets', () => {
    expect(() => verify()).not.toThrow()
    const several = `v1a,AAAA v1,${Buffer.alloc(32).toString('base64')} v1, ${headers['webhook-signature']}`
    expect(() => verify({ 'webhook-signature': several })).not.toThrow()
    const next = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
    expect(() => verify({}, { secrets: [next, secret] })).not.toThrow()
    expect(() => verify({}, { secrets: [next] })).toThrow(refused)
  })

  test.each([
    ['another body', {}, { text: Buffer.from('{"test": 2432232315}') }],
    ['another id', { 'webhook-id': 'msg_other' }, {}],
    ['another time', { 'webhook-timestamp': '1614265331' }, {}],
    ['no secret', {}, { secrets: [] }],
    ['a signature of another version', { 'webhook-signature': headers['webhook-signature'].replace('v1,', 'v2,') }, {}],
    ['a short signature', { 'webhook-signature': 'v1,g0hM' }, {}],
    ['no signature', { 'webhook-signature': '' }, {}],
    ['no id', { 'webhook-id': '' }, {}],
    ['a time that is none', { 'webhook-timestamp': '1614265330.5' }, {}],
    ['a request of six minutes ago', {}, { now: new Date(at.getTime() + 301_000) }],
    ['a request of the future', {}, { now: new Date(at.getTime() - 301_000) }],
  ])('are refused with %s', (_what, changes, circumstances) => {
    expect(() => verify(changes, circumstances)).toThrow(refused)
  })

  it('may be five minutes off', () => {
    for (const ms of [-300_000, 300_000]) {
      expect(() => verify({}, { now: new Date(at.getTime() + ms) })).not.toThrow()
    }
  })

  it('are not signed by an empty secret', () => {
    const signed = createHmac('sha256', '').update(`x.1614265330.`).update(body).digest('base64')
    const forged = { 'webhook-id': 'x', 'webhook-signature': `v1,${signed}` }
    expect(() => verify(forged, { secrets: [] })).toThrow(refused)
  })
})

test.each([
  [secret, true],
  [`whsec_${Buffer.alloc(64, 1).toString('base64')}`, true],
  [`whsec_${Buffer.alloc(16, 1).toString('base64')}`, false],
  ['MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', false],
  ['whsec_', false],
  ['whsec_not base64 at all, but long enough for it', false],
])('%s is a secret: %s', (text, is) => expect(isWebhookSecret(text)).toBe(is))
