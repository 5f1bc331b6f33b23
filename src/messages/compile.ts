import { type MessageFormatElement, parse } from '@formatjs/icu-messageformat-parser'
import { remember } from '../schemas/remember.ts'
import type { DetailLevel } from '../schemas/vocabulary.ts'
import { hasLettersFromRight, withPhoneNumbers } from './direction.ts'
import type { MessageFacts } from './facts.ts'
import type { SizeLimit } from './format.ts'
import { type Filled, filled } from './icu.ts'
import { type Inspection, inspect } from './inspect.ts'
import { costFault, countElements, sizeFault } from './size.ts'
import { type Problem, syntaxProblem } from './template-problems.ts'
import { cleanTemplate } from './text.ts'
import { askVariable, levelOf, meaningOf } from './variables.ts'

export type CompiledTemplate = Pick<Inspection, 'literals' | 'problems'> & {
  /** The text as it was parsed; the offsets of `literals` count in it. */
  readonly source: string
  /** How much it says by its variables. */
  readonly level: DetailLevel
  /** It asks for an answer. */
  readonly asks: boolean
  /** Of the text as stored; each revision has another. */
  readonly hash: number
  /** Only for a template without problems. */
  readonly render: Filled<MessageFacts>
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

/** Measured: an element with its place in the text, and what a template takes besides. */
const elementBytes = 800
const ownBytes = 4000

/** Parses and checks a template. What is not stored is compiled by this, so that nothing of it stays. */
export function compileDraft(text: string): CompiledTemplate {
  const source = cleanTemplate(text)
  const hash = hashOf(text)
  const ownSize = ownBytes + 6 * source.length
  const refused = (problem: Problem): CompiledTemplate => ({
    source,
    hash,
    level: 0,
    asks: false,
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
  const { names, literals, problems } = inspect(source, result)
  const words = hasLettersFromRight(source) ? withPhoneNumbers : undefined
  const meaning = { ...meaningOf(names), words }
  return {
    source,
    hash,
    level: levelOf(names),
    asks: names.has(askVariable),
    literals,
    problems,
    // Values go in as finished text and are never parsed, so braces in a name stay a name.
    render: problems.length > 0 ? () => '' : filled(result, meaning),
    sizeFault: (limit, facts) => sizeFault(limit, result, meaning, facts),
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
