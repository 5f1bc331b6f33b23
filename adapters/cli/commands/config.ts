import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Notifications } from '../../../src/index.ts'
import { UsageError } from './command.ts'

const names = ['ts', 'mts', 'js', 'mjs'].map((extension) => `notifications.${extension}`)

/**
 * The library that the config file exports: as `default`, `library` or `notifications`; itself, a promise of it, or a function that
 * returns either. @throws UsageError if there is no such file, or none in it.
 */
export async function loadLibrary(folder: string, config: string | null): Promise<Notifications> {
  const path = config === null ? names.map((name) => join(folder, name)).find(existsSync) : resolve(folder, config)
  if (path === undefined)
    throw new UsageError(`There is none of ${names.join(', ')} in ${folder}. Name a file with --config.`)
  if (!existsSync(path)) throw new UsageError(`There is no file ${path}.`)
  const module: unknown = await import(pathToFileURL(path).href)
  for (const name of ['default', 'library', 'notifications']) {
    const exported: unknown = typeof module === 'object' && module !== null ? Reflect.get(module, name) : undefined
    const made: unknown = await (typeof exported === 'function' ? exported() : exported)
    if (isLibrary(made)) return made
  }
  throw new UsageError(
    `${path} exports nothing that createNotifications() returned. Export it: export default createNotifications({ ... })`,
  )
}

/** By a method that nothing else has. */
const isLibrary = (value: unknown): value is Notifications =>
  typeof value === 'object' && value !== null && 'checkUp' in value && 'migrate' in value
