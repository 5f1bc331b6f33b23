import { createHash, createHmac, hkdfSync } from 'node:crypto'
import { readKeys } from './secret-box.ts'

/** Equal texts have equal fingerprints. */
export type Fingerprint = (text: string) => string

/**
 * HMAC-SHA256 with a key derived from the first encryption key, because the text may contain a password, which could be
 * guessed from a plain digest in a stolen database. Without keys no password is accepted, and SHA-256 is enough.
 * A key rotation changes all fingerprints.
 * @throws NotificationError `options_invalid` for a key of another shape.
 */
export function createFingerprint(encryptionKeys: readonly string[]): Fingerprint {
  if (encryptionKeys.length === 0) return (text) => createHash('sha256').update(text).digest('base64url')
  const [{ bytes }] = readKeys(encryptionKeys)
  const key = Buffer.from(hkdfSync('sha256', bytes, '', 'appointment-notifications fingerprint v1', 32))
  return (text) => createHmac('sha256', key).update(text).digest('base64url')
}
