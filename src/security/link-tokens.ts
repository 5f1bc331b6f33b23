import { createHmac, hkdfSync } from 'node:crypto'
import { readKeys } from './secret-box.ts'

/** Makes the tokens of links, and what is stored of them. */
export interface LinkTokens {
  /**
   * 128 bits that nobody can guess or compute without the encryption key, as 22 letters and digits. The same for the same text: a
   * message that is sent again has the link that it had, though no token is stored.
   */
  token(of: string): string
  /** What is stored of a token: under the first key, then under each retired one. */
  hashes(token: string): readonly [string, ...string[]]
}

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const tokenBytes = 16
const tokenLength = 22

/**
 * HMAC-SHA256 under keys derived from the encryption keys, one to make tokens and one to store them: with the database alone nobody can
 * make or test a token. After a rotation new links are made under the new key, and those of the retired keys work as long as
 * these are given.
 * @throws NotificationError `options_invalid` for a key of another shape, or for none.
 */
export function createLinkTokens(encryptionKeys: readonly string[]): LinkTokens {
  const [current, ...retired] = readKeys(encryptionKeys)
  const make = derived(current.bytes, 'link tokens v1')
  const first = derived(current.bytes, 'link hashes v1')
  const others = retired.map(({ bytes }) => derived(bytes, 'link hashes v1'))
  return {
    token: (of) => inLetters(createHmac('sha256', make).update(of).digest().subarray(0, tokenBytes)),
    hashes: (token) => [hashOf(first, token), ...others.map((key) => hashOf(key, token))],
  }
}

const derived = (key: Buffer, use: string): Buffer =>
  Buffer.from(hkdfSync('sha256', key, '', `appointment-notifications ${use}`, 32))

const hashOf = (key: Buffer, token: string): string => createHmac('sha256', key).update(token).digest('base64url')

/** As many letters as a number holds without loss: a bigint is divided by them at once. */
const atOnce = 8
const manyLetters = 62n ** BigInt(atOnce)

function inLetters(bytes: Buffer): string {
  let rest = BigInt(`0x${bytes.toString('hex')}`)
  let some = 0
  let text = ''
  for (let place = 0; place < tokenLength; place += 1) {
    if (place % atOnce === 0) {
      some = Number(rest % manyLetters)
      rest /= manyLetters
    }
    text = alphabet.charAt(some % 62) + text
    some = Math.floor(some / 62)
  }
  return text
}
