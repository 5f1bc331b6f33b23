import { describe, expect, it, vi } from 'vitest'
import { isNotificationError } from '../../src/errors.ts'
import { type HostLookup, isPublicAddress, resolveOutbound } from '../../src/security/outbound-guard.ts'

const answering =
  (...addresses: string[]): HostLookup =>
  async () =>
    addresses.map((address) => ({ address }))
const guard = (host: string, lookup: HostLookup = answering('8.8.8.8'), port = 587) =>
  resolveOutbound(host, port, { allowPrivate: false, lookup })

async function refusal(checking: Promise<unknown>) {
  const error: unknown = await checking.then(
    (target) => new Error(`let through: ${JSON.stringify(target)}`),
    (reason) => reason,
  )
  if (!isNotificationError(error)) throw error
  return error
}

const words = (text: string): string[] => text.trim().split(/\s+/)
const privateAddresses = words(`
  168.63.129.16 ::ffff:168.63.129.16 64:ff9b::a83f:8110 2002:a83f:8110:: 100.100.100.200 192.0.0.192 fd00:ec2::254
  127.0.0.1 127.255.255.254 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1
  100.127.255.255 0.0.0.0 0.1.2.3 192.0.0.1 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.1
  203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 ::1 :: fc00::1 fd00::1 fdff:ffff::1 fe80::1
  febf::1 fec0::1 ff02::1 100::1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
  0:0:0:0:0:ffff:c0a8:101 ::127.0.0.1 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::169.254.169.254
  64:ff9b:1::1 2002:7f00:1:: 2002:a9fe:a9fe::1 2002:c0a8:101:: 2001::1 2001:db8::1 3fff::1 5f00::1
`)
const publicAddresses = words(`
  8.8.8.8 1.1.1.1 172.15.255.255 172.32.0.1 100.63.255.255 100.128.0.1 11.0.0.1 223.255.255.255
  2606:4700::1111 2a00:1450:4001::1 2001:4860:4860::8888
`)

describe('addresses', () => {
  it.each(privateAddresses)('%s is not public', async (address) => {
    expect(isPublicAddress(address)).toBe(false)
    // As typed in, and as the answer of the DNS.
    expect((await refusal(guard(address))).code).toBe('outbound_refused')
    expect((await refusal(guard('mail.example', answering(address)))).code).toBe('outbound_refused')
  })

  it.each(publicAddresses)('%s is public', async (address) => {
    expect(isPublicAddress(address)).toBe(true)
    expect(await guard(address)).toEqual({ addresses: [address], servername: address })
    expect(await guard('mail.example', answering(address))).toEqual({
      addresses: [address],
      servername: 'mail.example',
    })
  })

  it.each(['', 'mail.example', '1.2.3', '1.2.3.4.5', '8.8.8.8\0', 'fe80::1%eth0', '2606:4700::1%eth0'])(
    '%j is none at all',
    (text) => {
      expect(isPublicAddress(text)).toBe(false)
    },
  )
})

describe('hosts', () => {
  it.each([
    'localhost',
    'localhost.',
    'LOCALHOST',
    'localhost..',
    'a.localhost',
    'a.localhost.',
    '2130706433',
    '0x7f000001',
    '017700000001',
    '0177.0.0.1',
    '0x7f.1',
    '127.1',
    '127.0.1',
    '0',
    '127.0.0.1.',
    '１２７.0.0.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '::1%lo',
    'fe80::1%eth0',
    '2852039166',
    '',
    '.',
    ' ',
    'a b',
    'mail.example:25',
    'user@mail.example',
    'mail.example/x',
    'mail.example\r\nx',
    '%31%32%37.1',
    '127。0。0。1',
  ])('%j is refused, whatever the resolver says', async (host) => {
    expect((await refusal(guard(host))).code).toBe('outbound_refused')
  })

  it('are named for SNI as the certificate spells them', async () => {
    expect((await guard('Mail.Example.ORG.')).servername).toBe('mail.example.org')
    expect((await guard('münchen.example')).servername).toBe('xn--mnchen-3ya.example')
    expect(await guard('134744072')).toEqual({ addresses: ['8.8.8.8'], servername: '8.8.8.8' })
  })

  it('are refused when only one of several addresses is private, in any order', async () => {
    expect((await refusal(guard('mail.example', answering('8.8.8.8', '10.0.0.1')))).code).toBe('outbound_refused')
    expect((await refusal(guard('mail.example', answering('::1', '8.8.8.8')))).code).toBe('outbound_refused')
    expect((await refusal(guard('mail.example', answering()))).code).toBe('outbound_refused')
  })

  it('are all told, in the order of the lookup', async () => {
    const several = ['2606:4700::1111', '93.184.216.34', '8.8.8.8']
    expect((await guard('mail.example', answering(...several))).addresses).toEqual(several)
  })

  it('are resolved once: a name that turns private after the check is connected to where it was checked', async () => {
    const rebinding = vi.fn<HostLookup>(answering('127.0.0.1')).mockImplementationOnce(answering('8.8.8.8'))
    expect(await guard('rebind.example', rebinding)).toEqual({ addresses: ['8.8.8.8'], servername: 'rebind.example' })
    expect(rebinding).toHaveBeenCalledTimes(1)
  })

  it('are refused in the same words whether they do not resolve or are private', async () => {
    const missing = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })
    const unknown = await refusal(guard('nowhere.example', async () => Promise.reject(missing)))
    const known = await refusal(guard('intranet.example', answering('10.20.30.40')))
    expect([unknown.code, unknown.field, unknown.message]).toEqual([known.code, known.field, known.message])
  })

  it('are refused without a word on what they resolve to', async () => {
    const error = await refusal(guard('intranet.example', answering('10.20.30.40')))
    expect(error).toMatchObject({ code: 'outbound_refused', field: 'emailSmtpHost', status: 422 })
    expect(`${error.message} ${error.stack}`).not.toContain('10.20.30.40')
  })
})

describe('ports', () => {
  it.each([25, 465, 587, 2525])('%i is for mail', async (port) => {
    await expect(guard('mail.example', undefined, port)).resolves.toBeDefined()
  })

  it.each([0, 22, 80, 443, 6379, 65_536, 25.5, Number.NaN])('%d is not, and nothing is resolved', async (port) => {
    const lookup = vi.fn(answering('8.8.8.8'))
    expect(await refusal(guard('mail.example', lookup, port))).toMatchObject({
      code: 'outbound_refused',
      field: 'emailSmtpPort',
    })
    expect(lookup).not.toHaveBeenCalled()
  })

  it('may be chosen', async () => {
    const rules = { allowPrivate: false, allowedPorts: [26], lookup: answering('8.8.8.8') }
    await expect(resolveOutbound('mail.example', 26, rules)).resolves.toBeDefined()
    expect((await refusal(resolveOutbound('mail.example', 25, rules))).field).toBe('emailSmtpPort')
  })
})

describe('the override', () => {
  const rules = { allowPrivate: true, lookup: answering('10.0.0.1') }

  it('lets private hosts through, still resolved once and pinned', async () => {
    expect(await resolveOutbound('relay.internal', 25, rules)).toEqual({
      addresses: ['10.0.0.1'],
      servername: 'relay.internal',
    })
    expect(await resolveOutbound('127.0.0.1', 25, rules)).toEqual({ addresses: ['127.0.0.1'], servername: '127.0.0.1' })
  })

  it('lifts the ports for private addresses only, and not those that were named', async () => {
    expect((await resolveOutbound('127.0.0.1', 41_025, rules)).addresses).toEqual(['127.0.0.1'])
    const open = { ...rules, lookup: answering('8.8.8.8') }
    expect((await refusal(resolveOutbound('mail.example', 6379, open))).field).toBe('emailSmtpPort')
    const named = { ...rules, allowedPorts: [25] }
    expect((await refusal(resolveOutbound('127.0.0.1', 6379, named))).field).toBe('emailSmtpPort')
  })

  it('does not wait for a resolver that never answers', async () => {
    const lookup: HostLookup = () => new Promise(() => {})
    const resolving = resolveOutbound('mail.example', 25, { allowPrivate: false, lookup, lookupTimeoutMs: 20 })
    await expect(resolving).rejects.toMatchObject({ code: 'outbound_refused', cause: { name: 'TimeoutError' } })
  })

  it('resolves with the system by default', async () => {
    const { addresses, servername } = await resolveOutbound('localhost', 25, { allowPrivate: true })
    expect(['127.0.0.1', '::1']).toContain(addresses[0])
    expect(servername).toBe('localhost')
  })
})
