import { createPrivateKey } from 'node:crypto'
import { expect, it } from 'vitest'
import { email } from '../../src/channels/email.ts'

/** In the form of a key, which is all that is looked at. */
function keyOf(bits: number): string {
  const number = (length: number) => Buffer.alloc(length / 8, 0xff).toString('base64url')
  const [d, half] = [number(bits), number(bits / 2)]
  const key = { kty: 'RSA', n: d, e: 'AQAB', d, p: half, q: half, dp: half, dq: half, qi: half }
  return String(createPrivateKey({ format: 'jwk', key }).export({ type: 'pkcs8', format: 'pem' }))
}

it.each([
  [512, false],
  [1024, true],
  [4096, true],
  [4112, false],
  [8192, false],
])('a key of %d bits signs mail: %s', (bits, isTaken) => {
  expect(email.account.fields.dkimPrivateKey.schema.safeParse(keyOf(bits)).success).toBe(isTaken)
})
