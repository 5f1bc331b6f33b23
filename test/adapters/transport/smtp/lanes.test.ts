import { describe, expect, it } from 'vitest'
import { helloName } from '../../../../adapters/transport/smtp/connection.ts'
import { type Logger, silentLogger } from '../../../../src/index.ts'
import { account, canaries, contextFor, emailMessage, failure } from './fixture.ts'
import { stage } from './stage.ts'

const { scripted, transport } = stage()
const credentials = { username: canaries.username, password: canaries.password }
const keys = (count: number) => Array.from({ length: count }, (_, index) => `message-${index}`)

describe('a server', () => {
  it.each(['421 4.7.0 too many connections', 'drop'] as const)(
    'that takes fewer connections than it is offered (%s) gets all over those',
    async (refusal) => {
      const server = await scripted((command, connection) =>
        command === 'CONNECT' && connection > 2 ? refusal : undefined,
      )
      const sender = transport({ maxConnections: 5 })
      const context = contextFor(server.port)
      await Promise.all(keys(20).map((idempotencyKey) => sender.send(emailMessage({ idempotencyKey }), context)))
      expect(server.accepted).toBe(20)
      expect(server.connections).toBeLessThanOrEqual(5)
    },
  )

  it.each([
    ['CONNECT', '421 4.3.2 busy', 'smtp_4.3.2'],
    ['CONNECT', 'drop', 'smtp_connection'],
    ['AUTH', '535 5.7.8 no', 'smtp_5.7.8'],
    ['MAIL', '550 5.4.5 daily quota', 'smtp_5.4.5'],
  ] as const)('that refuses the account (%s: %s) is not asked for each message', async (verb, refusal, code) => {
    const server = await scripted((command) => (command === verb ? refusal : undefined), { extensions: ['AUTH PLAIN'] })
    const sender = transport({ maxConnections: 3 })
    const context = contextFor(server.port, { account: account(server.port, credentials) })
    const sends = keys(50).map((idempotencyKey) => failure(sender.send(emailMessage({ idempotencyKey }), context)))
    const errors = await Promise.all(sends)
    expect(new Set(errors.map((error) => `${error.scope} ${error.code}`))).toEqual(new Set([`account ${code}`]))
    expect(server.connections).toBeLessThanOrEqual(3)
    expect(server.heard.filter((command) => command === verb).length).toBeLessThanOrEqual(6)
  })

  it('that refuses one recipient gets the others', async () => {
    const server = await scripted((command) => {
      const isFirst = server.heard.filter((heard) => heard === 'RCPT').length === 1
      return command === 'RCPT' && isFirst ? '450 4.2.0 later' : undefined
    })
    const sender = transport({ maxConnections: 1 })
    const sends = keys(5).map((idempotencyKey) =>
      sender.send(emailMessage({ idempotencyKey }), contextFor(server.port)).then(
        () => 'sent',
        (error) => `${error.scope} ${error.accountProven}`,
      ),
    )
    expect(await Promise.all(sends)).toEqual(['message true', 'sent', 'sent', 'sent', 'sent'])
  })

  it('that takes no passwords is named as one', async () => {
    const { port, heard } = await scripted(undefined, { extensions: ['AUTH XOAUTH2'] })
    const context = contextFor(port, { account: account(port, credentials) })
    const sender = transport()
    for (const attempt of [() => sender.send(emailMessage(), context), async () => sender.verify?.(context)]) {
      const error = await failure(attempt())
      expect(error).toMatchObject({ outcome: 'permanent', scope: 'account', code: 'smtp_xoauth2' })
      expect(error.message).toContain('offers only XOAUTH2')
    }
    expect(heard).not.toContain('AUTH')
  })

  it('that takes passwords beside XOAUTH2 gets one', async () => {
    const server = await scripted(undefined, { extensions: ['AUTH XOAUTH2 LOGIN PLAIN'] })
    const context = contextFor(server.port, { account: account(server.port, credentials) })
    await transport().send(emailMessage(), context)
    expect([server.accepted, server.heard.includes('AUTH')]).toEqual([1, true])
  })
})

describe('the name that EHLO gives', () => {
  it.each([
    ['mx.clinic.example', 'anything', 'clinic@example.com', 'mx.clinic.example'],
    [undefined, 'web-1.clinic.example', 'clinic@example.com', 'web-1.clinic.example'],
    [undefined, '4f2a9c1b77d0', 'clinic@example.com', 'example.com'],
    [undefined, '4f2a9c1b77d0', 'praxis@münchen.example', 'xn--mnchen-3ya.example'],
    [undefined, '10.1.2.3', 'clinic@example.com', 'example.com'],
    [undefined, 'box\r\nMAIL.x', 'clinic@example.com', 'example.com'],
    [undefined, '4f2a9c1b77d0', 'clinic', null],
    [undefined, '4f2a9c1b77d0', null, null],
  ])('option %s, machine %j, sender %s: %s', (asked, machine, sender, name) => {
    expect(helloName(asked, sender, machine)).toBe(name)
  })

  it('is the one of the option, in sends and checks', async () => {
    const { port, lines } = await scripted()
    const sender = transport({ name: 'mx.clinic.example' })
    await sender.send(emailMessage(), contextFor(port))
    await sender.verify?.(contextFor(port))
    expect(lines.filter((line) => line.startsWith('EHLO'))).toEqual(Array(2).fill('EHLO mx.clinic.example'))
  })

  it('has a dot, whatever the machine is called', async () => {
    const { port, lines } = await scripted()
    const sender = transport()
    await sender.send(emailMessage(), contextFor(port))
    const address = account(port, { username: 'reminders@clinic.example', password: 'x' })
    await sender.verify?.(contextFor(port, { account: address }))
    for (const line of lines.filter((line) => line.startsWith('EHLO')))
      expect(line).toMatch(/^EHLO [a-z0-9-]+\.[a-z0-9.-]+$/i)
  })
})

it('logs what no rule understands, by its codes, once a kind', async () => {
  const logged: unknown[] = []
  const logger: Logger = { ...silentLogger, warn: (...line) => logged.push(line) }
  const { port } = await scripted((command) => (command === 'RCPT' ? `550 5.5.9 ${canaries.address}` : undefined))
  const sender = transport({ logger })
  for (const idempotencyKey of keys(3)) await failure(sender.send(emailMessage({ idempotencyKey }), contextFor(port)))
  expect(logged).toEqual([
    [
      'unknown response of a mail server',
      {
        organizationId: 'org-1',
        notificationId: 7,
        code: 'smtp_5.5.9',
        outcome: 'permanent',
        scope: 'message',
        answer: 'The mail server answered 550 5.5.9 to RCPT TO.',
        repeated: 0,
      },
    ],
  ])
})
