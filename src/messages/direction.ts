import { remember } from '../schemas/remember.ts'

/** The scripts that are written from right to left and have readers today (Unicode, Bidi_Class R and AL). */
const rightToLeft: ReadonlySet<string | undefined> = new Set(['Arab', 'Hebr', 'Thaa', 'Syrc', 'Nkoo', 'Adlm', 'Rohg'])

/** Is the language of this tag written from right to left? */
export const isRightToLeft = remember({ maxBytes: 20_000, bytesOf: () => 100 }, (tag: string): boolean => {
  try {
    return rightToLeft.has(new Intl.Locale(tag).maximize().script)
  } catch {
    return false
  }
})

const printableAscii = /^[\x20-\x7e]*$/
const letterFromRight = /[\p{Script=Arab}\p{Script=Hebr}\p{Script=Thaa}\p{Script=Syrc}\p{Script=Nkoo}\p{Script=Adlm}]/u
/** What stands in a text from right to left as it is read: it begins with a letter of its own, and has no others. */
const beginsFromRight = /^(?!\p{Nd})[\p{Script=Arab}\p{Script=Hebr}]/u
const letterFromLeft =
  /(?![\p{Script=Arab}\p{Script=Hebr}\p{Script=Thaa}\p{Script=Syrc}\p{Script=Nkoo}\p{Script=Adlm}])\p{L}/u
/** Marks of direction, with which a name could turn around what stands behind it. */
const marks = /[\u202a-\u202e\u2066-\u2069]/g

export const withoutMarks = (value: string): string => value.replace(marks, '')

const nothingVisible = /^[\s\p{Default_Ignorable_Code_Point}]*$/u

const isolateStart = '\u2068'
export const isolateEnd = '\u2069'
const isolate = (text: string): string => `${isolateStart}${text}${isolateEnd}`

/** Groups of digits, as of a phone number: beside letters from right to left the last would be read first. */
const groupedDigits = /\+?\p{Nd}[\p{Nd} ()./-]{5,}\p{Nd}/gu

export const hasLettersFromRight = (text: string): boolean => letterFromRight.test(text)

/** The words of a text from right to left, with phone numbers read from left to right. */
export const withPhoneNumbers = (words: string): string => words.replace(groupedDigits, isolate)

/**
 * A value as it stands in a text of this direction: between FIRST STRONG ISOLATE and its end where it would be torn apart, or would
 * tear apart what stands around it. So numbers and times are read from left to right in Arabic, and Hebrew names in English stay whole.
 */
export function isolated(value: string, isTextFromRight: boolean): string {
  if (value === '' || (!isTextFromRight && printableAscii.test(value))) return value
  const plain = withoutMarks(value)
  if (nothingVisible.test(plain)) return ''
  const isFromRight = hasLettersFromRight(plain)
  const isHarmless = isTextFromRight ? beginsFromRight.test(plain) && !letterFromLeft.test(plain) : !isFromRight
  const whole = isFromRight ? withPhoneNumbers(plain) : plain
  return isHarmless && plain === value ? whole : isolate(whole)
}

const seams = /([\u2066-\u2069\n])/

/** In HTML an isolate is an element, within a line: one that spans paragraphs, or what another mark stands in, would be torn. */
export function withElements(text: string): string {
  if (!text.includes(isolateStart)) return text
  const pieces = text.split(seams)
  let open: number[] = []
  for (const [index, piece] of pieces.entries()) {
    if (piece === isolateStart) open.push(index)
    else if (piece === isolateEnd) {
      const start = open.pop()
      if (start === undefined) continue
      pieces[start] = '<bdi>'
      pieces[index] = '</bdi>'
    } else if (index % 2 === 1) open = []
  }
  return pieces.join('')
}
