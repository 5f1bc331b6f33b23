/** The two-digit calling codes of E.164. Those of one digit are +1 and +7, all others have three. */
const twoDigits = new Set(
  `20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66
   81 82 84 86 90 91 92 93 94 95 98`.split(/\s+/),
)

/**
 * The prefix of a country's numbers, such as `+44`, which identifies destinations a sender may not send to. Countries that share a
 * code are distinguished by the digits that follow: `+1` and an area code (Canada, Jamaica), `+77` (Kazakhstan).
 */
export function numberingPrefixOf(number: string): string {
  const digits = number.replace(/^\+/, '')
  if (digits.startsWith('1')) return `+${digits.slice(0, 4)}`
  if (digits.startsWith('7')) return /^7[67]/.test(digits) ? `+${digits.slice(0, 2)}` : '+7'
  return `+${digits.slice(0, twoDigits.has(digits.slice(0, 2)) ? 2 : 3)}`
}
