import { describe, expect, it, vi } from 'vitest'
import { planConnection } from '../../../../adapters/transport/smtp/connection.ts'
import { smtp } from '../../../../adapters/transport/smtp.ts'
import { account, canaries, contextFor, emailMessage, failure } from './fixture.ts'
import { stage } from './stage.ts'

const { server, transport } = stage()

describe('a message', () => {
  it('arrives as text and HTML for one recipient, under a Message-ID made of the idempotency key', async () => {
    const { port, mails } = await server()
    const receipt = await transport().send(emailMessage({ subject: 'Termin am 3. März' }), contextFor(port))
    const [mail] = mails
    expect(mail).toMatchObject({
      from: 'clinic@example.com',
      to: [canaries.address],
      messageId: '<delivery-1@example.com>',
      subject: 'Termin am 3. März',
      text: canaries.text,
      html: `<p>${canaries.text}</p>`,
    })
    expect(receipt).toEqual({ messageId: '<delivery-1@example.com>' })
    expect(mail?.raw).toContain('Auto-Submitted: auto-generated')
    expect(mail?.raw).toContain('To: Canary Patient <canary.patient@example.org>')
    expect(mail?.raw).not.toContain('X-Mailer')
  })

  it('of the own account of the host application may have an envelope sender of its own', async () => {
    const { port, mails } = await server()
    const verp = { address: 'bounces@mail.clinic.example', secret: 'a secret of at least thirty-two characters' }
    const sender = transport({ verp })
    await sender.send(emailMessage(), contextFor(port))
    await sender.send(emailMessage({ notificationId: 0 }), contextFor(port))
    const own = contextFor(port, { trusted: false, account: account(port), accountKey: 'own' })
    await transport({ verp, allowPrivateHosts: true, allowedPorts: [port] }).send(emailMessage(), own)
    expect(mails[0]?.from).toMatch(/^bounces\+7-[0-9a-f]{20}@mail\.clinic\.example$/)
    expect(mails[0]?.raw).toContain('From: Clinic <clinic@example.com>')
    // A test message has no row that a bounce could be recorded of, and the server of an organization takes its own senders.
    expect(mails.slice(1).map(({ from }) => from)).toEqual(['clinic@example.com', 'clinic@example.com'])
  })

  it.each([
    'canary text',
    'a line of a link '.repeat(20),
    'Grüße',
    '予約',
    'From here\n.\n..to there',
    'x'.repeat(2000),
  ])('arrives as it is: %j', async (text) => {
    const { port, mails } = await server()
    const html = `<!doctype html>\n<p>${text}</p>`
    await transport().send(emailMessage({ text, html }), contextFor(port))
    const arrived = [mails[0]?.text, mails[0]?.html].map((part) => part?.replaceAll('\r\n', '\n').trimEnd())
    expect(arrived).toEqual([text.trimEnd(), html])
    expect(mails[0]?.parsed?.attachments).toEqual([])
  })

  it('has no line of more than the 998 characters that mail may have', async () => {
    const { port, mails } = await server()
    const lines = ['short', 'x'.repeat(998), 'y'.repeat(999), 'last']
    for (const count of [2, 3, 4]) {
      const text = lines.slice(0, count).join('\n')
      await transport().send(emailMessage({ text, html: `<p>${count}</p>` }), contextFor(port))
    }
    expect(mails.map(({ raw }) => Math.max(...raw.split(/\r?\n/).map((line) => line.length)))).toEqual([998, 76, 76])
  })

  it('without HTML is plain text', async () => {
    const { port, mails } = await server()
    await transport().send(emailMessage({ html: null }), contextFor(port))
    expect(mails[0]?.raw).toContain('Content-Type: text/plain')
    expect(mails[0]?.html).toBeNull()
  })

  it.each(['a:b/c d', '>\r\nBcc: x@y.z', 'x'.repeat(300)])('keeps one Message-ID for the key %j', async (key) => {
    const { port, mails } = await server()
    const sender = transport()
    await sender.send(emailMessage({ idempotencyKey: key }), contextFor(port))
    await sender.send(emailMessage({ idempotencyKey: key }), contextFor(port))
    expect(mails[0]?.messageId).toMatch(/^<[0-9a-f]{64}@example\.com>$/)
    expect(mails[1]?.messageId).toBe(mails[0]?.messageId)
  })

  it('leaves nothing to decode of what only looks encoded', async () => {
    const { port, mails } = await server()
    const name = '=?utf-8?Q?Dr=2E_Smith?='
    await transport().send(emailMessage({ fromName: name, toName: name, subject: `For ${name}` }), contextFor(port))
    const { subject, from, to } = mails[0]?.parsed ?? {}
    expect(JSON.stringify([subject, from, to])).not.toContain('Dr. Smith')
    expect(subject).toBe('For = ?utf-8?Q?Dr=2E_Smith?=')
  })

  it.each(['\r\nBcc: evil@example.net', '\nX-Evil: 1', '\u2028X-Evil: 1', '\0X-Evil: 1', '\ud800X-Evil: 1'])(
    'takes no header from names and subject: %j',
    async (payload) => {
      const { port, mails } = await server()
      const tainted = { toName: `A${payload}`, fromName: `B${payload}`, subject: `C${payload}` }
      await transport().send(emailMessage(tainted), contextFor(port))
      const headers = [...(mails[0]?.parsed?.headers.keys() ?? [])]
      expect(headers.toSorted()).toEqual(
        ['auto-submitted', 'content-type', 'date', 'from', 'message-id', 'mime-version', 'subject', 'to'].toSorted(),
      )
      expect(mails[0]?.to).toEqual([canaries.address])
    },
  )

  it.each([
    'no-address',
    'a@b@c.example',
    'a,b@c.example',
    '"a b"@c.example',
    'a@c.example\r\nRCPT TO:<x@y.z>',
    '<a@c.example>',
    'a\u2028@c.example',
    '',
  ])('is refused for good for the address %j', async (to) => {
    const { port, connections } = await server()
    const error = await failure(transport().send(emailMessage({ to }), contextFor(port)))
    expect(error).toMatchObject({ outcome: 'permanent', scope: 'message', code: 'smtp_address' })
    expect(connections.total).toBe(0)
  })

  it.each([null, 'clinic', 'clinic@example.com\r\nX: y'])(
    'has the account to blame for the sender %j',
    async (from) => {
      const error = await failure(transport().send(emailMessage({ from }), contextFor(1)))
      expect(error).toMatchObject({ outcome: 'permanent', scope: 'account', code: 'smtp_sender' })
    },
  )

  it('reads no file and fetches nothing', async () => {
    const { nodemailer } = await planConnection({}, account(587), { trusted: true, name: null })
    expect(nodemailer).toMatchObject({ disableFileAccess: true, disableUrlAccess: true })
  })
})

describe('the outbound guard', () => {
  const own = (host: string, port: number) => contextFor(port, { account: account(port, { host }), trusted: false })

  it.each(['127.0.0.1', 'localhost', '2130706433', '169.254.169.254', '[::1]'])(
    'refuses an organization the host %s, and blames the account',
    async (host) => {
      const { port, connections } = await server()
      const sender = transport({ allowedPorts: [port] })
      const error = await failure(sender.send(emailMessage(), own(host, port)))
      expect(error).toMatchObject({ outcome: 'transient', scope: 'account', code: 'outbound_refused' })
      expect(await failure(sender.verify?.(own(host, port)) ?? Promise.resolve())).toMatchObject({
        code: 'outbound_refused',
      })
      expect(connections.total).toBe(0)
    },
  )

  it('refuses other ports', async () => {
    const error = await failure(transport().send(emailMessage(), own('mail.example', 6379)))
    expect(error).toMatchObject({ outcome: 'permanent', code: 'outbound_refused' })
  })

  it('lets the host application name what it likes', async () => {
    const { port, mails } = await server()
    await transport().send(emailMessage(), contextFor(port))
    expect(mails).toHaveLength(1)
  })

  it('resolves once, checks, and connects to that address, whatever the name says later', async () => {
    const { port, mails } = await server()
    const lookup = vi.fn(async () => [{ address: lookup.mock.calls.length === 1 ? '127.0.0.1' : '192.0.2.1' }])
    const sender = transport({ lookup, allowPrivateHosts: true, allowedPorts: [port], maxConnections: 2 })
    await Promise.all(Array.from({ length: 6 }, () => sender.send(emailMessage(), own('rebind.example', port))))
    expect(mails).toHaveLength(6)
    expect(lookup).toHaveBeenCalledTimes(1)
  })

  it('never lends the connections of a trusted account to one that is not', async () => {
    const { port } = await server()
    const sender = transport({ allowedPorts: [port] })
    await sender.send(emailMessage(), contextFor(port))
    const error = await failure(sender.send(emailMessage(), contextFor(port, { trusted: false })))
    expect(error.code).toBe('outbound_refused')
  })
})

describe('pools', () => {
  it('carry many messages over few connections', async () => {
    const { port, mails, connections } = await server({ parse: false })
    const sender = transport({ maxConnections: 3 })
    const keys = Array.from({ length: 60 }, (_, index) => `message-${index}`)
    await Promise.all(keys.map((idempotencyKey) => sender.send(emailMessage({ idempotencyKey }), contextFor(port))))
    expect(new Set(mails.map((mail) => mail.messageId)).size).toBe(60)
    expect(connections.total).toBe(3)
  })

  it('close when idle', async () => {
    const { port, connections, idle } = await server()
    await transport({ idleMs: 20 }).send(emailMessage(), contextFor(port))
    await idle()
    expect(connections.total).toBe(1)
  })

  it('close when the credentials of the organization change', async () => {
    const before = await server()
    const after = await server()
    const sender = transport()
    await sender.send(emailMessage(), contextFor(before.port))
    await sender.send(emailMessage(), contextFor(after.port))
    await before.idle()
    expect([before.mails.length, after.mails.length]).toEqual([1, 1])
  })

  it('sign in anew with the new password', async () => {
    const credentials = { username: canaries.username, password: canaries.password }
    const { port, mails } = await server({ credentials })
    const sender = transport()
    const wrong = contextFor(port, { account: account(port, { ...credentials, password: 'old' }), accountKey: 'old' })
    const right = contextFor(port, { account: account(port, credentials), accountKey: 'new' })
    expect(await failure(sender.send(emailMessage(), wrong))).toMatchObject({ code: 'smtp_535', scope: 'account' })
    await sender.send(emailMessage(), right)
    expect(mails).toHaveLength(1)
  })

  it('finish their sends before close() returns, which may be called twice and lets nothing in afterwards', async () => {
    const { port, mails, idle } = await server({ parse: false })
    const sender = transport({ maxConnections: 1 })
    const sends = Array.from({ length: 5 }, () => sender.send(emailMessage(), contextFor(port)))
    await Promise.all([sender.close?.(), sender.close?.()])
    expect(mails).toHaveLength(5)
    await Promise.all(sends)
    await idle()
    expect(await failure(sender.send(emailMessage(), contextFor(port)))).toMatchObject({
      outcome: 'transient',
      code: 'smtp_closed',
    })
  })
})

describe('verify', () => {
  const credentials = { username: canaries.username, password: canaries.password }

  it('signs in and sends nothing', async () => {
    const { port, mails, idle } = await server({ credentials })
    await transport().verify?.(contextFor(port, { account: account(port, credentials) }))
    await idle()
    expect(mails).toHaveLength(0)
  })

  it('tells what is wrong, without the password', async () => {
    const { port } = await server({ credentials: { ...credentials, password: 'another' } })
    const error = await failure(
      transport().verify?.(contextFor(port, { account: account(port, credentials) })) ?? Promise.resolve(),
    )
    expect(error).toMatchObject({ code: 'smtp_535', scope: 'account' })
    expect(error.message).toBe('The mail server answered 535 to AUTH. Check the user name and the password.')
  })

  it('ends with its signal', async () => {
    const { port } = await server({ fault: { at: 'connect', how: 'silent' } })
    const context = contextFor(port, { signal: AbortSignal.timeout(20) })
    const verifying = transport({ greetingTimeoutMs: 500 }).verify?.(context) ?? Promise.resolve()
    expect(await failure(verifying)).toMatchObject({ code: 'smtp_aborted' })
  })
})

it('says what to install when nodemailer is missing', async () => {
  vi.doMock('nodemailer', () => {
    throw new Error('Cannot find package')
  })
  const error = await failure(transport().send(emailMessage(), contextFor(25)))
  vi.doUnmock('nodemailer')
  expect(error).toMatchObject({ outcome: 'transient', scope: 'account', code: 'dependency_missing' })
  expect(error.message).toContain('npm install nodemailer')
})

it.each([
  ['maxConnections', 0],
  ['maxMessages', Number.NaN],
  ['concurrency', 0],
  ['maxPools', -1],
  ['idleMs', '60'],
  ['commandTimeoutMs', 0],
])('refuses "%s" of %o, with which it would send nothing', (field, value) => {
  const message = expect.stringMatching(new RegExp(`^smtp: "${field}" must be a number of [01] or more`))
  expect(() => smtp({ [field]: value })).toThrow(expect.objectContaining({ code: 'options_invalid', field, message }))
})
