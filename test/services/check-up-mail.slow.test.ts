import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, it, onTestFinished } from 'vitest'
import { openClinic, organizationId } from '../support/clinic.ts'

const nxDomain = 3

/** A name server that knows these texts; null: the name is there, without any. It answers nothing about `silent.example`. */
async function nameServer(records: Readonly<Record<string, string | null>>): Promise<string> {
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

async function found(from: string, records: Readonly<Record<string, string | null>>) {
  await using clinic = await openClinic('2026-03-18T12:00:00Z', { encryptionKey: undefined })
  await clinic.settings.createOrganizationSettings(organizationId, {
    emailSmtpHost: 'mail.example.org',
    emailFromAddress: from,
  })
  const servers = [await nameServer(records)]
  const { findings } = await clinic.checkUp({ mailDomains: { servers }, verify: false })
  return findings
    .filter(({ code }) => /spf|dmarc|domain|dns/.test(code))
    .map(({ code, channel, cause }) => `${code} ${channel} ${cause}`)
}

it('is silent about a domain with SPF and DMARC, also where DMARC is of the domain above', async () => {
  const records = {
    'mail.clinic.example': 'v=spf1 include:_spf.provider.example -all',
    '_dmarc.clinic.example': 'v=DMARC1; p=reject',
  }
  expect(await found('news@mail.clinic.example', records)).toEqual([])
})

it('names what a domain lacks', async () => {
  expect(await found('news@clinic.example', { 'clinic.example': null })).toEqual([
    'spf_missing EMAIL The domain clinic.example does not name the servers that may send its mail (SPF).',
    'dmarc_missing EMAIL The domain clinic.example does not say what becomes of forged mail (DMARC), which large mailboxes ask for.',
  ])
})

it('names a domain that does not exist', async () => {
  expect(await found('news@clinc.example', {})).toEqual([
    'domain_unknown EMAIL The domain clinc.example of a sender does not exist.',
  ])
})

it('does not wait for name servers that are silent, and says so', async () => {
  expect(await found('news@silent.example', {})).toEqual([
    'dns_failing EMAIL The name servers do not answer about silent.example.',
  ])
}, 30_000)
