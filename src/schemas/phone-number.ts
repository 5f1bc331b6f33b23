import { createRequire } from 'node:module'
import type { CountryCode, ParseError, PhoneNumber } from 'libphonenumber-js/max'
import { z } from 'zod'
import type { Warning } from './common.ts'
import { onFirstUse } from './on-first-use.ts'
import { asciiDigits, visible } from './plain-text.ts'
import { remember } from './remember.ts'

/** A contact as it is used, or why it is not: in words without the contact. */
export type ReadContact =
  | { readonly address: string; readonly warnings: readonly Omit<Warning, 'field'>[] }
  | { readonly address: null; readonly fault: string }

/** A country by ISO 3166-1 alpha-2, in capitals: its numbers may be written without their country code. */
export type Country = string

type NumberingPlans = typeof import('libphonenumber-js/max')
let plans: NumberingPlans | null = null

/**
 * Loads the numbering plans of all countries. Await it before anything that reads a phone number or its country:
 * the plans take almost as long to load as zod does, and not every program that imports the library reads numbers.
 */
export const loadNumberingPlans = onFirstUse(async (): Promise<void> => {
  plans = await import('libphonenumber-js/max')
})

/** Who did not await them waits here, where Node finds the package: a bundle has it by the import only. */
function numberingPlans(): NumberingPlans {
  plans ??= createRequire(import.meta.url)('libphonenumber-js/max')
  if (plans === null) throw new TypeError('libphonenumber-js has no numbering plans')
  return plans
}

/** The longest text that is looked at. */
const longest = 100
/** Of a number without its country code; Niue has some of four. */
const fewestDigits = 4
const e164 = /^\+[1-9]\d{6,14}$/
const scheme = /^(?:tel|sms|callto):(?:\/\/)?/i

/**
 * Reads a phone number as people write it: with blanks, hyphens, slashes and brackets of all kinds, digits of any script, `(0)`,
 * `00` or `tel:`. What has no country code is read as one of `country`. What is written in E.164 passes by its shape, and with a
 * warning where no such number is assigned; anything else must have a possible length.
 */
export const readPhone = (text: string, country: Country | null): ReadContact =>
  text.length > longest ? refused(`is longer than ${longest} characters`) : rememberedPhone(`${country ?? ''}:${text}`)

/** Kept, for the same number is read when it is planned for, asked about and sent to; reading one takes as long as a statement. */
const rememberedPhone = remember({ maxBytes: 2_000_000, bytesOf: () => 400 }, (key: string) => {
  const [country = ''] = key.split(':', 1)
  return read(key.slice(country.length + 1), country === '' ? null : country)
})

function read(text: string, country: Country | null): ReadContact {
  const typed = plain(text)
  if (!/\d/.test(typed)) return refused('has no digits')
  const isE164 = e164.test(typed)
  const home = country !== null && numberingPlans().isSupportedCountry(country) ? country : undefined
  const abroad = parse(international(typed), home)
  const dialled = asDialled(typed, home)
  const isBoth = dialled !== null && !isFault(abroad) && abroad.isValid()
  if (isBoth && abroad.number !== dialled.number)
    return refused('may be either of two numbers that begin with 00; write it with + and the country code')
  const found = dialled ?? abroad
  if (isFault(found)) {
    return isE164 ? { address: typed, warnings: [doubt(typed)] } : refused(wordsOf(found, typed))
  }
  const { number, ext } = found
  const isPossible = found.isPossible() && e164.test(number)
  if (!isPossible) {
    return isE164
      ? { address: typed, warnings: [doubt(typed)] }
      : refused('has a length that no number of its country has')
  }
  return {
    address: number,
    // Only when asked for: whether a number is assigned takes longer to find out than what it is.
    get warnings() {
      return [...(found.isValid() ? [] : [doubt(number)]), ...(ext === undefined ? [] : [dropped])]
    },
  }
}

/** Where more than `00` is dialled to get out of a country (`0011`, `001`), as that country reads it; null: it makes no number there. */
function asDialled(typed: string, home: CountryCode | undefined) {
  if (home === undefined || !typed.startsWith('00')) return null
  const read = parse(typed, home)
  return isFault(read) || !read.isValid() ? null : read
}

const unassigned = {
  code: 'number_not_assigned',
  message: 'has the shape of a phone number, but no such number is known to be assigned',
}
/** The document's own example passes the shape of E.164, and reaches nobody. */
const placeholder = {
  code: 'placeholder_number',
  message: 'has the shape of a phone number but is the documented example',
}
const doubt = (number: string) => (number === '+1234567890' ? placeholder : unassigned)
const dropped = { code: 'extension_dropped', message: 'has an extension, which is left out: no text reaches it' }

const refused = (fault: string): ReadContact => ({ address: null, fault })

/** One kind of blank, of hyphen and of dot; no scheme. */
function plain(text: string): string {
  const typed = asciiDigits(visible(text))
  const number = scheme.test(typed) ? decoded(typed.replace(scheme, '')) : typed
  return number
    .replace(/[\p{Pd}\u2212\u00B7\u2022\u30FC]/gu, '-')
    .replace(/\s+/g, ' ')
    .replace(/^\(\s*(?:\+|00)\s*([1-9]\d*)\s*\)/, '+$1 ')
    .replace(/^[\s']*\+[\s+]*/, '+')
    .replace(/(?<![\s,;.])[\s,;.]+$/, '')
}

/** In a link a plus sign may be written as `%2B`. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** `00` is international without a country, and no country code begins with 0. */
const international = (typed: string): string => typed.replace(/^(?:\+\s*00|\+\s*|00)[\s-]*(?=[1-9(])/, '+')

const isFault = (read: PhoneNumber | ParseError): read is ParseError => read instanceof numberingPlans().ParseError

function parse(text: string, country: CountryCode | undefined): PhoneNumber | ParseError {
  const { ParseError, parsePhoneNumberWithError } = numberingPlans()
  try {
    const options = country === undefined ? { extract: false } : { defaultCountry: country, extract: false }
    return parsePhoneNumberWithError(text, options)
  } catch (error) {
    if (error instanceof ParseError) return error
    throw error
  }
}

function wordsOf(error: ParseError, typed: string): string {
  if (error.message === 'INVALID_COUNTRY') {
    return typed.startsWith('+') || typed.startsWith('00')
      ? 'has a country code that does not exist'
      : 'has no country code, and the organization has no default country'
  }
  if (error.message === 'TOO_SHORT') return 'has too few digits'
  if (error.message === 'TOO_LONG') return 'has too many digits, or is more than one number'
  return 'is not one phone number'
}

/** The country of a number in E.164; null: it is not known. */
export function countryOf(number: string): Country | null {
  const found = parse(number, undefined)
  return isFault(found) ? null : (found.country ?? null)
}

/** As people write it; what has no country code needs the default country of the organization. Kept in E.164. */
export const phoneNumber = z
  .string()
  // What is longer is not looked at: bringing 80,000 marks of a letter into their order takes seconds.
  .max(longest, { abort: true })
  .refine((text) => (plain(text).match(/\d/g) ?? []).length >= fewestDigits, 'must be a number such as "+14155550123"')
  .meta({ examples: ['+14155550123'] })

/** The countries with a numbering plan, which a schema has to know before the plans are loaded. */
export const countries: readonly Country[] = (
  'AC AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BW BY ' +
  'BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ ' +
  'FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IR ' +
  'IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH ' +
  'MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK ' +
  'PL PM PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TA ' +
  'TC TD TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW'
).split(' ')

/** The code of a country whose numbering is known. */
export const countryCode = z
  .string()
  .trim()
  .overwrite((code) => code.toUpperCase())
  .refine((code) => countries.includes(code), 'must be a country by ISO 3166-1 alpha-2 such as "GB"')
  .meta({ enum: [...countries], examples: ['GB'] })
