import { type MessageFormatElement, parse } from '@formatjs/icu-messageformat-parser'
import { IntlMessageFormat } from 'intl-messageformat'
import { usableLocales } from './calendar.ts'
import type { MessageFacts } from './facts.ts'
import { hashOf } from './hash.ts'
import { type Inspection, inspect } from './inspect.ts'
import { remember } from './remember.ts'
import { type Problem, syntaxProblem } from './template-problems.ts'
import { cleanTemplate } from './text.ts'
import { valuesOf } from './variables.ts'

export type CompiledTemplate = Pick<Inspection, 'literals' | 'problems'> & {
  /** The text as it was parsed; the offsets of `literals` count in it. */
  readonly source: string
  /** Of the text as stored; tells revisions apart. */
  readonly hash: number
  /** Only for a template without problems. */
  render(facts: MessageFacts): string
}

function parsed(source: string): MessageFormatElement[] | Problem {
  try {
    return parse(source, { ignoreTag: true, captureLocation: true })
  } catch (error) {
    return syntaxProblem(source, error)
  }
}

function compileOnce(text: string): CompiledTemplate {
  const source = cleanTemplate(text)
  const hash = hashOf(text)
  const result = parsed(source)
  if (!Array.isArray(result)) return { source, hash, literals: [], problems: [result], render: () => '' }
  const { elements, names, literals, problems } = inspect(source, result)
  const formatOf = remember(16, (locale: string) => new IntlMessageFormat(elements, usableLocales(locale)))

  function render(facts: MessageFacts): string {
    // Values go in as finished text and are never parsed, so braces in a name stay a name.
    const message = formatOf(facts.locale).format<string>(valuesOf(names, facts))
    return Array.isArray(message) ? message.join('') : message
  }
  return { source, hash, literals, problems, render }
}

/** Parses and checks a template once for many renderings; faults are remembered as well. */
export const compileTemplate = remember(1000, compileOnce)
