import type { Logger } from './ports/logger.ts'

/**
 * Set while the command line has loaded the host application's file, which may start the library or migrate; its own call of `migrate()` has it
 * as an option. Another copy of the package may have set it. It is the logger to use there: one of the host application may write to
 * standard output, which is the command's.
 */
export const commandLine = Symbol.for('appointment-notifications.command-line')
export const isCommandLine = (): boolean => Reflect.has(globalThis, commandLine)
/** Libraries that the file creates while the command line loads it, which it needs where the file fails afterwards. */
export const createdLibraries = Symbol.for('appointment-notifications.created')

/** Null: there is no command line. */
export function commandLineLogger(): Logger | null {
  const found: unknown = Reflect.get(globalThis, commandLine)
  return isLogger(found) ? found : null
}

const isLogger = (value: unknown): value is Logger =>
  typeof value === 'object' && value !== null && 'debug' in value && 'warn' in value && 'error' in value
