import { type MessageFormatElement, parse } from '@formatjs/icu-messageformat-parser'
import { type HostVariables, noVariables } from '../schemas/host-variables.ts'
import { remember } from '../schemas/remember.ts'
import type { DetailLevel } from '../schemas/vocabulary.ts'
import { hasLettersFromRight, withoutMarks, withPhoneNumbers } from './direction.ts'
import type { MessageFacts } from './facts.ts'
import type { SizeLimit } from './format.ts'
import { type Filled, filled } from './icu.ts'
import { type Inspection, inspect } from './inspect.ts'
import { escapeLink, escapeMarkdown } from './markdown.ts'
import { costFault, countElements, sizeFault } from './size.ts'
import { type Problem, syntaxProblem } from './template-problems.ts'
import { cleanTemplate } from './text.ts'
import { askVariable, type Escapes, levelOf, meaningOf } from './variables.ts'

export type CompiledTemplate = Pick<Inspection, 'literals' | 'problems'> & {
  /** The text as it was parsed; the offsets of `literals` count in it. */
  readonly source: string
  /** The variables that it names. */
  readonly names: ReadonlySet<string>
  /** How much it says by its variables. */
  readonly level: DetailLevel
  /** It asks for an answer. */
  readonly asks: boolean
  /** Variables of the host application that it prints without asking first whether they are there. */
  readonly expected: readonly string[]
  /** Of the text as stored; each revision has another. */
  readonly hash: number
  /** Only for a template without problems. */
  readonly render: Filled<MessageFacts>
  /** Why a message with these facts may be too long, whichever case of its plurals is the one; null: it is not. */
  sizeFault(limit: SizeLimit, facts: MessageFacts): string | null
  /** How many parts it has; 0 where it is refused unread. */
  readonly elements: number
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

/** What a text becomes, which decides how values go into it. */
export type Form = 'text' | 'markdown' | 'link'
export type Compile = (text: string, form?: Form) => CompiledTemplate

const escapesOf: Readonly<Record<Form, Escapes | undefined>> = {
  text: undefined,
  markdown: { text: escapeMarkdown, link: escapeLink },
  link: { text: (value) => encodeURIComponent(withoutMarks(value)), link: (url) => url },
}

/** Parses and checks a template. */
function compiled(text: string, form: Form = 'text', host: HostVariables): CompiledTemplate {
  const source = cleanTemplate(text)
  const hash = hashOf(text)
  const ownSize = ownBytes + 6 * source.length
  const refused = (problem: Problem): CompiledTemplate => ({
    source,
    hash,
    names: new Set(),
    expected: [],
    level: 0,
    asks: false,
    literals: [],
    problems: [problem],
    render: () => '',
    sizeFault: () => null,
    elements: 0,
    bytes: ownSize,
  })
  const result = parsed(source)
  if (!Array.isArray(result)) return refused(result)
  const count = countElements(result)
  const costly = costFault(count)
  if (costly !== null) return refused({ line: 1, column: 1, message: costly })
  const { names, literals, problems } = inspect(source, result, host)
  const words = hasLettersFromRight(source) ? withPhoneNumbers : undefined
  const meaning = { ...meaningOf(names, host, escapesOf[form]), words }
  return {
    source,
    hash,
    names,
    expected: [...names].filter((name) => host.has(name) && !names.has(`has_${name}`)),
    level: levelOf(names, host),
    asks: names.has(askVariable),
    literals,
    problems,
    // Values go in as finished text and are never parsed, so braces in a name stay a name.
    render: problems.length > 0 ? () => '' : filled(result, meaning),
    sizeFault: (limit, facts) => sizeFault(limit, result, meaning, facts),
    elements: count.all,
    bytes: ownSize + count.all * elementBytes,
  }
}

/** How the templates of a library are compiled, which may name variables of its host. */
export type Compilers = {
  /** Those that are stored: parsed and checked once for many renderings; faults are remembered as well. */
  readonly stored: Compile
  /** Those that are not, so that nothing of them stays. */
  readonly draft: Compile
  readonly variables: HostVariables
}

export function compilersOf(variables: HostVariables): Compilers {
  const draft: Compile = (text, form) => compiled(text, form, variables)
  const kept = { maxBytes: 32_000_000, bytesOf: ({ bytes }: CompiledTemplate) => bytes }
  // By the text alone where it is a plain one, which most are.
  const texts = remember(kept, (text: string) => draft(text))
  const others = remember(kept, (key: string) => {
    const form = forms.find((one) => key.startsWith(`${one}:`)) ?? 'text'
    return draft(key.slice(form.length + 1), form)
  })
  return {
    stored: (text, form = 'text') => (form === 'text' ? texts(text) : others(`${form}:${text}`)),
    draft,
    variables,
  }
}

/** The same for one check, which looks at each text several times: each is compiled once, and all are forgotten with it. */
export function compiledOnce({ draft, ...others }: Compilers): Compilers {
  const known = new Map<string, CompiledTemplate>()
  return {
    ...others,
    draft(text, form = 'text') {
      const key = `${form}:${text}`
      const compiled = known.get(key) ?? draft(text, form)
      known.set(key, compiled)
      return compiled
    },
  }
}

const forms = ['text', 'markdown', 'link'] as const satisfies readonly Form[]

/** Of templates that name no variables of a host. */
export const usualCompilers = compilersOf(noVariables)

/** FNV-1a over UTF-16 units, 32 bits: distinguishes template revisions, protects nothing. */
export function hashOf(text: string, seed = 0x811c9dc5): number {
  let hash = seed
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash >>> 0
}

export const hex = (hash: number): string => hash.toString(16).padStart(8, '0')
