import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { planConnection } from '../../../../adapters/transport/smtp/connection.ts'
import { account, canaries, contextFor, emailMessage, failure } from './fixture.ts'
import { stage } from './stage.ts'

const { scripted, transport } = stage()

/** Longer than a command may take in these tests, and shorter than the end of the content. */
const commandTimeoutMs = 60
const slowly = async (reply: string) => {
  await sleep(3 * commandTimeoutMs)
  return reply
}

it('has the patience of RFC 5321 where nothing else is said', async () => {
  const plan = await planConnection({}, account(587), { trusted: true, name: null })
  expect(plan).toMatchObject({
    route: { connectionTimeoutMs: 60_000, greetingTimeoutMs: 60_000 },
    commandTimeoutMs: 60_000,
    dataTimeoutMs: 600_000,
  })
})

it('waits for a confirmation longer than for any command, and sends one copy', async () => {
  const server = await scripted((command) => (command === '.' ? slowly('250 accepted') : undefined))
  const receipt = await transport({ commandTimeoutMs }).send(emailMessage(), contextFor(server.port))
  expect([receipt.messageId, server.accepted, server.connections]).toEqual(['<delivery-1@example.com>', 1, 1])
})

it('waits for a late greeting', async () => {
  const server = await scripted((command) => (command === 'CONNECT' ? slowly('220 at last') : undefined))
  await transport({ commandTimeoutMs, greetingTimeoutMs: 5000 }).send(emailMessage(), contextFor(server.port))
  expect(server.accepted).toBe(1)
})

it.each([
  ['EHLO', 'account', 'The mail server took too long to answer (at EHLO) before the message was sent.'],
  ['AUTH', 'account', 'The mail server took too long to answer (at AUTH) before the message was sent.'],
  ['MAIL', 'account', 'The mail server took too long to answer (at MAIL FROM) before the message was sent.'],
  ['RCPT', 'message', 'The mail server took too long to answer (at RCPT TO) before the message was sent.'],
  ['DATA', 'message', 'The mail server took too long to answer (at DATA) before the message was sent.'],
] as const)('gives up an answer to %s that takes too long: the %s waits', async (verb, scope, message) => {
  const script = (command: string) => (command === verb ? ('silence' as const) : undefined)
  const { port, lines } = await scripted(script, { extensions: ['AUTH PLAIN'] })
  const signedIn = account(port, { username: canaries.username, password: canaries.password })
  const context = contextFor(port, { account: signedIn })
  const error = await failure(transport({ commandTimeoutMs }).send(emailMessage(), context))
  expect(error).toMatchObject({ outcome: 'transient', scope, code: 'smtp_timedout', message })
  expect(lines).not.toContain('.')
})

it('counts every answer for itself', async () => {
  const commands: string[] = []
  const server = await scripted(async (command) => {
    commands.push(command)
    await sleep(commandTimeoutMs / 2)
    return undefined
  })
  await transport({ commandTimeoutMs }).send(emailMessage(), contextFor(server.port))
  expect(commands).toEqual(['CONNECT', 'EHLO', 'MAIL', 'RCPT', 'DATA', '.'])
})

it('gives up an answer that never ends', async () => {
  const { port } = await scripted((command) => (command === 'RCPT' ? '250-and' : undefined))
  expect(await failure(transport({ commandTimeoutMs }).send(emailMessage(), contextFor(port)))).toMatchObject({
    outcome: 'transient',
    code: 'smtp_timedout',
  })
})

it('goes on over a connection of its own when one that was kept has gone silent', async () => {
  const server = await scripted((command, connection) =>
    command === 'MAIL' && connection === 1 && server.accepted === 1 ? 'silence' : undefined,
  )
  const sender = transport({ commandTimeoutMs, maxConnections: 1 })
  await sender.send(emailMessage({ idempotencyKey: 'one' }), contextFor(server.port))
  await sender.send(emailMessage({ idempotencyKey: 'two' }), contextFor(server.port))
  expect([server.accepted, server.connections]).toEqual([2, 2])
})

it('does not let one refusal hold up the next message, when the reset after it is not answered', async () => {
  const server = await scripted((command, connection) => {
    if (connection > 1) return undefined
    return command === 'RCPT' ? '550 5.1.1 nobody' : command === 'RSET' ? 'silence' : undefined
  })
  const sender = transport({ commandTimeoutMs, maxConnections: 1 })
  expect(await failure(sender.send(emailMessage(), contextFor(server.port)))).toMatchObject({ code: 'smtp_5.1.1' })
  await sender.send(emailMessage({ idempotencyKey: 'two' }), contextFor(server.port))
  expect([server.accepted, server.connections]).toEqual([1, 2])
})
