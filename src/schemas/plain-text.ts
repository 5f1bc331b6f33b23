/** Marks that nobody sees, and that come along when something is copied: zero-width ones, directions, a soft hyphen, a byte order mark. */
const invisible = /\p{Cf}|\p{Variation_Selector}/gu

/** As it was typed: in the usual forms of letters and digits, without marks that cannot be seen, and without blanks around it. */
export const visible = (text: string): string => text.normalize('NFKC').replace(invisible, '').trim()

/** The digits of every script as 0 to 9. */
export const asciiDigits = (text: string): string => text.replace(/(?![0-9])\p{Nd}/gu, digitOf)

/** Scripts have their ten digits in a row, from 0 to 9; some have several rows one after the other. */
function digitOf(digit: string): string {
  const code = digit.codePointAt(0) ?? 0
  let first = code
  while (isDigit(first - 1)) first -= 1
  return String((code - first) % 10)
}

const isDigit = (code: number): boolean => /\p{Nd}/u.test(String.fromCodePoint(code))
