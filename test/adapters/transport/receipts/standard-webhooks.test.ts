import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { standardWebhooks } from '../../../../adapters/transport/receipts.ts'
import type { WebhookAccount, WebhookRequest } from '../../../../src/index.ts'

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const at = 1_614_265_330
const host: WebhookAccount = { id: 'account', organizationId: null, channel: 'SMS', accounts: [] }

const request = (text: string, headers: Record<string, string>, seconds = at): WebhookRequest => ({
  method: 'POST',
  url: null,
  query: '',
  headers,
  body: Buffer.from(text),
  now: new Date(seconds * 1000),
  signal: new AbortController().signal,
})

function signed(text: string, { key = secret, id = 'msg_1', seconds = at } = {}) {
  const bytes = Buffer.from(key.replace('whsec_', ''), 'base64')
  const mac = createHmac('sha256', bytes).update(`${id}.${seconds}.${text}`).digest('base64')
  return request(text, { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': `v1,${mac}` })
}

describe('Standard Webhooks', () => {
  it('takes the signature of the published example', async () => {
    // Of https://github.com/standard-webhooks/standard-webhooks; its body is no report.
    const headers = {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': String(at),
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    }
    const example = request('{"test": 2432232314}', headers)
    await expect(standardWebhooks({ secrets: [secret] })(example, host)).rejects.toMatchObject({
      code: 'invalid_input',
    })
    const other = request('{"test": 2432232315}', headers)
    expect(await standardWebhooks({ secrets: [secret] })(other, host)).toEqual({ kind: 'refused', reason: 'unsigned' })
  })

  it('reads one report, or a list of them', async () => {
    const read = standardWebhooks({ secrets: [secret] })
    const one = {
      ...{ notification_id: 7, message_id: 'm', to: '+14155550167', outcome: 'failed', at: '2021-02-25T15:00:00Z' },
      ...{ code: 'gateway_17', error: 'unknown', transient: false, opted_out: true, address_unknown: false },
    }
    const expected = {
      notificationId: 7,
      messageId: 'm',
      to: '+14155550167',
      receipt: {
        ...{ outcome: 'failed', at: new Date('2021-02-25T15:00:00Z'), code: 'gateway_17', error: 'unknown' },
        ...{ transient: false, optedOut: true, addressUnknown: false },
      },
    }
    expect(await read(signed(JSON.stringify(one)), host)).toEqual({ kind: 'read', reports: [expected] })
    const two = { reports: [one, { message_id: 'n', outcome: 'read' }] }
    expect(await read(signed(JSON.stringify(two)), host)).toMatchObject({
      reports: [{ notificationId: 7 }, { messageId: 'n', receipt: { outcome: 'read' } }],
    })
  })

  it.each([
    '{"outcome":"opened"}',
    '{"outcome":"read","at":"yesterday"}',
    '[]',
    '"x"',
    '{"outcome":"read","__proto__":{"a":1}}',
  ])('says what is wrong with %s, or takes no more of it than it knows', async (text) => {
    const reading = standardWebhooks({ secrets: [secret] })(signed(text), host)
    if (text.includes('__proto__'))
      expect(await reading).toEqual({ kind: 'read', reports: [{ receipt: { outcome: 'read' } }] })
    else await expect(reading).rejects.toMatchObject({ code: 'invalid_input' })
  })

  it('refuses what is unsigned, signed with another key, altered, or five minutes old', async () => {
    const read = standardWebhooks({ secrets: [secret] })
    const body = '{"outcome":"read","message_id":"m"}'
    const fine = signed(body)
    const refusal = async (asked: WebhookRequest, account = host) => {
      const reading = await read(asked, account)
      return reading.kind === 'refused' ? reading.reason : reading.kind
    }
    expect(await refusal(fine)).toBe('read')
    expect(await refusal(request(body, {}))).toBe('unsigned')
    expect(await refusal(signed(body, { key: `whsec_${Buffer.alloc(24).toString('base64')}` }))).toBe('unsigned')
    expect(await refusal({ ...fine, body: Buffer.from(body.replace('read', 'sent')) })).toBe('unsigned')
    for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature']) {
      expect([name, await refusal({ ...fine, headers: { ...fine.headers, [name]: '1' } })]).toEqual([name, 'unsigned'])
    }
    for (const late of [301, -301]) {
      expect(await refusal({ ...fine, now: new Date((at + late) * 1000) })).toBe('stale')
    }
    expect(await refusal({ ...fine, now: new Date((at + 299) * 1000) })).toBe('read')
    // The secrets of a list are the host's own: they say nothing about the account of an organization.
    expect(await refusal(fine, { ...host, organizationId: 'a' })).toBe('unsigned')
  })

  it('takes several signatures and several secrets, by account, while one is replaced', async () => {
    const next = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
    const read = standardWebhooks({ secrets: ({ organizationId }) => (organizationId === 'a' ? [next, secret] : []) })
    const body = '{"outcome":"read","message_id":"m"}'
    const [old, young] = [signed(body), signed(body, { key: next })]
    const both = `v1a,ignored ${old.headers['webhook-signature']} ${young.headers['webhook-signature']}`
    const own = { ...host, organizationId: 'a' }
    for (const asked of [old, young, { ...old, headers: { ...old.headers, 'webhook-signature': both } }]) {
      expect((await read(asked, own)).kind).toBe('read')
      expect((await read(asked, { ...host, organizationId: 'b' })).kind).toBe('refused')
    }
  })

  it('refuses secrets and tolerances that are none', () => {
    const invalid = expect.objectContaining({ code: 'options_invalid' })
    for (const wrong of ['whsec_c2hvcnQ=', secret.slice(6), `whsec_${'!'.repeat(40)}`]) {
      expect(() => standardWebhooks({ secrets: [wrong] })).toThrow(invalid)
    }
    // With NaN, what an unset variable becomes, nothing would ever be too old.
    for (const toleranceMs of [Number.NaN, 0]) {
      expect(() => standardWebhooks({ secrets: [secret], toleranceMs })).toThrow(invalid)
    }
  })
})
