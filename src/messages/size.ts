import { type MessageFormatElement, TYPE } from '@formatjs/icu-messageformat-parser'
import type { Warning } from '../schemas/common.ts'
import type { SizeLimit } from './format.ts'
import type { Meaning } from './icu.ts'

/** More than anybody writes, and few enough to render in milliseconds. */
const maxElements = 500
/** Each may be of a style of its own, and making what formats it takes half a millisecond. There is one number to format. */
const maxNumbers = 20

export const isTooLong = ({ most, sizeOf }: SizeLimit, text: string): boolean => sizeOf(text) > most

/** Gmail shows that much of a mail, and a link to the rest. */
const shownBytes = 102_000

/** `mail_clipped` about what makes a mail so long that not all of it is seen. */
export function clipping(html: string | null, field: string): Warning[] {
  const bytes = html === null ? 0 : new TextEncoder().encode(html).length
  if (bytes <= shownBytes) return []
  const message = `The HTML of the mail has ${Math.ceil(bytes / 1000)} KB; Gmail cuts off what is longer than ${shownBytes / 1000} KB`
  return [{ field, code: 'mail_clipped', message }]
}

/** Literals, variables and plurals, those within their cases too; among them, the numbers that have a format. */
type Counts = { all: number; numbers: number }

export function countElements(
  elements: readonly MessageFormatElement[],
  counts: Counts = { all: 0, numbers: 0 },
): Counts {
  counts.all += elements.length
  for (const element of elements) {
    if (element.type === TYPE.number) counts.numbers += 1
    if (element.type !== TYPE.plural && element.type !== TYPE.select) continue
    for (const { value } of Object.values(element.options)) countElements(value, counts)
  }
  return counts
}

/** What makes a template too costly to render, or null. */
export function costFault({ all, numbers }: Counts): string | null {
  if (all > maxElements)
    return `it has ${all} parts (variables, plurals, and words between them), and a template may have ${maxElements}`
  return numbers > maxNumbers ? `it formats ${numbers} numbers, and a template may format ${maxNumbers}` : null
}

/** A number with its sign and separators, in whatever digits. */
const numberSize = 32

/** What is wrong with the size of a text that has the longest case of every plural and select, or null. */
export function sizeFault<Subject>(
  { most, unit, sizeOf }: SizeLimit,
  elements: readonly MessageFormatElement[],
  meaning: Meaning<Subject>,
  subject: Subject,
): string | null {
  const sizeOfAll = (all: readonly MessageFormatElement[]): number =>
    all.reduce((sum, element) => sum + sizeOfOne(element), 0)

  function sizeOfOne(element: MessageFormatElement): number {
    switch (element.type) {
      case TYPE.literal:
        return sizeOf(element.value)
      case TYPE.argument:
        return sizeOf(meaning.text(element.value)(subject))
      case TYPE.number:
        return sizeOf(meaning.formatted(element)(subject))
      case TYPE.plural:
      case TYPE.select:
        return Math.max(...Object.values(element.options).map(({ value }) => sizeOfAll(value)))
      default:
        return numberSize
    }
  }
  const size = sizeOfAll(elements)
  return size <= most
    ? null
    : `with usual values it may have ${size} ${unit}, and a message on this channel has at most ${most}`
}
