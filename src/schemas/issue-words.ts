import type { z } from 'zod'

export const unknownField = 'is not a known field'

/** What a field must be; every message continues the name of its field. */
const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'an integer',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  date: 'a Date',
}

const formats: Readonly<Record<string, string>> = {
  url: 'must be a URL',
  date: 'must be a day such as "2024-01-31"',
  datetime: 'must be an instant with offset such as "2024-01-31T09:00:00Z"',
}

const units: Readonly<Record<string, string>> = { string: ' characters', array: ' items' }

/** What is wrong in plain words. Rules of a schema that bring their own words keep them. */
export const inWords: z.core.$ZodErrorMap = (issue) => {
  if (issue.code === 'invalid_type') {
    return issue.input === undefined ? 'is required' : `must be ${kinds[issue.expected] ?? issue.expected}`
  }
  if (issue.code === 'unrecognized_keys') return unknownField
  if (issue.code === 'invalid_value') return `must be ${orList(issue.values.map((value) => JSON.stringify(value)))}`
  if (issue.code === 'invalid_format') return formats[issue.format] ?? 'has an invalid format'
  if (issue.code === 'too_small' || issue.code === 'too_big') return sizeWords(issue)
  return undefined
}

function sizeWords(issue: z.core.$ZodRawIssue<z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig>): string {
  const unit = units[issue.origin]
  const verb = unit === undefined ? 'must be' : 'must have'
  if (issue.code === 'too_big') {
    return issue.inclusive === false
      ? `${verb} less than ${issue.maximum}`
      : `${verb} at most ${issue.maximum}${unit ?? ''}`
  }
  if (unit !== undefined && issue.minimum === 1) return 'must not be empty'
  return issue.inclusive === false
    ? `${verb} more than ${issue.minimum}`
    : `${verb} at least ${issue.minimum}${unit ?? ''}`
}

const orList = (words: readonly (string | undefined)[]): string =>
  words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`

/** Where something is wrong, and what. */
export type Leaf = { readonly path: readonly PropertyKey[]; readonly message: string }

/** What is wrong in the words of the alternative that was meant: 'Invalid input' alone helps nobody. */
export function leaves(issue: z.core.$ZodIssue): Leaf[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...issue.path, key], message: issue.message }))
  }
  if (issue.code !== 'invalid_union') return [{ path: issue.path, message: issue.message }]
  // The one that is nearest to right.
  const [meant] = issue.errors.filter((errors) => errors.some(isWithin)).toSorted((a, b) => faultsIn(a) - faultsIn(b))
  const chosen = meant ?? issue.errors.flat()
  const found = chosen.flatMap(leaves).map((leaf) => ({ ...leaf, path: [...issue.path, ...leaf.path] }))
  const messages = [...new Set(found.map((leaf) => leaf.message))].join(' or ').replaceAll(' or must be ', ' or ')
  return meant === undefined ? [{ path: issue.path, message: messages || issue.message }] : found
}

const faultsIn = (issues: readonly z.core.$ZodIssue[]): number => issues.flatMap(leaves).length

/** A value of the right kind that is wrong all the same. */
const isWithin = ({ code, path }: z.core.$ZodIssue): boolean =>
  path.length > 0 || (code !== 'invalid_type' && code !== 'invalid_value')
