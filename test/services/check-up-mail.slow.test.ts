import { generateKeyPairSync } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, it, onTestFinished } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { smtp } from '../../adapters/transport/smtp.ts'
import type { Notifications } from '../../src/index.ts'
import { openClinic, organizationId, otherOrganizationId } from '../support/clinic.ts'

const nxDomain = 3

/** A name server that knows these texts; null: the name is there, without any. It answers nothing about `silent.example`. */
async function nameServer(records: Records): Promise<string> {
  const socket = createSocket('udp4')
  socket.on('message', (query, { port, address }) => {
    const labels: string[] = []
    let at = 12
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length))
      at += length + 1
    }
    const name = labels.join('.')
    if (name.endsWith('silent.example')) return
    const text = records[name]
    const header = Buffer.from(query.subarray(0, 12))
    header.writeUInt16BE(0x8180 | (text === undefined ? nxDomain : 0), 2)
    header.writeUInt16BE(text == null ? 0 : 1, 6)
    header.fill(0, 8)
    const value = Buffer.from(text ?? '')
    // A pointer to the name in the question, TXT, IN, an hour, and the length of the text with its own length before it.
    const answer = Buffer.from([0xc0, 12, 0, 16, 0, 1, 0, 0, 0x0e, 0x10, 0, value.length + 1, value.length])
    const parts = [header, query.subarray(12, at + 5), ...(text == null ? [] : [answer, value])]
    socket.send(Buffer.concat(parts), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  return `127.0.0.1:${socket.address().port}`
}

type Records = Readonly<Record<string, string | null>>
type Options = { readonly dkimSelectors?: readonly string[]; readonly organizationId?: string }

/** What is found of these senders, of an organization each. */
async function found(from: readonly string[], records: Records, { organizationId: only, ...options }: Options = {}) {
  await using clinic = await openClinic(now, { encryptionKey: undefined, env, transports })
  for (const [index, emailFromAddress] of from.entries()) {
    const id = [organizationId, otherOrganizationId][index] ?? ''
    await clinic.settings.createOrganizationSettings(id, { emailSmtpHost: 'mail.example.org', emailFromAddress })
  }
  return await findingsOf(clinic, records, options, only)
}

async function findingsOf(clinic: Pick<Notifications, 'checkUp'>, records: Records, options: object, only?: string) {
  const mailDomains = { servers: [await nameServer(records)], ...options }
  const { findings } = await clinic.checkUp({ mailDomains, verify: false, organizationId: only ?? null })
  return findings
    .filter(({ code }) => /spf|dmarc|dkim|domain|dns/.test(code))
    .map(({ code, channel, cause }) => `${code} ${channel} ${cause}`)
}

const selected = { dkimSelectors: ['old', 'mail'] }
const key = 'v=DKIM1; k=rsa; p=MIIBIjANBgkq'
const now = '2026-03-18T12:00:00Z'
const transports = [{ ...capture(), name: 'smtp' }]
const env = { DEFAULT_SMTP_HOST: 'mail.host.example', DEFAULT_EMAIL_USERNAME: 'news@host.example' }
/** What the sender of the host application needs. */
const host = {
  'host.example': 'v=spf1 -all',
  '_dmarc.host.example': 'v=DMARC1; p=none',
  'mail._domainkey.host.example': key,
}

it('is silent about a domain with SPF, DMARC and DKIM, also where these are of the domain above', async () => {
  const records = {
    ...host,
    'mail.clinic.example': 'v=spf1 include:_spf.provider.example -all',
    '_dmarc.clinic.example': 'v=DMARC1; p=reject',
    'mail._domainkey.clinic.example': key,
  }
  expect(await found(['news@mail.clinic.example'], records, selected)).toEqual([])
})

it('names what a domain lacks, a key that was revoked too', async () => {
  const records = { ...host, 'clinic.example': null, 'mail._domainkey.clinic.example': 'v=DKIM1; p=' }
  expect(await found(['news@clinic.example'], records, selected)).toEqual([
    'spf_missing EMAIL The domain clinic.example does not name the servers that may send its mail (SPF).',
    'dmarc_missing EMAIL The domain clinic.example does not say what becomes of forged mail (DMARC), which large mailboxes ask for.',
    'dkim_missing EMAIL The domain clinic.example publishes no key at old._domainkey.clinic.example, mail._domainkey.clinic.example (DKIM).',
  ])
})

it('names a domain that does not exist', async () => {
  expect(await found(['news@clinc.example'], host, selected)).toEqual([
    'domain_unknown EMAIL The domain clinc.example of a sender does not exist.',
  ])
})

it('looks at every sender in use, and says which keys it was given no selector for', async () => {
  const from = ['news@one.example', 'news@two.example']
  expect(await found(from, { ...host, 'one.example': null }, selected)).toEqual([
    'domain_unknown EMAIL The domain two.example of a sender does not exist.',
    expect.stringMatching(/^spf_missing .* one\.example /),
    expect.stringMatching(/^dmarc_missing .* one\.example /),
    expect.stringMatching(/^dkim_missing .* one\.example /),
  ])
  expect(await found([], {}, selected)).toEqual([
    'domain_unknown EMAIL The domain host.example of a sender does not exist.',
  ])
  expect(await found([], host)).toEqual([
    'dkim_unchecked EMAIL The keys of host.example (DKIM) were not checked: they are found by a selector.',
  ])
  expect(await found(from, {}, { ...selected, organizationId: otherOrganizationId })).toEqual([
    'domain_unknown EMAIL The domain two.example of a sender does not exist.',
  ])
})

it('knows the keys of accounts that sign by themselves, of the second account too', async () => {
  await using clinic = await openClinic(now, { transports })
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const dkimPrivateKey = String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const account = (domain: string) => ({
    host: 'mail.example.org',
    fromAddress: `news@${domain}`,
    ...{ dkimDomain: domain, dkimSelector: 'own', dkimPrivateKey },
  })
  await clinic.settings.createOrganizationSettings(organizationId, {
    channels: { email: { accounts: [account('one.example'), account('two.example')] } },
  })
  const well = (domain: string) => ({ [domain]: 'v=spf1 -all', [`_dmarc.${domain}`]: 'v=DMARC1; p=none' })
  const records = { ...well('one.example'), ...well('two.example'), 'own._domainkey.one.example': key }
  expect(await findingsOf(clinic, records, {})).toEqual([
    'dkim_missing EMAIL Mail of two.example is signed with a key that is not published at own._domainkey.two.example (DKIM).',
  ])
})

it('looks at SPF of the domain to which bounced mail of the host application returns', async () => {
  const transport = smtp({ verp: { address: 'bounces@return.example', secret: 'x'.repeat(32) } })
  await using clinic = await openClinic(now, { transports: [transport], env })
  const asked = (records: Records) => findingsOf(clinic, { ...host, ...records }, selected)
  expect(await asked({ 'return.example': 'v=spf1 include:_spf.provider.example -all' })).toEqual([])
  expect(await asked({ 'return.example': null })).toEqual([
    'spf_missing EMAIL The domain return.example, to which bounced mail returns, does not name the servers that may send its mail (SPF).',
  ])
  expect(await asked({})).toEqual([
    'domain_unknown EMAIL The domain return.example, to which bounced mail returns, does not exist.',
  ])
  // The mail server of an organization takes the organization's own senders only.
  await clinic.settings.createOrganizationSettings(organizationId, {
    emailSmtpHost: 'mail.example.org',
    emailFromAddress: 'news@host.example',
  })
  const mailDomains = { servers: [await nameServer(host)], ...selected }
  const { findings } = await clinic.checkUp({ mailDomains, verify: false, organizationId })
  expect(findings.filter(({ code }) => code === 'domain_unknown')).toEqual([])
})

it('does not wait for name servers that are silent, and says so', async () => {
  expect(await found(['news@silent.example'], host, selected)).toEqual([
    'dns_failing EMAIL The name servers do not answer about silent.example.',
  ])
}, 30_000)
