import { refusal } from './snake-case.ts'

/**
 * The parameters of a query. Names are checked by the row's schema; here only what a schema cannot see.
 * @throws NotificationError `invalid_input` for a parameter given twice: which one is meant is a guess.
 */
export function readQuery(query: string): Readonly<Record<string, string>> {
  if (query === '') return {}
  const params = new URLSearchParams(query)
  const names = [...params.keys()]
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw refusal([{ field: twice, message: 'is given more than once' }])
  return Object.fromEntries(params)
}
