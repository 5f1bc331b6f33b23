import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { NotificationError } from '../errors.ts'

/** Where a secret is stored. Bound into the ciphertext: moved to another place, it no longer opens. */
export type SecretContext = { readonly organizationId: string; readonly table: string; readonly column: string }

/** Seals secrets for storage and opens them again. Stateless after creation; safe for concurrent use. */
export interface SecretBox {
  /** The secret as `v1:keyId:nonce:ciphertext`. Two seals of the same secret differ. */
  seal(plain: string, context: SecretContext): string
  /** @throws NotificationError `secret_unreadable`: damaged, moved from elsewhere, or its key is not among the keys. */
  open(sealed: string, context: SecretContext): string
  /** Of the key that seals; not secret. */
  readonly keyId: string
  /** True when sealed with another than the first key. @throws NotificationError `secret_unreadable` when damaged. */
  needsRotation(sealed: string): boolean
}

const algorithm = 'aes-256-gcm'
const keyBytes = 32
/** 32 random bytes have about 30 distinct values, and fewer than this once in 10^30 keys: such a key is zeros or a placeholder. */
const fewestValues = 8
/** 96 bits, the length GCM is specified for; random nonces are safe for about four billion secrets per key. */
const nonceBytes = 12
const tagBytes = 16

/**
 * AES-256-GCM with rotation.
 * @param keys 32 bytes each, as base64, base64url or 64 hex digits. The first encrypts, all decrypt.
 * @throws NotificationError `options_invalid` for a key of another shape or one that is not random, or for none.
 */
export function createSecretBox(keys: string | readonly string[]): SecretBox {
  const ring = readKeys(typeof keys === 'string' ? [keys] : keys)
  const [current] = ring
  const byId = new Map(ring.map((key) => [key.id, key.bytes]))

  return {
    keyId: current.id,
    seal(plain, context) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv(algorithm, current.bytes, nonce, { authTagLength: tagBytes })
      cipher.setAAD(associatedData(current.id, context))
      const ciphertext = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return `v1:${current.id}:${nonce.toString('base64url')}:${ciphertext.toString('base64url')}`
    },

    open(sealed, context) {
      const { keyId, nonce, ciphertext } = parseSealed(sealed)
      const key = byId.get(keyId)
      if (key === undefined)
        throw unreadable(
          `it was encrypted with the key ${keyId}, which is not among the encryption keys; add it to the option "encryptionKey", or save the secret again`,
        )
      const body = ciphertext.subarray(0, -tagBytes)
      const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes })
      decipher.setAAD(associatedData(keyId, context))
      decipher.setAuthTag(ciphertext.subarray(-tagBytes))
      try {
        return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8')
      } catch {
        throw unreadable(
          `it was changed, or copied to ${context.table}.${context.column} from elsewhere; save it again`,
        )
      }
    },

    needsRotation: (sealed) => parseSealed(sealed).keyId !== current.id,
  }
}

type Key = { readonly id: string; readonly bytes: Buffer }

/** The ring of keys, first the current one. @throws NotificationError `options_invalid` for a key of another shape, or for none. */
export function readKeys(keys: readonly string[]): readonly [Key, ...Key[]] {
  const [current, ...retired] = keys.map(parseKey)
  if (current === undefined) throw keyInvalid('No encryption key was given')
  return [current, ...retired]
}

function parseKey(text: string): Key {
  const bytes = decodeKey(text)
  if (bytes?.length !== keyBytes) throw keyInvalid('An encryption key must be 32 bytes in base64 or hex')
  if (new Set(bytes).size < fewestValues)
    throw keyInvalid('An encryption key must be random, and this one is repetitive')
  return { id: createHash('sha256').update(bytes).digest('hex').slice(0, 8), bytes }
}

/** Strict, because Buffer.from skips what it cannot decode and would turn a mistyped key into a shorter one. */
function decodeKey(text: string): Buffer | null {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex')
  if (/^(?:[A-Za-z0-9+/]{43}=?|[A-Za-z0-9_-]{43}=?)$/.test(text)) return Buffer.from(text, 'base64')
  return null
}

/** As JSON, so that no two contexts read the same: ("a:b", "c") is not ("a", "b:c"). */
function associatedData(keyId: string, { organizationId, table, column }: SecretContext): Buffer {
  return Buffer.from(JSON.stringify(['v1', keyId, organizationId, table, column]))
}

const sealedShape = /^v1:([0-9a-f]{8}):([A-Za-z0-9_-]{16}):([A-Za-z0-9_-]{22,})$/

function parseSealed(sealed: string): { keyId: string; nonce: Buffer; ciphertext: Buffer } {
  const [, keyId, nonceText, bodyText] = sealedShape.exec(sealed) ?? []
  if (keyId === undefined || nonceText === undefined || bodyText === undefined) {
    throw unreadable('it does not have the form v1:keyId:nonce:ciphertext; save it again')
  }
  const ciphertext = Buffer.from(bodyText, 'base64url')
  // The last character may hold unused bits: refusing other spellings of the same bytes makes every flip visible.
  if (ciphertext.toString('base64url') !== bodyText) throw unreadable('its encoding was changed; save it again')
  return { keyId, nonce: Buffer.from(nonceText, 'base64url'), ciphertext }
}

function keyInvalid(reason: string): NotificationError {
  return new NotificationError('options_invalid', `${reason}. Make one with: openssl rand -base64 32`, {
    field: 'encryptionKey',
  })
}

function unreadable(reason: string): NotificationError {
  return new NotificationError('secret_unreadable', `A stored secret cannot be decrypted: ${reason}.`)
}
