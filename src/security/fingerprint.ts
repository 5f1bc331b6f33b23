import { createHash, createHmac, hkdfSync } from 'node:crypto'
import { readKeys } from './secret-box.ts'

/** The same text has the same fingerprint. */
export type Fingerprint = (text: string) => string

/**
 * HMAC-SHA256 with a key derived from the first encryption key, because what is fingerprinted may hold a password, which
 * a plain digest in a stolen database would let a thief guess at. Without keys, where no password is taken, SHA-256.
 * After a rotation fingerprints differ.
 * @throws NotificationError `options_invalid` for a key of another shape.
 */
export function createFingerprint(encryptionKeys: readonly string[]): Fingerprint {
  if (encryptionKeys.length === 0) return (text) => createHash('sha256').update(text).digest('base64url')
  const [{ bytes }] = readKeys(encryptionKeys)
  const key = Buffer.from(hkdfSync('sha256', bytes, '', 'appointment-notifications fingerprint v1', 32))
  return (text) => createHmac('sha256', key).update(text).digest('base64url')
}
