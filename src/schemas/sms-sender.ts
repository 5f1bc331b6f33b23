import { z } from 'zod'
import { type Country, type ReadContact, readPhone } from './phone-number.ts'
import { asciiDigits, visible } from './plain-text.ts'

const shortCode = /^\d{3,8}$/
/** What carriers show in place of a number; at least one letter, or it would pass for one. */
const name = /^(?=.*[A-Za-z])[A-Za-z0-9 &+_.-]{1,11}$/

/** A word; numbers have letters too where somebody wrote of an extension, or a scheme. */
const letters = /^(?!(?:tel|sms|callto):)\p{L}{2}/iu
const tooMuch =
  'is neither a number nor an alphanumeric sender id, which has up to 11 letters (A to Z), digits and blanks'

/** Reads a sender of SMS: a phone number as people write it, a short code, or an alphanumeric sender id. */
export function readSmsSender(text: string, country: Country | null): ReadContact {
  const typed = visible(text)
  if (shortCode.test(asciiDigits(typed))) return { address: asciiDigits(typed), warnings: [] }
  if (name.test(typed)) return { address: typed, warnings: [] }
  if (letters.test(typed)) return { address: null, fault: tooMuch }
  return readPhone(text, country)
}

export const smsSender = z
  .string()
  .min(1)
  .max(100)
  .meta({
    examples: ['+14155550123', '72345', 'HARBOUR'],
  })
