import {
  type LiteralElement,
  type MessageFormatElement,
  type NumberElement,
  type PoundElement,
  type TagElement,
  TYPE,
} from '@formatjs/icu-messageformat-parser'
import type { HostVariables } from '../schemas/host-variables.ts'
import { isNumberStyle, numberIn } from './icu.ts'
import { excerpt, type Problem, positionAt, unknownVariable, wrongType } from './template-problems.ts'
import { askedBy, isNumber, isVariable, numberVariable } from './variables.ts'

/** A template's own words, between its variables. `offset` is where they begin in its source, in UTF-16 units. */
export type Literal = { readonly text: string; readonly offset: number }

export type Inspection = {
  readonly names: ReadonlySet<string>
  readonly literals: readonly Literal[]
  readonly problems: readonly Problem[]
}

/** As many as anyone reads at once; a hostile template could hold thousands. */
const maxProblems = 10

type VariableElement = Exclude<MessageFormatElement, LiteralElement | PoundElement | TagElement>

const offsetOf = (element: MessageFormatElement): number => element.location?.start.offset ?? 0

/** What is wrong with a number's style, or null. Formatting one value is the only way to learn what Intl refuses. */
function numberFault(element: NumberElement): string | null {
  const { style } = element
  if (typeof style === 'string' && !isNumberStyle(style)) return `${JSON.stringify(style)} is not a number style`
  try {
    numberIn(element)(30, 'en-US')
    return null
  } catch (error) {
    return `the number cannot be formatted: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** `{has_location, select, yes {...} other {...}}` */
function presenceFault(element: VariableElement): string | null {
  const { value: name } = element
  if (element.type !== TYPE.select)
    return `{${name}} chooses words and is none; write {${name}, select, yes {...} other {...}}`
  const strange = Object.keys(element.options).find((one) => one !== 'yes' && one !== 'no' && one !== 'other')
  return strange === undefined ? null : `{${name}} is yes or no, and never "${excerpt(strange)}"`
}

function faultOf(element: VariableElement, host: HostVariables): string | null {
  const { value: name } = element
  if (!isVariable(name, host)) return unknownVariable(name, host)
  if (askedBy(name) !== null) return presenceFault(element)
  if (!isNumber(name, host)) return wrongType(name, element.type)
  if (element.type === TYPE.number) return numberFault(element)
  if (element.type === TYPE.date || element.type === TYPE.time)
    return `{${name}} is a number${name === numberVariable ? ' of minutes' : ''}`
  return null
}

/** Looks at every element of a template parsed with locations. */
export function inspect(source: string, parsed: readonly MessageFormatElement[], host: HostVariables): Inspection {
  const names = new Set<string>()
  const literals: Literal[] = []
  const problems: Problem[] = []

  function report(offset: number, message: string): void {
    if (problems.length < maxProblems) problems.push({ ...positionAt(source, offset), message })
  }

  function literal(text: string, offset: number): void {
    literals.push({ text, offset })
    if (!text.includes('{')) return
    // Only an apostrophe gets a brace into a literal, so the next brace of the source is the one.
    const shown = JSON.stringify(excerpt(text.trim()))
    report(source.indexOf('{', offset), `an apostrophe quotes this brace, and ${shown} would be sent as it stands`)
  }

  function visit(element: MessageFormatElement): void {
    if (element.type === TYPE.literal) literal(element.value, offsetOf(element))
    if (element.type === TYPE.literal || element.type === TYPE.pound || element.type === TYPE.tag) return
    const fault = faultOf(element, host)
    if (fault !== null) report(offsetOf(element), fault)
    names.add(element.value)
    if (element.type !== TYPE.plural && element.type !== TYPE.select) return
    for (const { value } of Object.values(element.options)) value.forEach(visit)
  }

  parsed.forEach(visit)
  return { names, literals, problems }
}
