import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createTokenSigner } from '../../src/security/signed-token.ts'
import { keyOf } from '../support/keys.ts'

const [first, second] = [keyOf(1), keyOf(2)]
const now = new Date('2024-01-14T14:00:00Z')
const later = new Date('2024-01-21T14:00:00Z')
const subject = { purpose: 'reminder-callback', id: 456 } as const

describe('signed tokens', () => {
  const signer = createTokenSigner([first ?? ''])
  const token = signer.sign(subject, later)

  test('are good for their subject until they expire, to the second', () => {
    expect(signer.verify(token, subject, now)).toBe('valid')
    expect(signer.verify(token, subject, later)).toBe('valid')
    expect(signer.verify(token, subject, new Date(later.getTime() + 1))).toBe('expired')
    expect(encodeURIComponent(token)).toBe(token)
  })

  test('are good for nothing else', () => {
    expect(signer.verify(token, { ...subject, id: 457 }, now)).toBe('invalid')
    // A number and its text are different ids: where ids are text, "456" is somebody else's.
    expect(signer.verify(token, { ...subject, id: '456' }, now)).toBe('invalid')
    expect(signer.verify(token, { ...subject, purpose: 'notification-callback' }, now)).toBe('invalid')
    expect(createTokenSigner([second ?? '']).verify(token, subject, now)).toBe('invalid')
  })

  test('changed in any character, shortened or lengthened they are invalid', () => {
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom(...'aZ09-_.'), (place, letter) => {
        fc.pre(token[place] !== letter)
        const changed = token.slice(0, place) + letter + token.slice(place + 1)
        expect(signer.verify(changed, subject, now)).toBe('invalid')
      }),
    )
    for (const wrong of [
      '',
      'v1',
      token.slice(0, -1),
      `${token}A`,
      ` ${token}`,
      `${token}\n`,
      token.replace('v1', 'v2'),
    ]) {
      expect(signer.verify(wrong, subject, now)).toBe('invalid')
    }
  })

  test('stay good after a rotation, and end with the retired key', () => {
    const rotated = createTokenSigner([second ?? '', first ?? ''])
    expect(rotated.verify(token, subject, now)).toBe('valid')
    expect(rotated.sign(subject, later)).not.toBe(token)
    expect(createTokenSigner([second ?? '']).verify(rotated.sign(subject, later), subject, now)).toBe('valid')
  })
})
