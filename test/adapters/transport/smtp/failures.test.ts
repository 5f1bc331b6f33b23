import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { SendContext } from '../../../../src/index.ts'
import { type Fault, startSmtpServer } from '../../../support/smtp-server.ts'
import { account, canaries, contextFor, emailMessage, failure } from './fixture.ts'
import { stage } from './stage.ts'

const { scripted, server, transport } = stage()

const credentials = { username: canaries.username, password: canaries.password }
const signedIn = (port: number, values: Partial<SendContext> = {}) =>
  contextFor(port, { account: account(port, credentials), ...values })

describe('what became of a message, by the fault of the server', () => {
  type Row = readonly [fault: Fault, outcome: string, scope: string, code: string]
  const rows: readonly Row[] = [
    [{ at: 'rcpt', how: { code: 451 } }, 'transient', 'message', 'smtp_451'],
    [{ at: 'rcpt', how: { code: 550 } }, 'permanent', 'message', 'smtp_550'],
    [{ at: 'mail', how: { code: 421 } }, 'transient', 'account', 'smtp_421'],
    [{ at: 'mail', how: { code: 530 } }, 'permanent', 'account', 'smtp_530'],
    [{ at: 'mail', how: { code: 553 } }, 'permanent', 'account', 'smtp_553'],
    [{ at: 'mail', how: { code: 451 } }, 'transient', 'account', 'smtp_451'],
    [{ at: 'mail', how: { code: 503 } }, 'transient', 'account', 'smtp_503'],
    [{ at: 'data', how: { code: 552 } }, 'transient', 'message', 'smtp_552'],
    [{ at: 'data', how: { code: 554 } }, 'permanent', 'message', 'smtp_554'],
    [{ at: 'data', how: { code: 452 } }, 'transient', 'message', 'smtp_452'],
    [{ at: 'auth', how: { code: 535 } }, 'permanent', 'account', 'smtp_535'],
    [{ at: 'auth', how: { code: 454 } }, 'transient', 'account', 'smtp_454'],
    [{ at: 'auth', how: { code: 432 } }, 'transient', 'account', 'smtp_432'],
    [{ at: 'connect', how: { code: 554 } }, 'transient', 'account', 'smtp_554'],
    [{ at: 'connect', how: { code: 421 } }, 'transient', 'account', 'smtp_421'],
    [{ at: 'connect', how: 'drop' }, 'transient', 'account', 'smtp_connection'],
    [{ at: 'auth', how: 'drop' }, 'transient', 'account', 'smtp_connection'],
    [{ at: 'mail', how: 'drop' }, 'transient', 'account', 'smtp_connection'],
    [{ at: 'rcpt', how: 'drop' }, 'transient', 'message', 'smtp_connection'],
    [{ at: 'data', how: 'drop' }, 'unknown', 'message', 'smtp_connection'],
    [{ at: 'accepted', how: 'drop' }, 'unknown', 'message', 'smtp_connection'],
  ]
  it.each(rows)('%o: %s, %s, %s', async (fault, outcome, scope, code) => {
    const how = typeof fault.how === 'string' ? fault.how : { ...fault.how, text: Object.values(canaries).join(' ') }
    const { port, mails } = await server({ credentials, fault: { ...fault, how } })
    const error = await failure(transport().send(emailMessage(), signedIn(port)))
    expect({ outcome: error.outcome, scope: error.scope, code: error.code }).toEqual({ outcome, scope, code })
    expect(mails).toHaveLength(fault.at === 'accepted' ? 1 : 0)
    // The server repeated everything it knew; none of it comes through, in the message or anywhere else.
    for (const canary of Object.values(canaries)) expect(inspect(error, { depth: 9 })).not.toContain(canary)
  })

  it.each([
    [
      "cPanel's words for a domain that does not exist",
      [
        '550-The mail server could not deliver mail to a@b.example.  The account or',
        '550-domain may',
        '550 not exist, they may be blacklisted, or missing the proper dns entries.',
      ],
      'permanent',
      'message',
      'smtp_550',
    ],
    [
      'the same words, about the sender',
      [
        '550-The mail server could not deliver mail to a@b.example.  The account or domain',
        '550-may not exist, they may be blacklisted, or missing the proper dns entries.',
        '550 Sender verify failed',
      ],
      'permanent',
      'account',
      'smtp_550',
    ],
    [
      'a sentence over two lines with their statuses',
      ['550-5.7.1 Too', '550 5.7.1 many messages'],
      'transient',
      'account',
      'smtp_5.7.1',
    ],
    [
      "qmail's words for a relay",
      ["553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"],
      'permanent',
      'account',
      'smtp_5.7.1',
    ],
    [
      'the status of chkuser',
      ['511 sorry, no mailbox here by that name (#5.1.1 - chkuser)'],
      'permanent',
      'message',
      'smtp_5.1.1',
    ],
  ] as const)('%s', async (_name, lines, outcome, scope, code) => {
    const { port } = await scripted((command) => (command === 'RCPT' ? lines.join('\r\n') : undefined))
    const error = await failure(transport().send(emailMessage(), contextFor(port)))
    expect({ outcome: error.outcome, scope: error.scope, code: error.code }).toEqual({ outcome, scope, code })
  })

  it.each([
    ['DATA refused before the content', { DATA: '451 4.3.1 later' }, 'transient', 'smtp_4.3.1'],
    ['dropped at DATA, before the content was asked for', { DATA: 'drop' }, 'transient', 'smtp_connection'],
    ['a reply without its line end after the content', { '.': '554 5.7.1 no\0' }, 'permanent', 'smtp_5.7.1'],
    ['half a confirmation', { '.': '250 o\0' }, 'unknown', 'smtp_connection'],
    ['neither EHLO nor HELO', { EHLO: '502 no', HELO: '502 no' }, 'transient', 'smtp_502'],
  ] as const)('%s', async (_name, replies: Record<string, string>, outcome, code) => {
    const { port } = await scripted((command) => replies[command])
    const error = await failure(transport().send(emailMessage(), contextFor(port)))
    expect({ outcome: error.outcome, code: error.code }).toEqual({ outcome, code })
  })

  it('repeats the enhanced status code, which holds no text', async () => {
    const { port } = await scripted((command) => (command === 'RCPT' ? '550 5.1.1 no such user' : undefined))
    const error = await failure(transport().send(emailMessage(), contextFor(port)))
    expect(error.message).toBe('The mail server answered 550 5.1.1 to RCPT TO.')
  })

  it('connection refused: transient', async () => {
    const { port, close } = await startSmtpServer()
    await close()
    const error = await failure(transport().send(emailMessage(), contextFor(port)))
    expect(error).toMatchObject({ outcome: 'transient', scope: 'account', code: 'smtp_connrefused' })
  })

  it('a host that does not resolve: transient, trusted or not', async () => {
    const sender = transport({ allowedPorts: [2525] })
    const nowhere = account(2525, { host: 'nowhere.invalid' })
    const trusted = contextFor(1, { account: nowhere })
    const own = { ...trusted, trusted: false }
    expect(await failure(sender.send(emailMessage(), trusted))).toMatchObject({
      outcome: 'transient',
      scope: 'account',
      code: 'smtp_dns',
    })
    expect(await failure(sender.send(emailMessage(), own))).toMatchObject({
      outcome: 'transient',
      scope: 'account',
      code: 'outbound_refused',
    })
  })

  it('a resolver that does not answer: transient, after the connection timeout', async () => {
    const sender = transport({ connectionTimeoutMs: 30, lookup: () => new Promise(() => {}) })
    const context = contextFor(587, { account: account(587, { host: 'mail.example' }) })
    for (const [trusted, code] of [
      [true, 'smtp_dns'],
      [false, 'outbound_refused'],
    ] as const) {
      expect(await failure(sender.send(emailMessage(), { ...context, trusted }))).toMatchObject({
        outcome: 'transient',
        code,
      })
    }
  })

  it('a certificate nobody vouches for: the account is at fault, and nothing was said in the clear', async () => {
    const { port, mails } = await server({ tls: 'starttls', credentials })
    const error = await failure(transport().send(emailMessage(), signedIn(port)))
    expect(error).toMatchObject({ outcome: 'transient', scope: 'account', code: 'smtp_certificate' })
    expect(mails).toHaveLength(0)
  })

  it('a user name without a password: the account is at fault', async () => {
    const { port } = await server({ credentials })
    const half = contextFor(port, { account: account(port, { username: canaries.username }) })
    expect(await failure(transport().send(emailMessage(), half))).toMatchObject({
      outcome: 'permanent',
      scope: 'account',
      code: 'smtp_auth',
    })
  })
})

describe('abort', () => {
  it('before the start: not sent, not even connected', async () => {
    const { port, connections } = await server()
    const context = contextFor(port, { signal: AbortSignal.abort() })
    expect(await failure(transport().send(emailMessage(), context))).toMatchObject({
      outcome: 'transient',
      code: 'smtp_aborted',
    })
    expect(connections.total).toBe(0)
  })

  it('while the server withholds its confirmation: unknown', async () => {
    const abort = new AbortController()
    const { port } = await server({ fault: { at: 'accepted', how: 'silent' }, onMail: () => abort.abort() })
    const context = contextFor(port, { signal: abort.signal })
    expect(await failure(transport().send(emailMessage(), context))).toMatchObject({
      outcome: 'unknown',
      code: 'smtp_aborted',
    })
  })

  it('while waiting for a connection: not sent, then or later', async () => {
    const abort = new AbortController()
    const { port, mails } = await server({ onMail: (mail) => mail.messageId?.includes('first') && abort.abort() })
    const sender = transport({ maxConnections: 1 })
    const first = sender.send(emailMessage({ idempotencyKey: 'first' }), contextFor(port))
    const waiting = sender.send(emailMessage({ idempotencyKey: 'waiting' }), contextFor(port, { signal: abort.signal }))
    expect(await failure(waiting)).toMatchObject({ outcome: 'transient', scope: 'account', code: 'smtp_busy' })
    await first
    await sender.send(emailMessage({ idempotencyKey: 'last' }), contextFor(port))
    expect(mails.map((mail) => mail.messageId)).toEqual(['<first@example.com>', '<last@example.com>'])
  })
})

describe('a lost connection', () => {
  it.each([1, 2])('never sends a begun message again by itself, on a connection used %i times', async (uses) => {
    const sent = await server()
    const sender = transport({ maxConnections: 1 })
    for (let use = 1; use < uses; use += 1) await sender.send(emailMessage(), contextFor(sent.port))
    sent.fault = { at: 'accepted', how: 'drop' }
    const error = await failure(sender.send(emailMessage({ idempotencyKey: 'once' }), contextFor(sent.port)))
    expect(error.outcome).toBe('unknown')
    await sender.close?.()
    expect(sent.mails.filter((mail) => mail.messageId === '<once@example.com>')).toHaveLength(1)
  })

  it('is replaced without a failure when the server ended it between two messages', async () => {
    const sent = await server()
    const sender = transport({ maxConnections: 1 })
    await sender.send(emailMessage({ idempotencyKey: 'one' }), contextFor(sent.port))
    sent.dropAll()
    await sender.send(emailMessage({ idempotencyKey: 'two' }), contextFor(sent.port))
    expect(sent.mails.map((mail) => mail.messageId)).toEqual(['<one@example.com>', '<two@example.com>'])
  })
})
