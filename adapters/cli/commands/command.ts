import { readFile } from 'node:fs/promises'
import type { ParseArgsConfig } from 'node:util'
import { isNotificationError } from '../../../src/errors.ts'
import type { EntityId, Notifications } from '../../../src/index.ts'

/**
 * By this, which is the logger to use, the library knows that `start()` and `migrate()` of the host application's file are not meant; a call of
 * `migrate()` is that has it as an option (`src/command-line.ts`).
 */
export const commandLine: unique symbol = Symbol.for('appointment-notifications.command-line')
/** Where the library leaves what the file creates (`src/command-line.ts`). */
export const createdLibraries: unique symbol = Symbol.for('appointment-notifications.created')

export type Call = {
  readonly values: Readonly<Record<string, unknown>>
  readonly positionals: readonly string[]
  /** Where the command line was called. */
  readonly folder: string
  /** The library of the config file. */
  readonly open: () => Promise<Notifications>
  /** Shows what goes on meanwhile. */
  readonly report: (text: string) => void
}

/** `data`: what `--json` prints. */
export type Result = { readonly text: string; readonly data: unknown; readonly isFailure?: boolean }

export type Command = {
  readonly summary: string
  /** Arguments without a name: `<appointment>`. */
  readonly takes?: string
  readonly options?: NonNullable<ParseArgsConfig['options']>
  /** What each option means. */
  readonly explained?: Readonly<Record<string, string>>
  readonly example: string
  /** What the library would log meanwhile is in its result. */
  readonly showsFaults?: boolean
  readonly run: (call: Call) => Promise<Result>
}

export type Commands = Readonly<Record<string, Command>>

/** The arguments are wrong: the answer is how to call the command. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export function only(positionals: readonly string[], what: string): string {
  const [value, ...others] = positionals
  if (value === undefined || others.length > 0) throw new UsageError(`Name one ${what}.`)
  return value
}

/** Ids of appointments are numbers or texts, by an option of the library that only its calls know. */
export async function byId<T>(text: string, call: (id: EntityId) => Promise<T>): Promise<T> {
  const number = Number(text)
  if (!Number.isSafeInteger(number)) return call(text)
  try {
    return await call(number)
  } catch (error) {
    if (!(isNotificationError(error) && error.code === 'invalid_input')) throw error
    return call(text)
  }
}

/** With the code, where it has one. */
export const messageOf = (error: unknown): string =>
  `${isNotificationError(error) ? `${error.code}: ` : ''}${error instanceof Error ? error.message : String(error)}`

/** Without the mark that editors on Windows put before a text. */
export const readPlain = async (path: string): Promise<string> => (await readFile(path, 'utf8')).replace(/^\uFEFF/, '')

/** `name 3, other 1`, without those of which there are none. */
export function countsOf(counts: object): string {
  const some = Object.entries(counts).filter(([, value]) => typeof value === 'number' && value > 0)
  return some.map(([name, count]) => `${name} ${count}`).join(', ')
}
