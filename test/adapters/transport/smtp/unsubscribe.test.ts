import { createHash, createVerify, generateKeyPairSync } from 'node:crypto'
import { expect, it } from 'vitest'
import { account, contextFor, emailMessage } from './fixture.ts'
import { stage } from './stage.ts'

const { server, transport } = stage()
const unsubscribeUrl = `https://clinic.example/api/notifications/unsubscribe/${'0'.repeat(22)}`

/** RFC 6376, 3.4.2 and 3.4.4. */
const relaxedHeader = (field: string): string => {
  const at = field.indexOf(':')
  const value = field
    .slice(at + 1)
    .replace(/\r\n/g, '')
    .replace(/[ \t]+/g, ' ')
    .trim()
  return `${field.slice(0, at).trim().toLowerCase()}:${value}`
}
const relaxedBody = (body: string): string =>
  body
    .replace(/[ \t]+(?=\r\n)/g, '')
    .replace(/[ \t]+/g, ' ')
    .replace(/(?:\r\n)*$/, '\r\n')

/** The names that a mail's DKIM signature covers, where it verifies by this key; written from the RFC. */
function signedNames(raw: string, publicKey: string): readonly string[] {
  const split = raw.indexOf('\r\n\r\n')
  const fields = raw.slice(0, split).split(/\r\n(?![ \t])/)
  const signature = fields.find((field) => /^dkim-signature:/i.test(field)) ?? ''
  const tag = (name: string) => new RegExp(`[;:\\s]${name}=([^;]*)`).exec(signature)?.[1]?.replace(/\s/g, '') ?? ''
  const bodyHash = createHash('sha256')
    .update(relaxedBody(raw.slice(split + 4)))
    .digest('base64')
  expect([tag('a'), tag('c'), tag('bh')]).toEqual(['rsa-sha256', 'relaxed/relaxed', bodyHash])
  const names = tag('h')
    .split(':')
    .map((name) => name.toLowerCase())
  const covered = names.flatMap((name) => fields.findLast((field) => field.toLowerCase().startsWith(`${name}:`)) ?? [])
  const own = relaxedHeader(signature.replace(/([;\s]b=)[^;]*/, '$1'))
  const text = [...covered.map(relaxedHeader), own].join('\r\n')
  expect(createVerify('RSA-SHA256').update(text).verify(publicKey, tag('b'), 'base64')).toBe(true)
  return names
}

/** An account that signs, and the key by which its mails verify. */
function signing(port: number) {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  return { publicKey, signed: account(port, { dkim: { domain: 'example.com', selector: 'clinic', privateKey } }) }
}

it('offers one click where the message has a link for it, and both headers are signed', async () => {
  const { port, mails } = await server()
  const { publicKey, signed } = signing(port)
  await transport().send(emailMessage({ unsubscribeUrl }), contextFor(port, { account: signed }))
  const raw = mails[0]?.raw ?? ''
  const unfolded = raw.replace(/\r\n[ \t]+/g, ' ')
  expect(unfolded).toContain(`\r\nList-Unsubscribe: <${unsubscribeUrl}>\r\n`)
  expect(unfolded).toContain('\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n')
  expect(signedNames(raw, publicKey)).toEqual(
    expect.arrayContaining(['list-unsubscribe', 'list-unsubscribe-post', 'from']),
  )
  expect(raw).toMatch(/d=example\.com; ?[\s\S]*s=clinic;/)
})

it.each(['One\nline\n.\nand another \n', 'Grüße\naus München', '予約\r\n確認', 'One\rtwo'])(
  'signs what the other side receives: %j',
  async (text) => {
    const { port, mails } = await server()
    const { publicKey, signed } = signing(port)
    const calendar = { method: 'REQUEST' as const, content: 'BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n' }
    await transport().send(
      emailMessage({ text, html: `<p>${text}</p>`, calendar }),
      contextFor(port, { account: signed }),
    )
    expect(signedNames(mails[0]?.raw ?? '', publicKey)).toContain('subject')
    expect(mails[0]?.text?.replaceAll('\r\n', '\n').trimEnd()).toBe(text.replace(/\r\n?/g, '\n').trimEnd())
  },
)

it('offers and signs nothing where it should not', async () => {
  const { port, mails } = await server()
  await transport().send(emailMessage(), contextFor(port))
  expect(mails[0]?.raw).not.toMatch(/list-unsubscribe|dkim-signature/i)
})
