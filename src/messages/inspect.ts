import {
  type LiteralElement,
  type MessageFormatElement,
  type NumberElement,
  type PluralElement,
  type PoundElement,
  type SelectElement,
  type TagElement,
  TYPE,
} from '@formatjs/icu-messageformat-parser'
import { IntlMessageFormat } from 'intl-messageformat'
import { formatters } from './formatters.ts'
import { excerpt, type Problem, positionAt, unknownVariable, wrongType } from './template-problems.ts'
import { isVariable, numberAsText, numberVariable } from './variables.ts'

/** A template's own words, between its variables. `offset` is where they begin in its source, in UTF-16 units. */
export type Literal = { readonly text: string; readonly offset: number }

export type Inspection = {
  /** The parsed template, rewritten so that an unknown number renders as nothing in every form. */
  readonly elements: MessageFormatElement[]
  readonly names: ReadonlySet<string>
  readonly literals: readonly Literal[]
  readonly problems: readonly Problem[]
}

/** As many as anyone reads at once; a hostile template could hold thousands. */
const maxProblems = 10

type VariableElement = Exclude<MessageFormatElement, LiteralElement | PoundElement | TagElement>

const offsetOf = (element: MessageFormatElement): number => element.location?.start.offset ?? 0
const numberStyles: readonly unknown[] = ['integer', 'percent']

/** What is wrong with a number's style, or null. Formatting one value is the only way to learn what Intl refuses. */
function numberFault(element: NumberElement): string | null {
  const { style } = element
  if (typeof style === 'string' && !numberStyles.includes(style))
    return `${JSON.stringify(style)} is not a number style`
  try {
    new IntlMessageFormat([element], 'en-US', undefined, { formatters }).format({ [numberVariable]: 30 })
    return null
  } catch (error) {
    return `the number cannot be formatted: ${error instanceof Error ? error.message : String(error)}`
  }
}

function faultOf(element: VariableElement): string | null {
  if (!isVariable(element.value)) return unknownVariable(element.value)
  if (element.value !== numberVariable) return wrongType(element.value, element.type)
  if (element.type === TYPE.number) return numberFault(element)
  if (element.type === TYPE.date || element.type === TYPE.time) return `{${element.value}} is a number of minutes`
  return null
}

/** The plural case of a number that is not known: it is looked up as 0 and prints nothing. */
const unknownNumber = { '=0': { value: [] } }

/** Looks at every element of a template parsed with locations. */
export function inspect(source: string, parsed: readonly MessageFormatElement[]): Inspection {
  const names = new Set<string>()
  const literals: Literal[] = []
  const problems: Problem[] = []

  function report(offset: number, message: string): void {
    if (problems.length < maxProblems) problems.push({ ...positionAt(source, offset), message })
  }

  function options<E extends PluralElement | SelectElement>(element: E): E['options'] {
    const cases = Object.entries(element.options)
    return Object.fromEntries(cases.map(([key, option]) => [key, { ...option, value: option.value.map(visit) }]))
  }

  function literal(text: string, offset: number): void {
    literals.push({ text, offset })
    if (!text.includes('{')) return
    // Only an apostrophe gets a brace into a literal, so the next brace of the source is the one.
    const shown = JSON.stringify(excerpt(text.trim()))
    report(source.indexOf('{', offset), `an apostrophe quotes this brace, and ${shown} would be sent as it stands`)
  }

  function visit(element: MessageFormatElement): MessageFormatElement {
    if (element.type === TYPE.literal) literal(element.value, offsetOf(element))
    if (element.type === TYPE.literal || element.type === TYPE.pound || element.type === TYPE.tag) return element
    const fault = faultOf(element)
    if (fault !== null) report(offsetOf(element), fault)
    const asText = element.type === TYPE.argument || element.type === TYPE.select
    const name = asText && element.value === numberVariable ? numberAsText : element.value
    names.add(name)
    switch (element.type) {
      case TYPE.argument:
        return { ...element, value: name }
      case TYPE.select:
        return { ...element, value: name, options: options(element) }
      case TYPE.plural:
        return { ...element, options: { ...unknownNumber, ...options(element) } }
      case TYPE.number: {
        const cases = { ...unknownNumber, other: { value: [element] } }
        return { type: TYPE.plural, value: name, options: cases, offset: 0, pluralType: 'cardinal' }
      }
      default:
        return element
    }
  }

  return { elements: parsed.map(visit), names, literals, problems }
}
