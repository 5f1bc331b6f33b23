import { NotificationError } from '../../../src/errors.ts'

/** The code that a driver or Node gave an error; '' if none. */
export const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : ''

export const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

export const missingTables = (cause: unknown): NotificationError =>
  new NotificationError(
    'migration_missing',
    'The tables are missing, or older than this library. Call migrate() before anything else.',
    { cause },
  )

/** An import that failed because one of a storage's peers is not there, told with what to install; others as they are. */
export function missingPeer(error: unknown, storage: string, peers: readonly string[]): unknown {
  const code = codeOf(error)
  if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') return error
  const missing = peers.find((name) => textOf(error).includes(`'${name}'`))
  if (missing === undefined) return error
  return new NotificationError(
    'dependency_missing',
    `The ${storage} storage needs the package "${missing}". Install both of its peers: npm install ${peers.join(' ')}`,
    { cause: error },
  )
}
