import { describe, expect, it, vi } from 'vitest'
import type { SmtpOptions } from '../../../../adapters/transport/smtp.ts'
import { certificate } from '../../../support/smtp-certificate.ts'
import { account, contextFor, emailMessage, failure } from './fixture.ts'
import type { Reaction } from './scripted-server.ts'
import { drivenTime, stage, until } from './stage.ts'

const { scripted, transport } = stage()
const { pass } = drivenTime()

/** An address of this machine at which nobody listens on the port of a server at 127.0.0.1, or another server does. */
const other = '127.0.0.2'
const host = 'mail.clinic.example'

const resolving = (...addresses: string[]) => vi.fn(async () => addresses.map((address) => ({ address })))
const named = (port: number, trusted = false) =>
  contextFor(port, { account: account(port, { host }), accountKey: host, trusted })
const open: SmtpOptions = { allowPrivateHosts: true }

// Other systems have one address of loopback only.
describe.skipIf(process.platform !== 'linux')('a host with several addresses', () => {
  it.each([false, true])('is reached by the second when the first refuses (trusted: %s)', async (trusted) => {
    const { port, lines } = await scripted()
    await transport({ ...open, lookup: resolving('::1', '127.0.0.1') }).send(emailMessage(), named(port, trusted))
    expect(lines).toContain('.')
  })

  it.each<Reaction>(['421 4.3.2 busy', '554 no service', 'drop', 'silence', 'hello'])(
    'is reached by the second when the first greets with %s, and remembers it',
    async (reaction) => {
      const well = await scripted()
      const ill = await scripted((command) => (command === 'CONNECT' ? reaction : undefined), {
        host: other,
        port: well.port,
      })
      const sender = transport({ ...open, lookup: resolving(other, '127.0.0.1'), maxMessages: 1 })
      const sending = sender.send(emailMessage(), named(well.port))
      if (reaction === 'silence') {
        await until(() => ill.connections === 1)
        await pass(60_000)
      }
      await sending
      expect([ill.connections, well.connections, well.accepted]).toEqual([1, 1, 1])
      await sender.send(emailMessage(), named(well.port))
      expect([ill.connections, well.connections, well.accepted]).toEqual([1, 2, 2])
    },
  )

  it('is reached by the second when the first breaks the TLS that is to come first', async () => {
    const well = await scripted(undefined, { tls: 'implicit' })
    const ill = await scripted(undefined, { host: other, port: well.port })
    const sender = transport({ ...open, tls: { ca: certificate }, lookup: resolving(other, '127.0.0.1') })
    const context = named(well.port)
    const secured = account(well.port, { host, security: 'implicit' })
    await sender.send(emailMessage(), { ...context, account: secured })
    // What it heard besides is the beginning of TLS, in which any bytes may occur.
    expect([ill.connections, ill.heard[0], well.accepted]).toEqual([1, 'CONNECT', 1])
  })

  it.each(['EHLO', 'MAIL', 'RCPT', 'DATA', '.'])(
    'is not asked at another address once it greeted: %s',
    async (verb) => {
      const first = await scripted((command) =>
        command === verb || command === 'HELO' ? '450 4.2.0 later' : undefined,
      )
      const second = await scripted(undefined, { host: other, port: first.port })
      const sender = transport({ ...open, lookup: resolving('127.0.0.1', other) })
      expect((await failure(sender.send(emailMessage(), named(first.port)))).code).toBe('smtp_4.2.0')
      expect([first.connections, second.connections]).toEqual([1, 0])
    },
  )

  it('is checked at every address before any is connected to', async () => {
    const { port, connections } = await scripted()
    const sender = transport({ lookup: resolving('93.184.216.34', '127.0.0.1'), allowedPorts: [port] })
    expect(await failure(sender.send(emailMessage(), named(port)))).toMatchObject({ code: 'outbound_refused' })
    expect(connections).toBe(0)
  })

  it('is asked by two servers at most that took the connection and did not greet', async () => {
    const silence = (command: string): Reaction => (command === 'CONNECT' ? '421 4.3.2 busy' : undefined)
    const first = await scripted(silence)
    const second = await scripted(silence, { host: other, port: first.port })
    const third = await scripted(undefined, { host: '127.0.0.3', port: first.port })
    const sender = transport({ ...open, lookup: resolving('127.0.0.1', other, '127.0.0.3') })
    expect(await failure(sender.send(emailMessage(), named(first.port)))).toMatchObject({
      outcome: 'transient',
      scope: 'account',
      code: 'smtp_4.3.2',
    })
    expect([first.connections, second.connections, third.connections]).toEqual([1, 1, 0])
  })

  it('names the failure that came furthest', async () => {
    const { port } = await scripted((command) => (command === 'CONNECT' ? '554 5.3.2 no service' : undefined))
    const sender = transport({ ...open, lookup: resolving('127.0.0.1', other) })
    expect(await failure(sender.send(emailMessage(), named(port)))).toMatchObject({
      message: 'The mail server answered 554 5.3.2 to the connection.',
    })
    const refusing = await failure(
      transport({ ...open, lookup: resolving(other, '127.0.0.3') }).send(emailMessage(), named(port)),
    )
    expect(refusing).toMatchObject({ scope: 'account', code: 'smtp_connrefused' })
    expect(refusing.message).toBe('Connecting to the mail server failed (connrefused). Check the host and the port.')
  })

  it('is left alone once the send is aborted', async () => {
    const abort = new AbortController()
    const first = await scripted((command) => {
      if (command === 'CONNECT') abort.abort()
      return 'silence'
    })
    const second = await scripted(undefined, { host: other, port: first.port })
    const sender = transport({ ...open, lookup: resolving('127.0.0.1', other) })
    const context = { ...named(first.port), signal: abort.signal }
    expect(await failure(sender.send(emailMessage(), context))).toMatchObject({ code: 'smtp_aborted' })
    expect(second.connections).toBe(0)
  })
})
