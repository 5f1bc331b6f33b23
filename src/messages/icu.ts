import {
  type DateElement,
  type ExtendedNumberFormatOptions,
  isNumberSkeleton,
  type MessageFormatElement,
  type NumberElement,
  type PluralElement,
  type TimeElement,
  TYPE,
} from '@formatjs/icu-messageformat-parser'
import { numberFormat, pluralRules } from './formatters.ts'

/** A message, ready to say what it says of a subject. */
export type Filled<Subject> = (subject: Subject) => string

/** What the names in a message stand for. */
export type Meaning<Subject> = {
  /** Its own words, as they stand in the text. Default: as they were written. */
  readonly words?: ((literal: string) => string) | undefined
  /** As it stands in the text. */
  text(name: string): Filled<Subject>
  /** The case of a select that is meant; `other` is whatever no case is named after. */
  choice(name: string): Filled<Subject>
  /** The number in a plural; null: not known. */
  count(name: string): Counted<Subject>
  /** The number of a plural where `#` stands. Default: as it is. */
  readonly pound?: ((number: string) => string) | undefined
  /** A number, date or time with a format of its own. */
  formatted(element: FormattedElement): Filled<Subject>
  /** By whose rules numbers are written (BCP 47). */
  locale(subject: Subject): string
}
type Counted<Subject> = (subject: Subject) => number | null
export type FormattedElement = NumberElement | DateElement | TimeElement

/**
 * A parsed ICU message as a function, made once for many messages. Not by `IntlMessageFormat`, which goes through its elements for each: a
 * message goes through up to ten texts.
 */
export function filled<Subject>(
  elements: readonly MessageFormatElement[],
  meaning: Meaning<Subject>,
  counted: Counted<Subject> = () => null,
): Filled<Subject> {
  const [first, ...others] = elements.map((element) => pieceOf(element, meaning, counted))
  if (first === undefined) return () => ''
  if (others.length === 0) return first
  return (subject) => {
    let text = first(subject)
    for (const piece of others) text += piece(subject)
    return text
  }
}

const asItIs = (number: string): string => number

function pieceOf<Subject>(
  element: MessageFormatElement,
  meaning: Meaning<Subject>,
  counted: Counted<Subject>,
): Filled<Subject> {
  switch (element.type) {
    case TYPE.literal: {
      const words = meaning.words?.(element.value) ?? element.value
      return () => words
    }
    case TYPE.argument:
      return meaning.text(element.value)
    case TYPE.pound: {
      const { pound = asItIs } = meaning
      return (subject) => pound(numberFormat(meaning.locale(subject)).format(counted(subject) ?? 0))
    }
    case TYPE.select: {
      const choice = meaning.choice(element.value)
      const cases = casesOf(element.options, meaning, counted)
      const other = cases.get('other')
      return (subject) => (cases.get(choice(subject)) ?? other)?.(subject) ?? ''
    }
    case TYPE.plural:
      return plural(element, meaning)
    case TYPE.tag:
      return filled(element.children, meaning, counted)
    default:
      return meaning.formatted(element)
  }
}

/** Of a number that is not known it says nothing, unless it has a case `=0`. */
function plural<Subject>(
  { value, options, pluralType = 'cardinal', offset }: PluralElement,
  meaning: Meaning<Subject>,
): Filled<Subject> {
  const count = meaning.count(value)
  const cases = casesOf(options, meaning, (subject) => (count(subject) ?? 0) - offset)
  const ruled = (number: number, locale: string) =>
    cases.get(`=${number}`) ?? cases.get(pluralRules(locale, pluralType).select(number - offset)) ?? cases.get('other')
  return (subject) => {
    const number = count(subject)
    const found = number === null ? cases.get('=0') : ruled(number, meaning.locale(subject))
    return found?.(subject) ?? ''
  }
}

const casesOf = <Subject>(
  options: PluralElement['options'],
  meaning: Meaning<Subject>,
  counted: Counted<Subject>,
): ReadonlyMap<string, Filled<Subject>> =>
  new Map(Object.entries(options).map(([name, { value }]) => [name, filled(value, meaning, counted)]))

/** The styles of numbers that have a name. */
const numberStyles: ReadonlyMap<string, ExtendedNumberFormatOptions> = new Map<string, ExtendedNumberFormatOptions>([
  ['integer', { maximumFractionDigits: 0 }],
  ['percent', { style: 'percent' }],
])

export const isNumberStyle = (name: string): boolean => numberStyles.has(name)

/** Writes a number as the element says. Throws RangeError for options that Intl refuses. */
export function numberIn({ style }: NumberElement): (value: number, locale: string) => string {
  const all = isNumberSkeleton(style) ? style.parsedOptions : numberStyles.get(style ?? '')
  const { scale = 1, ...options } = all ?? {}
  return (value, locale) => numberFormat(locale, options).format(value * scale)
}
