import { refusal } from './snake-case.ts'

/** More than any endpoint has: each unknown one is listed with a message, which thousands should not cost. */
const maxParameters = 100

/**
 * The parameters of a query. The row's schema checks them; only what it cannot see is checked here.
 * @throws NotificationError `invalid_input` for a parameter given twice, since it is ambiguous, and for too many of them.
 */
export function readQuery(query: string): Readonly<Record<string, string>> {
  if (query === '') return {}
  const params = new URLSearchParams(query)
  const seen = new Set<string>()
  for (const name of params.keys()) {
    if (seen.has(name)) throw refusal([{ field: name, message: 'is given more than once' }])
    seen.add(name)
    if (seen.size > maxParameters)
      throw refusal([{ field: 'query', message: `has more than ${maxParameters} parameters` }])
  }
  return Object.fromEntries(params)
}
