import { type MessageFormatElement, parse } from '@formatjs/icu-messageformat-parser'
import { IntlMessageFormat } from 'intl-messageformat'
import { remember } from '../schemas/remember.ts'
import type { DetailLevel } from '../schemas/vocabulary.ts'
import { usableLocales } from './calendar.ts'
import type { MessageFacts } from './facts.ts'
import type { SizeLimit } from './format.ts'
import { formatters } from './formatters.ts'
import { type Inspection, inspect } from './inspect.ts'
import { costFault, countElements, sizeFault } from './size.ts'
import { type Problem, syntaxProblem } from './template-problems.ts'
import { cleanTemplate } from './text.ts'
import { levelOf, valuesOf } from './variables.ts'

export type CompiledTemplate = Pick<Inspection, 'literals' | 'problems'> & {
  /** The text as it was parsed; the offsets of `literals` count in it. */
  readonly source: string
  /** How much it says by its variables. */
  readonly level: DetailLevel
  /** Of the text as stored; each revision has another. */
  readonly hash: number
  /** Only for a template without problems. */
  render(facts: MessageFacts): string
  /** Why a message with these facts may be too long, whichever case of its plurals is the one; null: it is not. */
  sizeFault(limit: SizeLimit, facts: MessageFacts): string | null
  /** About what it takes in memory. */
  readonly bytes: number
}

function parsed(source: string): MessageFormatElement[] | Problem {
  try {
    return parse(source, { ignoreTag: true, captureLocation: true })
  } catch (error) {
    return syntaxProblem(source, error)
  }
}

/** Measured: an element with its place in the text, and what a template takes besides, its formats in some languages too. */
const elementBytes = 800
const ownBytes = 4000
const formatBytes = 200

/** Parses and checks a template. What is not stored is compiled by this, so that nothing of it stays. */
export function compileDraft(text: string): CompiledTemplate {
  const source = cleanTemplate(text)
  const hash = hashOf(text)
  const ownSize = ownBytes + 6 * source.length
  const refused = (problem: Problem): CompiledTemplate => ({
    source,
    hash,
    level: 0,
    literals: [],
    problems: [problem],
    render: () => '',
    sizeFault: () => null,
    bytes: ownSize,
  })
  const result = parsed(source)
  if (!Array.isArray(result)) return refused(result)
  const count = countElements(result)
  const costly = costFault(count)
  if (costly !== null) return refused({ line: 1, column: 1, message: costly })
  const { elements, names, literals, problems } = inspect(source, result)
  const formatOf = remember(
    { maxBytes: 16 * formatBytes, bytesOf: () => formatBytes },
    (locale: string) => new IntlMessageFormat(elements, usableLocales(locale), undefined, { formatters }),
  )

  function render(facts: MessageFacts): string {
    // Values go in as finished text and are never parsed, so braces in a name stay a name.
    const message = formatOf(facts.locale).format<string>(valuesOf(names, facts))
    return Array.isArray(message) ? message.join('') : message
  }
  return {
    source,
    hash,
    level: levelOf(names),
    literals,
    problems,
    render,
    sizeFault: (limit, facts) => sizeFault(limit, elements, valuesOf(names, facts)),
    bytes: ownSize + count.all * elementBytes,
  }
}

/** Parses and checks a stored template once for many renderings; faults are remembered as well. */
export const compileTemplate = remember({ maxBytes: 32_000_000, bytesOf: ({ bytes }) => bytes }, compileDraft)

/** FNV-1a over UTF-16 units, 32 bits: distinguishes template revisions, protects nothing. */
export function hashOf(text: string, seed = 0x811c9dc5): number {
  let hash = seed
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash >>> 0
}

export const hex = (hash: number): string => hash.toString(16).padStart(8, '0')
