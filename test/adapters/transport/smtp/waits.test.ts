import { describe, expect, it } from 'vitest'
import { account, canaries, contextFor, emailMessage, failure } from './fixture.ts'
import { drivenTime, stage, until } from './stage.ts'

const { scripted, transport } = stage()
const { pass } = drivenTime()
const minute = 60_000

/** A server that answers one verb when it is released, and the moment at which it was asked. */
async function holding(verb: string, reply?: string) {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const server = await scripted((command) => (command === verb ? promise : undefined), { extensions: ['AUTH PLAIN'] })
  return {
    server,
    asked: () => until(() => server.heard.includes(verb)),
    release: () => resolve(reply),
    context: contextFor(server.port, {
      account: account(server.port, { username: canaries.username, password: canaries.password }),
    }),
  }
}

it('waits for a confirmation for minutes, and sends one copy', async () => {
  const { server, asked, release, context } = await holding('.')
  const sending = transport().send(emailMessage(), context)
  await asked()
  await pass(9.9 * minute)
  release()
  expect((await sending).messageId).toBe('<delivery-1@example.com>')
  expect([server.accepted, server.connections]).toEqual([1, 1])
})

it('does not know what became of a message that is not confirmed in ten', async () => {
  const { asked, context } = await holding('.')
  const failing = failure(transport().send(emailMessage(), context))
  await asked()
  await pass(10 * minute)
  expect(await failing).toMatchObject({ outcome: 'unknown', scope: 'message', code: 'smtp_timedout' })
})

it('waits for a late greeting', async () => {
  const { server, asked, release, context } = await holding('CONNECT')
  const sending = transport().send(emailMessage(), context)
  await asked()
  await pass(0.9 * minute)
  release()
  await sending
  expect(server.accepted).toBe(1)
})

it.each([
  ['EHLO', 'account', 'The mail server took too long to respond (at EHLO) before the message was sent.'],
  ['AUTH', 'account', 'The mail server took too long to respond (at AUTH) before the message was sent.'],
  ['MAIL', 'account', 'The mail server took too long to respond (at MAIL FROM) before the message was sent.'],
  ['RCPT', 'message', 'The mail server took too long to respond (at RCPT TO) before the message was sent.'],
  ['DATA', 'message', 'The mail server took too long to respond (at DATA) before the message was sent.'],
] as const)('waits a minute for the answer to %s, and then the %s waits', async (verb, scope, message) => {
  const patient = await holding(verb)
  const sending = transport().send(emailMessage(), patient.context)
  await patient.asked()
  await pass(0.9 * minute)
  patient.release()
  await sending
  expect(patient.server.accepted).toBe(1)

  const { server, asked, context } = await holding(verb)
  const failing = failure(transport().send(emailMessage(), context))
  await asked()
  await pass(minute)
  expect(await failing).toMatchObject({ outcome: 'transient', scope, code: 'smtp_timedout', message })
  expect(server.heard).not.toContain('.')
})

it('gives up an answer that never ends', async () => {
  const { asked, release, context } = await holding('RCPT', '250-and')
  const failing = failure(transport().send(emailMessage(), context))
  await asked()
  release()
  await pass(minute)
  expect(await failing).toMatchObject({ outcome: 'transient', code: 'smtp_timedout' })
})

it('takes the limits of its options', async () => {
  const { asked, context } = await holding('.')
  const failing = failure(transport({ dataTimeoutMs: 1000 }).send(emailMessage(), context))
  await asked()
  await pass(1000)
  expect(await failing).toMatchObject({ outcome: 'unknown', code: 'smtp_timedout' })

  const other = await holding('MAIL')
  const refused = failure(transport({ commandTimeoutMs: 2000 }).send(emailMessage(), other.context))
  await other.asked()
  await pass(2000)
  expect(await refused).toMatchObject({ outcome: 'transient', code: 'smtp_timedout' })
})

it('goes on over a connection of its own when one that was kept has gone silent', async () => {
  const server = await scripted((command, connection) =>
    command === 'MAIL' && connection === 1 && server.accepted === 1 ? 'silence' : undefined,
  )
  const sender = transport({ maxConnections: 1 })
  await sender.send(emailMessage({ idempotencyKey: 'one' }), contextFor(server.port))
  const sending = sender.send(emailMessage({ idempotencyKey: 'two' }), contextFor(server.port))
  await until(() => server.heard.filter((command) => command === 'MAIL').length === 2)
  await pass(minute)
  // nodemailer waits a moment before it connects again.
  await pass(1000)
  await sending
  expect([server.accepted, server.connections]).toEqual([2, 2])
})

it('does not let one refusal hold up the next message when the reset after it is not answered', async () => {
  const server = await scripted((command, connection) => {
    if (connection > 1) return undefined
    return command === 'RCPT' ? '550 5.1.1 nobody' : command === 'RSET' ? 'silence' : undefined
  })
  const sender = transport({ maxConnections: 1 })
  expect(await failure(sender.send(emailMessage(), contextFor(server.port)))).toMatchObject({ code: 'smtp_5.1.1' })
  const sending = sender.send(emailMessage({ idempotencyKey: 'two' }), contextFor(server.port))
  await until(() => server.heard.includes('RSET'))
  await pass(minute)
  await pass(1000)
  await sending
  expect([server.accepted, server.connections]).toEqual([1, 2])
})

describe('a message that waits for a connection', () => {
  it('takes no connection beyond the limit when another one has given up waiting', async () => {
    const { server, asked, release, context } = await holding('.')
    const sender = transport({ maxConnections: 1 })
    const first = sender.send(emailMessage(), context)
    await asked()
    const abort = new AbortController()
    const second = failure(sender.send(emailMessage({ idempotencyKey: 'two' }), { ...context, signal: abort.signal }))
    abort.abort()
    await second
    const third = sender.send(emailMessage({ idempotencyKey: 'three' }), context)
    await pass(1000)
    expect(server.connections).toBe(1)
    release()
    await Promise.all([first, third])
    expect([server.accepted, server.connections]).toEqual([2, 1])
  })

  it('gives up in five minutes: the account is slow, not the message at fault', async () => {
    const { server, asked, release, context } = await holding('.')
    const sender = transport({ maxConnections: 1 })
    const first = sender.send(emailMessage(), context)
    await asked()
    const waiting = failure(sender.send(emailMessage({ idempotencyKey: 'two' }), context))
    await pass(5 * minute)
    expect(await waiting).toMatchObject({ outcome: 'transient', scope: 'account', code: 'smtp_busy' })
    const next = sender.send(emailMessage({ idempotencyKey: 'three' }), context)
    await pass(4.9 * minute)
    release()
    await Promise.all([first, next])
    expect([server.accepted, server.connections]).toEqual([2, 1])
  })

  it('is not sent where its deadline passed meanwhile, and the next one is', async () => {
    const { server, asked, release, context } = await holding('.')
    const sender = transport({ maxConnections: 1 })
    const deadline = new Date('2026-03-20T12:00:00Z')
    let now = new Date(deadline.getTime() - 1)
    const timed = { ...context, now: () => now }
    const first = sender.send(emailMessage({ deadline }), timed)
    await asked()
    const late = failure(sender.send(emailMessage({ idempotencyKey: 'two', deadline }), timed))
    const last = sender.send(emailMessage({ idempotencyKey: 'three' }), timed)
    now = deadline
    release()
    expect(await late).toMatchObject({ outcome: 'transient', scope: 'message', code: 'smtp_too_late' })
    await Promise.all([first, last])
    expect([server.accepted, server.connections]).toEqual([2, 1])
  })
})
