import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { createFingerprint } from '../../src/security/fingerprint.ts'
import { keyOf } from '../support/keys.ts'

const keys = [keyOf(1), keyOf(2)]
const [first = '', second = ''] = keys
const digest = createHash('sha256').update('a password').digest('base64url')

test('the same text has the same fingerprint, under the first key', () => {
  const fingerprint = createFingerprint(keys)
  expect(fingerprint('a password')).toBe(createFingerprint([first])('a password'))
  expect(fingerprint('a password')).not.toBe(fingerprint('another'))
  expect(fingerprint('a password')).not.toBe(createFingerprint([second, first])('a password'))
})

test('whoever has no key cannot tell what was fingerprinted by trying', () => {
  expect(createFingerprint(keys)('a password')).not.toBe(digest)
  expect(createFingerprint([])('a password')).toBe(digest)
})
