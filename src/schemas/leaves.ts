import type { z } from 'zod'

/** One thing that is wrong, at its place. */
export type Leaf = { readonly path: readonly PropertyKey[]; readonly message: string }

export const unknownField = 'is not a known field'

/** What is wrong in the words of the alternative that was meant: 'Invalid input' alone helps nobody. */
export function leavesOf(issue: z.core.$ZodIssue): Leaf[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...issue.path, key], message: unknownField }))
  }
  if (issue.code !== 'invalid_union') return [{ path: issue.path, message: issue.message }]
  // The one that is nearest to right.
  const [meant] = issue.errors.filter((errors) => errors.some(isWithin)).toSorted((a, b) => faultsIn(a) - faultsIn(b))
  const chosen = meant ?? issue.errors.flat()
  const found = chosen.flatMap(leavesOf).map((leaf) => ({ ...leaf, path: [...issue.path, ...leaf.path] }))
  const messages = [...new Set(found.map((leaf) => leaf.message))].join(' or ').replaceAll(' or must be ', ' or ')
  return meant === undefined ? [{ path: issue.path, message: messages || issue.message }] : found
}

const faultsIn = (issues: readonly z.core.$ZodIssue[]): number => issues.flatMap(leavesOf).length

/** A value of the right kind that is wrong all the same. */
const isWithin = ({ code, path }: z.core.$ZodIssue): boolean =>
  path.length > 0 || (code !== 'invalid_type' && code !== 'invalid_value')
