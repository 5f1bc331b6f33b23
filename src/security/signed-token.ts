import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { readKeys } from './secret-box.ts'

/** What a token allows its bearer to do: report on a notification, or on a reminder. */
export const tokenPurposes = ['notification-callback', 'reminder-callback'] as const
export type TokenPurpose = (typeof tokenPurposes)[number]

export type TokenSubject = { readonly purpose: TokenPurpose; readonly id: number | string }

/** Signs and verifies tokens for links that others call. Stateless: a token cannot be revoked before its expiry. */
export interface TokenSigner {
  /** `v1.expiry.signature`, safe in a URL. Good until `expiresAt`, to the second. */
  sign(subject: TokenSubject, expiresAt: Date): string
  verify(token: string, subject: TokenSubject, now: Date): 'valid' | 'expired' | 'invalid'
}

const shape = /^v1\.([0-9a-z]{1,9})\.([A-Za-z0-9_-]{43})$/

/**
 * HMAC-SHA256 over purpose, id and expiry, with keys derived from the encryption keys: the first signs, all verify, so
 * links sent before a rotation stay valid. Derived, because a key should serve one algorithm only.
 * @throws NotificationError `options_invalid` for a key of another shape, or for none.
 */
export function createTokenSigner(encryptionKeys: readonly string[]): TokenSigner {
  const [first, ...retired] = readKeys(encryptionKeys)
  const current = derive(first.bytes)
  const keys = [current, ...retired.map(({ bytes }) => derive(bytes))]
  return {
    sign(subject, expiresAt) {
      const expiry = Math.ceil(expiresAt.getTime() / 1000).toString(36)
      return `v1.${expiry}.${signature(current, subject, expiry).toString('base64url')}`
    },
    verify(token, subject, now) {
      const [, expiry = '', encoded = ''] = shape.exec(token) ?? []
      const mac = Buffer.from(encoded, 'base64url')
      // The last character may hold unused bits; only one spelling of a signature is valid.
      if (mac.length !== 32 || mac.toString('base64url') !== encoded) return 'invalid'
      let isSigned = false
      for (const key of keys) isSigned = timingSafeEqual(mac, signature(key, subject, expiry)) || isSigned
      if (!isSigned) return 'invalid'
      return Number.parseInt(expiry, 36) * 1000 < now.getTime() ? 'expired' : 'valid'
    },
  }
}

const derive = (bytes: Buffer): Buffer =>
  Buffer.from(hkdfSync('sha256', bytes, '', 'appointment-notifications signed token v1', 32))

/** As JSON, so that no two subjects read the same. */
const signature = (key: Buffer, { purpose, id }: TokenSubject, expiry: string): Buffer =>
  createHmac('sha256', key)
    .update(JSON.stringify(['v1', purpose, id, expiry]))
    .digest()
