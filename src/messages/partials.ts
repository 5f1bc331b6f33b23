import type { PartialSet } from '../schemas/templates.ts'
import { excerpt, type Problem, positionAt } from './template-problems.ts'

/** `{>footer}`: the text of that name stands there. */
const reference = /\{>\s*([a-z][a-z0-9_]*)\s*\}/g

const maxDepth = 3
/** Of a template with all that it names. */
const maxLength = 40_000

export const namesPartials = (text: string): boolean => text.includes('{>')

/** The text without what it names, everything else at its place. */
export const withoutPartials = (text: string): string => text.replace(reference, (whole) => ' '.repeat(whole.length))

/** What is wrong with a text that a template names; `offset`: where it names it. */
class PartialFault extends Error {
  readonly offset: number

  constructor(message: string, offset: number) {
    super(message)
    this.offset = offset
  }
}

type Path = { readonly names: readonly string[]; readonly offset: number | null }

/** The text with what it names in its place, to any depth; or what is wrong with it, where the text names it. */
export function withPartials(text: string, partials: PartialSet): string | Problem {
  if (!namesPartials(text)) return text
  let left = maxLength
  const expanded = (source: string, { names, offset }: Path): string =>
    source.replace(reference, (_whole, name: string, index: number) => {
      const at = offset ?? index
      const path = [...names, name]
      const shown = path.map((one) => `{>${excerpt(one)}}`).join(' > ')
      if (names.includes(name)) throw new PartialFault(`${shown} would contain itself`, at)
      if (path.length > maxDepth) throw new PartialFault(`${shown} is deeper than ${maxDepth} texts`, at)
      const partial = Object.hasOwn(partials, name) ? partials[name] : undefined
      if (partial === undefined) throw new PartialFault(unknownPartial(shown, partials), at)
      left -= partial.length
      if (left < 0) throw new PartialFault(`with what it names it has more than ${maxLength} characters`, at)
      return expanded(partial, { names: path, offset: at })
    })
  try {
    return expanded(text, { names: [], offset: null })
  } catch (error) {
    if (!(error instanceof PartialFault)) throw error
    return { ...positionAt(text, error.offset), message: error.message }
  }
}

function unknownPartial(shown: string, partials: PartialSet): string {
  const names = Object.keys(partials).map((name) => `{>${name}}`)
  return `${shown} names a text that is not there; ${names.length === 0 ? 'there are none' : `there are ${names.join(', ')}`}`
}
