import fc from 'fast-check'
import { SegmentedMessage } from 'sms-segments-calculator'
import { describe, expect, test } from 'vitest'
import { smsSegments } from '../../src/channels/sms-segments.ts'

describe('smsSegments', () => {
  test.each([
    ['', 'GSM-7', 0, 1],
    ['x'.repeat(160), 'GSM-7', 160, 1],
    ['x'.repeat(161), 'GSM-7', 161, 2],
    ['x'.repeat(306), 'GSM-7', 306, 2],
    ['x'.repeat(307), 'GSM-7', 307, 3],
    ['€'.repeat(80), 'GSM-7', 160, 1],
    ['€'.repeat(81), 'GSM-7', 162, 2],
    [`${'x'.repeat(152)}€${'x'.repeat(152)}`, 'GSM-7', 306, 3],
    ['ñ'.repeat(160), 'GSM-7', 160, 1],
    ['á'.repeat(70), 'UCS-2', 70, 1],
    ['á'.repeat(71), 'UCS-2', 71, 2],
    ['😀'.repeat(35), 'UCS-2', 70, 1],
    ['😀'.repeat(36), 'UCS-2', 72, 2],
    [`${'x'.repeat(66)}😀${'x'.repeat(66)}`, 'UCS-2', 134, 3],
  ] as const)('%j', (text, encoding, units, segments) => {
    expect(smsSegments(text)).toMatchObject({ encoding, units, segments })
  })

  test('pain 12: names what forces UCS-2, each once', () => {
    expect(smsSegments('Łódź, “Łódź”').forcedBy).toEqual(['Ł', 'ó', 'ź', '“', '”'])
    expect(smsSegments('e\u0301 👩‍👩‍👧').forcedBy).toEqual(['e\u0301', '👩‍👩‍👧'])
    expect(smsSegments('Ñandú €[]').forcedBy).toEqual(['ú'])
    expect(smsSegments('plain\r\n').forcedBy).toEqual([])
  })

  const gsm = fc.constantFrom(...'abc XYZ019@£ñüÄ_\n\r', ...'€[]{}|~^\\\f')
  const other = fc.constantFrom('á', 'Ł', '“', '—', '中', '😀', '👩‍👩‍👧', '🇩🇪', 'e\u0301', '\r\n', '\u00a0')
  const texts = fc.oneof(
    fc.string({ unit: gsm, maxLength: 500 }),
    fc.string({ unit: fc.oneof({ weight: 8, arbitrary: gsm }, { weight: 1, arbitrary: other }), maxLength: 250 }),
    fc.string({ unit: 'binary-ascii', maxLength: 400 }),
  )

  test('agrees with sms-segments-calculator', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const ours = smsSegments(text)
        const theirs = new SegmentedMessage(text)
        expect(ours.encoding).toBe(theirs.getEncodingName())
        expect(ours.segments).toBe(theirs.segmentsCount)
        const bits = ours.encoding === 'GSM-7' ? 7 : 16
        expect(ours.units).toBe(theirs.messageSize / bits)
        if (ours.encoding === 'UCS-2') expect(ours.forcedBy).toEqual([...new Set(theirs.getNonGsmCharacters())])
      }),
      { numRuns: 1000 },
    )
  })

  test('agrees on every character up to U+3000', () => {
    for (let code = 0; code < 0x3000; code++) {
      const character = String.fromCharCode(code)
      expect(smsSegments(character).encoding, `U+${code.toString(16)}`).toBe(
        new SegmentedMessage(character).getEncodingName(),
      )
    }
  })
})
