import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isNotificationError } from '../../src/errors.ts'
import { createSecretBox } from '../../src/security/secret-box.ts'

const place = { organizationId: 'org-1', table: 'organization_notification_settings', column: 'email_password' }
const canary = 'canary-password'
const newKey = () => randomBytes(32).toString('base64')

function refusal(act: () => unknown) {
  try {
    act()
  } catch (error) {
    if (isNotificationError(error)) return error
    throw error
  }
  throw new Error('it was not refused')
}

describe('sealing', () => {
  it('opens to any text, in the documented form, and never twice the same', () => {
    const box = createSecretBox(newKey())
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (plain) => {
        const sealed = box.seal(plain, place)
        expect(sealed).toMatch(/^v1:[0-9a-f]{8}:[\w-]{16}:[\w-]{22,}$/)
        expect(box.seal(plain, place)).not.toBe(sealed)
        expect(box.open(sealed, place)).toBe(plain)
      }),
    )
  })

  it('takes the same key as base64, base64url and hex', () => {
    const key = randomBytes(32)
    const spellings = [
      key.toString('base64'),
      key.toString('base64url'),
      key.toString('hex'),
      key.toString('hex').toUpperCase(),
    ]
    const sealed = createSecretBox(key.toString('base64')).seal(canary, place)
    for (const spelling of spellings) expect(createSecretBox(spelling).open(sealed, place)).toBe(canary)
  })

  it.each([
    ['nothing', []],
    ['an empty text', ''],
    ['a passphrase', 'correct horse battery staple'],
    ['16 bytes', randomBytes(16).toString('base64')],
    ['33 bytes', randomBytes(33).toString('base64')],
    ['zeros', Buffer.alloc(32).toString('base64')],
    ['a placeholder', 'abcd'.repeat(16)],
    ['63 hex digits', 'a'.repeat(63)],
    ['32 bytes and a line end', `${newKey()}\n`],
    ['a bad key among good ones', [newKey(), 'short']],
  ])('refuses %s for a key, and says how to make one', (_name, keys) => {
    const error = refusal(() => createSecretBox(keys))
    expect(error.code).toBe('options_invalid')
    expect(error.message).toContain('openssl rand -base64 32')
    expect(error.message).not.toContain('correct horse')
  })
})

describe('opening', () => {
  it('notices any change of any character', () => {
    const box = createSecretBox(newKey())
    const sealed = box.seal(canary, place)
    for (let index = 0; index < sealed.length; index += 1) {
      for (const other of ['A', 'B', '0', 'f', '-', ':', '=', '']) {
        if (sealed[index] === other) continue
        const changed = sealed.slice(0, index) + other + sealed.slice(index + 1)
        const error = refusal(() => box.open(changed, place))
        expect(error.code, changed).toBe('secret_unreadable')
      }
    }
  })

  it('notices any flipped bit of nonce, ciphertext and tag', () => {
    const box = createSecretBox(newKey())
    const [version, keyId, nonce = '', body = ''] = box.seal(canary, place).split(':')
    const flips = (text: string) => {
      const bytes = Buffer.from(text, 'base64url')
      return Array.from({ length: bytes.length * 8 }, (_, bit) => {
        const copy = Buffer.from(bytes)
        copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        return copy.toString('base64url')
      })
    }
    const changed = [
      ...flips(nonce).map((other) => [version, keyId, other, body].join(':')),
      ...flips(body).map((other) => [version, keyId, nonce, other].join(':')),
    ]
    expect(changed).toHaveLength((12 + canary.length + 16) * 8)
    for (const sealed of changed) expect(refusal(() => box.open(sealed, place)).code).toBe('secret_unreadable')
  })

  it.each([
    { organizationId: 'org-2' },
    { table: 'another_table' },
    { column: 'sms_api_secret' },
    { organizationId: 'org-1","organization_notification_settings', table: 'x' },
  ])('refuses a secret moved to %j', (elsewhere) => {
    const box = createSecretBox(newKey())
    const sealed = box.seal(canary, place)
    expect(refusal(() => box.open(sealed, { ...place, ...elsewhere })).code).toBe('secret_unreadable')
  })

  it('tells apart contexts that concatenate to the same text', () => {
    const box = createSecretBox(newKey())
    const sealed = box.seal(canary, { organizationId: 'a', table: 'bc', column: 'd' })
    expect(refusal(() => box.open(sealed, { organizationId: 'ab', table: 'c', column: 'd' })).code).toBe(
      'secret_unreadable',
    )
  })

  it.each(['', 'plain text', 'v1:', 'v2:00000000:AAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAA', canary])(
    'refuses what was never sealed: %j',
    (text) => {
      const box = createSecretBox(newKey())
      expect(refusal(() => box.open(text, place)).code).toBe('secret_unreadable')
      expect(refusal(() => box.needsRotation(text)).code).toBe('secret_unreadable')
    },
  )

  it('never tells the secret', () => {
    const sealed = createSecretBox(newKey()).seal(canary, place)
    for (const act of [
      () => createSecretBox(newKey()).open(sealed, place),
      () => createSecretBox(newKey()).open(canary, place),
    ]) {
      expect(inspect(refusal(act), { depth: 9 })).not.toContain(canary)
    }
  })
})

describe('rotation', () => {
  it('seals with the first key, opens with all, and says which secrets are left to seal anew', () => {
    const [old, current] = [newKey(), newKey()]
    const before = createSecretBox(old)
    const during = createSecretBox([current, old])
    const after = createSecretBox(current)
    const sealed = before.seal(canary, place)

    expect(during.open(sealed, place)).toBe(canary)
    expect([before.needsRotation(sealed), during.needsRotation(sealed)]).toEqual([false, true])

    const resealed = during.seal(during.open(sealed, place), place)
    expect(during.needsRotation(resealed)).toBe(false)
    expect(after.open(resealed, place)).toBe(canary)
    expect(refusal(() => after.open(sealed, place)).message).toContain('not among the encryption keys')
  })
})
