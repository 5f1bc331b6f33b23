/** Phone numbers, e-mail addresses and senders of SMS as people write them. */
import { getCountries } from 'libphonenumber-js/max'
import { describe, expect, it } from 'vitest'
import { readEmail } from '../../src/schemas/email-address.ts'
import { countries, loadNumberingPlans, phoneNumber, readPhone } from '../../src/schemas/phone-number.ts'
import { asciiDigits } from '../../src/schemas/plain-text.ts'
import { readSmsSender } from '../../src/schemas/sms-sender.ts'

await loadNumberingPlans()

const british = '+447700900123'

describe('a phone number', () => {
  it.each<[string, string | null, string]>([
    ['+44 (0)7700 900123', null, british],
    ['+44(0)7700-900.123', null, british],
    ['+44 07700 900123', null, british],
    ['+4407700900123', null, british],
    ['+49 (0) 151 23456789', null, '+4915123456789'],
    ['+39 06 1234567', null, '+39061234567'],
    ['0044 7700 900123', null, british],
    ['00 44 7700 900123', 'US', british],
    ['+0044 7700 900123', null, british],
    ['(+44) 7700 900123', null, british],
    ['(0044) 7700 900123', null, british],
    ['0011 1 415 555 0123', 'AU', '+14155550123'],
    ['001 47 21 23 45 67', 'SG', '+4721234567'],
    ['001 415 555 2671', 'SG', '+14155552671'],
    ['0044 (0)7911 123456', 'SG', '+447911123456'],
    ['++44 7700 900123', null, british],
    ['\u200B+44 7700 900123\u200B', null, british],
    ['\u202A+44 7700 900123\u202C', null, british],
    ['\uFEFF+44\u00A07700\u202F900123', null, british],
    ['+44\u20137700\u2014900123', null, british],
    ['+44\u20117700\u2212900123', null, british],
    ['+49 151/23456789', null, '+4915123456789'],
    ['tel:+44-7700-900123', null, british],
    ['TEL:%2B447700900123', null, british],
    ['\u0660\u0667\u0667\u0660\u0660 \u0669\u0660\u0660\u0661\u0662\u0663', 'GB', british],
    ['\uFF0B\uFF14\uFF14\u30007700 900123', null, british],
    ['\u0966\u096D\u096D\u0966\u0966 \u096F\u0966\u0966\u0967\u0968\u0969', 'GB', british],
    ['07700 900123', 'GB', british],
    ['447700900123', 'GB', british],
    ['011 44 7700 900123', 'US', british],
    ['(415) 555-0123', 'US', '+14155550123'],
    ['06 1234567', 'IT', '+39061234567'],
    ["'+447700900123", null, british],
    ['+44 7700 900123,', null, british],
  ])('%j of country %s is %s', (text, country, number) => {
    expect(readPhone(text, country)).toMatchObject({ address: number })
  })

  it.each<[string, string | null, string]>([
    ['07700 900123', null, 'no default country'],
    ['447700900123', null, 'no default country'],
    ['+1 234567890', null, 'length'],
    ['900123', 'GB', 'length'],
    ['1-800-FLOWERS', 'US', 'not one phone number'],
    ['07700 900123 / 07700 900456', 'GB', 'more than one'],
    ['+44 7700 900123\n+44 7700 900456', null, 'not one phone number'],
    ['001 65 6222 3456', 'HK', 'either of two numbers'],
    ['009 1 415 555 2671', 'CO', 'either of two numbers'],
    ['call me', null, 'no digits'],
    ['+', null, 'no digits'],
    ['+999 123 4567', null, 'does not exist'],
    ['1'.repeat(200), null, 'longer than 100'],
  ])('%j of country %s is refused: %s', (text, country, fault) => {
    expect(readPhone(text, country)).toMatchObject({ address: null, fault: expect.stringContaining(fault) })
  })

  it.each([
    ['+1234567890', '+1234567890', ['placeholder_number']],
    ['+5215512345678', '+5215512345678', ['number_not_assigned']],
    ['+9991234567', '+9991234567', ['number_not_assigned']],
    ['+14155550123', '+14155550123', []],
    ['+14155550123 ext. 5', '+14155550123', ['extension_dropped']],
    ['+1 415 555 0123x5', '+14155550123', ['extension_dropped']],
    ['+1 415 555 0123 #5', '+14155550123', ['extension_dropped']],
    ['tel:+1-415-555-0123;ext=5', '+14155550123', ['extension_dropped']],
  ])('%j passes as %s, with the warnings %j', (text, address, codes) => {
    const read = readPhone(text, null)
    expect(read.address).toBe(address)
    expect('warnings' in read ? read.warnings.map(({ code }) => code) : null).toEqual(codes)
  })

  it('is read in the digits of every script', () => {
    for (const system of Intl.supportedValuesOf('numberingSystem')) {
      const digits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((digit) =>
        new Intl.NumberFormat(`en-u-nu-${system}`).format(digit).normalize('NFKC'),
      )
      if (digits.every((digit) => /^\p{Nd}$/u.test(digit))) expect(asciiDigits(digits.join(''))).toBe('0123456789')
    }
  })
})

describe('an e-mail address', () => {
  it.each([
    ['john&jane@example.org'],
    ['sales/eu@example.org'],
    ['a=b@example.org'],
    ['a!b#c~d*e%f|g{h}^i`j$k?l@example.org'],
    ["o'brien@example.org"],
    ['ivan@xn--80aswg.xn--p1ai'],
    ['Ada@EXAMPLE.Org'],
    [`${'a'.repeat(64)}@example.org`],
    ['info@b\u00FCcher.example', 'info@xn--bcher-kva.example'],
    ['a@\u4F8B\u3048\u3002\u30C6\u30B9\u30C8', 'a@xn--r8jz45g.xn--zckzah'],
    ['  ada@example.org\u00A0', 'ada@example.org'],
    ['\u200Bada@exam\u00ADple.org\uFEFF', 'ada@example.org'],
    ['mailto:ada@example.org', 'ada@example.org'],
  ])('%j is accepted', (text, address = text) => {
    expect(readEmail(text)).toEqual({ address, warnings: [] })
  })

  it.each([
    [`${'a'.repeat(65)}@example.org`, '64 characters'],
    [`${'a'.repeat(60)}@${`${'x'.repeat(60)}.`.repeat(3)}example.org`, '254 characters'],
    ['a@example.org,b@example.org', 'not one plain address'],
    ['a@example.org;b@example.org', 'not one plain address'],
    ['a@b@example.org', 'not one plain address'],
    ['Ada <ada@example.org>', 'not one plain address'],
    ['"a b"@example.org', 'not one plain address'],
    ['a@example.org\r\nBcc: b@example.org', 'not one plain address'],
    ['a b@example.org', 'not one plain address'],
    ['a..b@example.org', 'a dot too many'],
    ['\u00FC@example.org', 'few mail servers'],
    ['@example.org', 'no @'],
    ['ada', 'no @'],
    ['a@localhost', 'no usable domain'],
    ['a@[192.0.2.1]', 'no usable domain'],
    ['a@192.0.2.1', 'no usable domain'],
    ['a@ex%61mple.org', 'no usable domain'],
    ['a@exa mple.org', 'no usable domain'],
    ['a@-example.org', 'no usable domain'],
    ['a@example..org', 'no usable domain'],
  ])('%j is refused: %s', (text, fault) => {
    expect(readEmail(text)).toMatchObject({ address: null, fault: expect.stringContaining(fault) })
  })
})

describe('a sender of SMS', () => {
  it.each([
    ['HARBOUR', 'HARBOUR'],
    ['Harbour & Co', null],
    ['Harbour&Co', 'Harbour&Co'],
    ['72345', '72345'],
    ['+44 (0)7700 900123', british],
    ['07700900123', british],
    ['LONGERTHAN11', null],
    ['HARBOUR\nX', null],
    ['--', null],
  ])('%j is %s', (text, address) => {
    expect(readSmsSender(text, 'GB').address).toBe(address)
  })
})

it('a text that is too long for a number is refused before its marks are put in order', () => {
  const began = process.threadCpuUsage().user
  expect(phoneNumber.safeParse('\u0323\u0301'.repeat(40_000)).success).toBe(false)
  expect((process.threadCpuUsage().user - began) / 1000).toBeLessThan(100)
})

it('the countries of the schema are those with a numbering plan', () => {
  expect(countries).toEqual(getCountries())
})
