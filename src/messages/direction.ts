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

const open = '\u2068'
const close = '\u2069'

/**
 * A value as it stands in a text of this direction: between FIRST STRONG ISOLATE and its end where it would be torn apart, or would
 * tear apart what stands around it. So numbers and times are read from left to right in Arabic, and Hebrew names in English stay whole.
 */
export function isolated(value: string, isTextFromRight: boolean): string {
  if (value === '' || (!isTextFromRight && printableAscii.test(value))) return value
  const isHarmless = isTextFromRight
    ? beginsFromRight.test(value) && !letterFromLeft.test(value)
    : !letterFromRight.test(value)
  const plain = value.replace(marks, '')
  return isHarmless && plain === value ? value : `${open}${plain}${close}`
}

const isolates = /\u2068([^\u2066-\u2069]*)\u2069/g

/** In HTML an isolate is an element. */
export const withElements = (html: string): string =>
  html.includes(open) ? html.replace(isolates, '<bdi>$1</bdi>') : html
