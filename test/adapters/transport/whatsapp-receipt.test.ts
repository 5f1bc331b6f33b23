import { createHmac } from 'node:crypto'
import { expect, it } from 'vitest'
import { whatsAppReceipts } from '../../../adapters/transport/whatsapp-cloud/receipt.ts'
import type { WebhookAccount, WebhookRequest } from '../../../src/index.ts'

const account: WebhookAccount = { id: 'account', organizationId: 'a', channel: 'SMS', accounts: [] }
const read = whatsAppReceipts(({ organizationId }) =>
  organizationId === 'a'
    ? {
        senders: [
          { phoneNumberId: '106540352242922', appSecret: 'new-secret' },
          { phoneNumberId: '106540352242922', appSecret: 'old-secret' },
          { phoneNumberId: '200', appSecret: 'old-secret' },
        ],
        verifyToken: 'shibboleth',
      }
    : null,
)

const base = { url: null, now: new Date('2026-11-29T12:00:00Z'), signal: new AbortController().signal }
const get = (query: string): WebhookRequest => ({ ...base, method: 'GET', query, headers: {}, body: new Uint8Array() })
function post(body: string | object, secret: string | null = 'new-secret'): WebhookRequest {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const mac = secret === null ? '' : `sha256=${createHmac('sha256', secret).update(text).digest('hex')}`
  return { ...base, method: 'POST', query: '', headers: { 'x-hub-signature-256': mac }, body: Buffer.from(text) }
}

const change = (statuses: readonly object[], phone_number_id = '106540352242922') => ({
  field: 'messages',
  value: {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '15550783881', phone_number_id },
    statuses,
  },
})
const status = (more: object) => ({ id: 'wamid.A', recipient_id: '16505551234', timestamp: '1764417600', ...more })
const event = (...changes: object[]) => ({ object: 'whatsapp_business_account', entry: [{ id: '1', changes }] })

it('answers the handshake of whoever knows the verify token, with the challenge alone', async () => {
  const query = 'hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=shibboleth'
  expect(await read(get(query), account)).toEqual({
    kind: 'read',
    reports: [],
    reply: { type: 'text/plain', text: '1158201444' },
  })
  const refused = { kind: 'refused', reason: 'unsigned' }
  for (const wrong of [query.replace('shibboleth', 'x'), query.replace('subscribe', 'x'), 'hub.challenge=1', '']) {
    expect(await read(get(wrong), account)).toEqual(refused)
  }
  expect(await read(get(query), { ...account, organizationId: 'b' })).toEqual(refused)
})

it('knows a signature as it is published: HMAC-SHA256 of the raw body, in hex', async () => {
  // The example of GitHub, whose header of this name Meta took over: https://docs.github.com/webhooks.
  const senders = [{ phoneNumberId: '1', appSecret: "It's a Secret to Everybody" }]
  const one = whatsAppReceipts(() => ({ senders, verifyToken: null }))
  const mac = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'
  const asked = { ...post('Hello, World!', null), headers: { 'x-hub-signature-256': mac } }
  expect(await one(asked, account)).toEqual({ kind: 'read', reports: [], others: [], inbound: [], othersInbound: [] })
  const other = { ...asked, body: Buffer.from('Hello, World?') }
  expect(await one(other, account)).toEqual({ kind: 'refused', reason: 'unsigned' })
})

it('reads every status of every change, with its time and the message that it is about', async () => {
  const body = event(
    change([
      status({ status: 'sent', biz_opaque_callback_data: '71:key' }),
      status({ status: 'delivered', biz_opaque_callback_data: '71:key:of:two' }),
      status({ status: 'read', id: 'wamid.B' }),
    ]),
    change([status({ status: 'failed', errors: [{ code: 131056, title: 'pair rate' }, { code: 1 }] })]),
    change([status({ status: 'failed', errors: [{ code: 131026, title: 'Message undeliverable to 16505551234' }] })]),
    change([status({ status: 'failed', errors: [{ code: 131042 }] })]),
    change([status({ status: 'deleted' }), { status: 'read' }, { id: 'wamid.C' }]),
    { field: 'messages', value: { metadata: { phone_number_id: '106540352242922' }, messages: [{ id: 'wamid.in' }] } },
  )
  const at = new Date(1_764_417_600_000)
  const receipt = (outcome: string, more: object = {}) => ({ outcome, messageId: 'wamid.A', at, ...more })
  const named = { notificationId: 71, messageId: 'wamid.A' }
  const failed = (code: number, transient: boolean) =>
    receipt('failed', { code: `whatsapp_${code}`, error: expect.stringMatching(/^[A-Z].*\.$/), transient })
  expect(await read(post(body), account)).toEqual({
    kind: 'read',
    others: [],
    // Of nobody: the library says that it was left out.
    inbound: [{ from: '', to: null, text: '', messageId: 'wamid.in', at: null }],
    othersInbound: [],
    reports: [
      { ...named, idempotencyKey: 'key', receipt: receipt('sent') },
      { ...named, idempotencyKey: 'key:of:two', receipt: receipt('delivered') },
      { messageId: 'wamid.B', receipt: receipt('read', { messageId: 'wamid.B' }) },
      { messageId: 'wamid.A', receipt: failed(131056, true) },
      { messageId: 'wamid.A', receipt: failed(131026, false) },
      { messageId: 'wamid.A', receipt: failed(131042, true) },
    ],
  })
})

it.each(['71', ':key', '071:key', '9007199254740993:key', 'x', '7 1:key'])(
  'takes %s for what another program sent along by the same number',
  async (data) => {
    const reading = await read(
      post(event(change([status({ status: 'read', biz_opaque_callback_data: data })]))),
      account,
    )
    expect(reading).toMatchObject({ reports: [{ messageId: 'wamid.A' }] })
    expect(JSON.stringify(reading)).not.toMatch(/notificationId|idempotencyKey/)
  },
)

it('refuses what is unsigned or altered', async () => {
  const body = event(change([status({ status: 'read' })]))
  const reason = async (asked: WebhookRequest, of = account) => {
    const reading = await read(asked, of)
    return reading.kind === 'refused' ? reading.reason : reading.reports.length
  }
  expect(await reason(post(body))).toBe(1)
  expect(await reason(post(body, 'old-secret'))).toBe(1)
  expect(await reason(post(body, 'another'))).toBe('unsigned')
  expect(await reason(post(body, null))).toBe('unsigned')
  expect(await reason({ ...post(body), body: Buffer.from(JSON.stringify(body).replace('read', 'sent')) })).toBe(
    'unsigned',
  )
  expect(await reason(post(body), { ...account, organizationId: 'b' })).toBe('unsigned')
})

it('takes for its own what is about a number that its signer sends by, and passes on the rest', async () => {
  const counts = async (asked: WebhookRequest) => {
    const reading = await read(asked, account)
    return reading.kind === 'read' ? [reading.reports.length, reading.others?.length] : []
  }
  const one = [status({ status: 'read' })]
  const all = event(change(one), change(one, '200'), change(one, '999'), change(one))
  expect(await counts(post(all))).toEqual([2, 2])
  // The number of before, with the secret that it had.
  expect(await counts(post(all, 'old-secret'))).toEqual([3, 1])
})

it.each([
  '[]',
  'null',
  '{"entry":{}}',
  '{"entry":[{"changes":[null]}]}',
  'nonsense',
  '{"entry":[{"changes":[{"field":"message_template_status_update","value":{"event":"APPROVED"}}]}]}',
])('accepts %s, as Meta would go on sending it otherwise', async (text) => {
  expect(await read(post(text), account)).toEqual({
    kind: 'read',
    reports: [],
    others: [],
    inbound: [],
    othersInbound: [],
  })
})
