import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Notifications } from '../../../src/index.ts'
import { createdLibraries, messageOf, UsageError } from './command.ts'

const extensions = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs']
const names = extensions.map((extension) => `notifications.${extension}`)
/** In words. */
export const fileNames = `notifications.${extensions.join(', .')}`
/** How long the file may take, with all that it awaits. */
const loadingMs = 60_000

/**
 * The library that the config file exports: as `default`, `library` or `notifications`; itself, a promise of it, or a function that
 * returns either. Of a file that fails or does not end, the only library that it created, and the failure is given to `report`.
 * @throws UsageError if there is no such file, or none in it; what the file throws, or that it did not end within a minute.
 */
export async function loadLibrary(
  folder: string,
  config: string | null,
  report: (text: string) => void,
): Promise<Notifications> {
  const path = config === null ? names.map((name) => join(folder, name)).find(existsSync) : resolve(folder, config)
  if (path === undefined) throw new UsageError(`There is none of ${fileNames} in ${folder}. Name a file with --config.`)
  if (!existsSync(path)) throw new UsageError(`There is no file ${path}.`)
  const created: unknown[] = []
  Reflect.set(globalThis, createdLibraries, created)
  try {
    const library = await inTime(import(pathToFileURL(path).href).then(exportedBy), basename(path))
    if (library !== null) return library
  } catch (error) {
    // Such as because it plans right away, and the tables are what the command is to create.
    const [only] = created
    if (created.length !== 1 || !isLibrary(only)) throw isUncompiled(path, error) ? howToCompile(error) : error
    report(`${path} failed, after it had created the library: ${messageOf(error)}`)
    return only
  } finally {
    Reflect.deleteProperty(globalThis, createdLibraries)
  }
  throw new UsageError(
    `${path} exports nothing that createNotifications() returned. Export it: export default createNotifications({ ... })`,
  )
}

/** The timer also keeps the process running until there is something to say: Node ends one that awaits what nothing can bring about. */
function inTime<T>(loading: Promise<T>, file: string): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () =>
      late.reject(
        new Error(
          `${file} was not loaded within ${loadingMs / 1000} s. See what it awaits, such as a server that does not answer.`,
        ),
      ),
    loadingMs,
  )
  return Promise.race([loading, late.promise]).finally(() => clearTimeout(timer))
}

/**
 * A library comes before functions, which are called one after another: the application of a server may be among them.
 * @throws what the first of them threw that threw, if none returned a library.
 */
async function exportedBy(module: object): Promise<Notifications | null> {
  const exported = namedBy(module)
  const [whole] = exported
  // Of CommonJS the default is `module.exports`, which may have a default of its own.
  if (typeof whole === 'object' && whole !== null && !isLibrary(whole)) exported.push(...namedBy(whole))
  const isFunction = (value: unknown) => typeof value === 'function'
  const failures: unknown[] = []
  for (const value of [...exported.filter((one) => !isFunction(one)), ...exported.filter(isFunction)]) {
    try {
      const made: unknown = await (typeof value === 'function' ? value() : value)
      if (isLibrary(made)) return made
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
  return null
}

const namedBy = (module: object): unknown[] =>
  ['default', 'library', 'notifications'].map((name) => Reflect.get(module, name))

/** Codes of Node for what a compiler would have done. */
const uncompiled = [
  'ERR_UNKNOWN_FILE_EXTENSION',
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
  'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING',
  // Imports of `.js` that is made of `.ts`, or without an extension.
  'ERR_MODULE_NOT_FOUND',
]
const isUncompiled = (path: string, error: unknown): boolean =>
  /ts$/.test(path) && error instanceof Error && 'code' in error && uncompiled.includes(String(error.code))

const howToCompile = (error: unknown) =>
  new UsageError(
    `${messageOf(error)}\nTypeScript is run by Node 22.18 or later (this is ${process.version}), without what needs a compiler, such as enums, ` +
      'and with imports that name .ts files. Otherwise name the file that your build makes of it with --config, or install tsx and set ' +
      "NODE_OPTIONS='--import tsx'.",
  )

/** By a method that nothing else has. */
const isLibrary = (value: unknown): value is Notifications =>
  typeof value === 'object' && value !== null && 'checkUp' in value && 'migrate' in value
