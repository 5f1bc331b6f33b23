import { describe, expect, it } from 'vitest'
import { planConnection } from '../../../../adapters/transport/smtp/connection.ts'
import type { SmtpOptions } from '../../../../adapters/transport/smtp.ts'
import type { EmailAccount } from '../../../../src/index.ts'
import { certificate } from '../../../support/smtp-certificate.ts'
import { account, canaries, contextFor, emailMessage, failure } from './fixture.ts'
import { stage } from './stage.ts'

const { scripted, server, transport } = stage()

/** Offers to sign in, without encryption, whatever it answers to STARTTLS. */
const stripped = (reply = '502 5.5.1 no') =>
  scripted((command) => (command === 'STARTTLS' ? reply : undefined), { extensions: ['AUTH PLAIN LOGIN'] })

/** What nodemailer is told of the encryption. */
async function planned(options: SmtpOptions, of: EmailAccount, trusted: boolean) {
  const lookup = async () => [{ address: '192.0.2.25' }]
  const { nodemailer, route } = await planConnection({ lookup, ...options }, of, { trusted, name: null })
  const { requireTLS, ignoreTLS } = nodemailer
  return { isImplicit: route.tls !== null, requireTLS, ignoreTLS }
}

const credentials = { username: canaries.username, password: canaries.password }
/**
 * A name that only the resolver of the operating system knows for an address of this machine: for the transport, which does
 * not ask it, a host of the public internet.
 */
const seeminglyPublic = '127.1'
const signedIn = (port: number, host: string) =>
  contextFor(port, { account: account(port, { host, ...credentials }), accountKey: host })

describe('encryption', () => {
  it('is from the start on port 465, else by STARTTLS', async () => {
    expect(await planned({}, account(465, credentials), true)).toMatchObject({ isImplicit: true, requireTLS: false })
    expect(await planned({ requireTls: true }, account(587), true)).toMatchObject({
      isImplicit: false,
      requireTLS: true,
    })
  })

  it('is used when offered; the certificate is checked for the name while the checked address is connected to', async () => {
    const { port, mails, servernames } = await server({ tls: 'starttls' })
    const sender = transport({
      tls: { ca: certificate },
      requireTls: true,
      allowPrivateHosts: true,
      allowedPorts: [port],
      lookup: async () => [{ address: '127.0.0.1' }],
    })
    const named = (host: string) =>
      contextFor(port, { account: account(port, { host }), accountKey: host, trusted: false })
    await sender.send(emailMessage(), named('mail.clinic.example'))
    expect(mails).toHaveLength(1)
    expect(servernames).toEqual(['mail.clinic.example'])
    expect(await failure(sender.send(emailMessage(), named('other.example')))).toMatchObject({
      code: 'smtp_certificate',
    })
  })

  it.each([
    ['93.184.216.34', true],
    ['2606:4700::1111', true],
    ['127.0.0.1', false],
    ['10.1.2.3', false],
    ['fd00::25', false],
  ])('is required to sign in at %s: %s, for an organization', async (address, required) => {
    const options: SmtpOptions = { allowPrivateHosts: true, lookup: async () => [{ address }] }
    const named = { host: 'mail.clinic.example' }
    const asked = async (more: SmtpOptions, values = {}) =>
      (await planned({ ...options, ...more }, account(587, { ...named, ...credentials, ...values }), false)).requireTLS
    expect(await asked({})).toBe(required)
    expect(await asked({}, { username: null, password: null })).toBe(false)
    expect(await asked({ requireTls: false })).toBe(false)
    expect(await asked({ requireTls: true })).toBe(true)
  })

  it.each([
    ['mail.clinic.example', true],
    ['93.184.216.34', true],
    ['mail.localhost.example', true],
    ['10.1.2.3', false],
    ['::1', false],
    ['localhost', false],
    ['mailpit', false],
    ['mail.clinic.internal', false],
    ['relay.local.', false],
  ])('is required to sign in at %s: %s, for the host application', async (host, required) => {
    expect(await planned({}, account(587, { host, ...credentials }), true)).toMatchObject({ requireTLS: required })
  })

  it.each(['502 5.5.1 no', '454 4.7.0 not now', '334 what'])(
    'that is not offered (%s) keeps the password and the mail here, and the account is at fault',
    async (reply) => {
      const { port, heard } = await stripped(reply)
      const sender = transport()
      const context = signedIn(port, seeminglyPublic)
      for (const attempt of [() => sender.send(emailMessage(), context), () => sender.verify?.(context)]) {
        const error = await failure(attempt() ?? Promise.resolve())
        expect(error).toMatchObject({ outcome: 'transient', scope: 'account', code: 'smtp_starttls' })
        expect(error.message).toContain('port 465')
        expect(error.message).toContain('smtp({ requireTls: false })')
      }
      expect(new Set(heard)).toEqual(new Set(['CONNECT', 'EHLO', 'STARTTLS']))
    },
  )

  it('is not insisted on where the options say so, nor in a private network', async () => {
    for (const [host, options] of [
      [seeminglyPublic, { requireTls: false }],
      ['127.0.0.1', {}],
    ] as const) {
      const { port, heard } = await stripped()
      await transport(options).send(emailMessage(), signedIn(port, host))
      expect(heard).toEqual(expect.arrayContaining(['AUTH', 'DATA', '.']))
      expect(heard).not.toContain('STARTTLS')
    }
  })

  it('is insisted on everywhere where the options say so', async () => {
    const { port, heard } = await stripped()
    const error = await failure(transport({ requireTls: true }).send(emailMessage(), contextFor(port)))
    expect(error).toMatchObject({ outcome: 'transient', scope: 'account', code: 'smtp_starttls' })
    expect(heard).not.toContain('MAIL')
  })

  it('from the start is possible on any port, for an organization and for the host application', async () => {
    const { port, accepted, lines } = await scripted(undefined, { tls: 'implicit', extensions: ['AUTH PLAIN'] })
    expect(accepted).toBe(0)
    const tls = { ca: certificate }
    const at = (values: Partial<EmailAccount>) => account(port, { host: 'localhost', ...credentials, ...values })
    const own = contextFor(port, { account: at({}) })
    await transport({ tls, security: 'implicit' }).send(emailMessage(), own)
    const organization = contextFor(port, { account: at({ security: 'implicit' }), trusted: false, accountKey: 'org' })
    await transport({ tls, allowPrivateHosts: true }).send(emailMessage(), organization)
    expect(lines.filter((line) => line === '.')).toHaveLength(2)
  })

  it('in the clear on a port that begins with TLS is the fault of the account, in words', async () => {
    const { port } = await scripted()
    const error = await failure(transport({ security: 'implicit' }).send(emailMessage(), contextFor(port)))
    expect(error).toMatchObject({ outcome: 'transient', scope: 'account', code: 'smtp_plain' })
    expect(error.message).toContain('does not use TLS on a port where it was expected')
  })

  it('from the start on a port that begins in the clear is the fault of the account, in words', async () => {
    const { port } = await scripted(undefined, { tls: 'implicit' })
    const error = await failure(transport({ greetingTimeoutMs: 100 }).send(emailMessage(), contextFor(port)))
    expect(error).toMatchObject({ outcome: 'transient', scope: 'account', code: 'smtp_timedout' })
    expect(error.message).toContain('A server that uses TLS from the start waits like this')
  })

  type Case = readonly [asked: EmailAccount['security'], options: SmtpOptions, who: string, outcome: string]
  it.each<Case>([
    ['required', {}, 'private', 'required'],
    ['required', { requireTls: false }, 'public', 'required'],
    ['opportunistic', {}, 'private', 'opportunistic'],
    ['opportunistic', {}, 'public', 'required'],
    ['opportunistic', {}, 'public without a password', 'opportunistic'],
    ['opportunistic', { requireTls: false }, 'public', 'opportunistic'],
    ['opportunistic', { requireTls: true }, 'private', 'required'],
    ['off', {}, 'private', 'off'],
    ['off', {}, 'public', 'smtp_cleartext'],
    ['off', {}, 'public without a password', 'off'],
    ['off', { requireTls: false }, 'public', 'off'],
    ['off', { requireTls: true }, 'public', 'required'],
    ['implicit', { requireTls: false }, 'private', 'implicit'],
    [undefined, { security: 'off' }, 'public', 'required'],
  ])('asked by an organization as %s, with %o, of a %s server: %s', async (security, options, who, outcome) => {
    const address = who === 'private' ? '10.1.2.3' : '93.184.216.34'
    const asked = account(587, {
      host: 'mail.clinic.example',
      ...(!who.includes('without') && credentials),
      ...(security && { security }),
    })
    const plan = planned({ allowPrivateHosts: true, lookup: async () => [{ address }], ...options }, asked, false)
    const found = await plan.then(
      ({ isImplicit, requireTLS, ignoreTLS }) =>
        isImplicit ? 'implicit' : requireTLS ? 'required' : ignoreTLS ? 'off' : 'opportunistic',
      ({ code, scope, outcome: lasting }) => `${code}${scope === 'account' && lasting === 'permanent' ? '' : '?'}`,
    )
    expect(found).toBe(outcome)
  })

  it('that is off is not begun, even if it is offered', async () => {
    const { port, heard } = await scripted(undefined, { tls: 'starttls' })
    await transport({ security: 'off' }).send(emailMessage(), contextFor(port))
    expect(heard).not.toContain('STARTTLS')
  })

  it('that would show the password of the host application is refused, and nothing is connected to', async () => {
    const server = await scripted(undefined, { extensions: ['AUTH PLAIN'] })
    const sender = transport({ security: 'off', lookup: async () => [{ address: '127.0.0.1' }] })
    const error = await failure(sender.send(emailMessage(), signedIn(server.port, 'mail.clinic.example')))
    expect(error).toMatchObject({ outcome: 'permanent', scope: 'account', code: 'smtp_cleartext' })
    expect(error.message).toContain('smtp({ requireTls: false })')
    expect(server.connections).toBe(0)
  })
})
