/**
 * The command line, `npx appointment-notifications`: looks after the library that your application creates, in its own process and with its
 * own options, which a config file exports. Sends nothing.
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { isNotificationError } from '../../src/errors.ts'
import type { LogFields, Logger, Notifications } from '../../src/index.ts'
import { silentLogger } from '../../src/ports/logger.ts'
import { type Command, commandLine, messageOf, UsageError } from './commands/command.ts'
import { commands } from './commands/commands.ts'
import { fileNames, loadLibrary } from './commands/config.ts'
import { didYouMean } from './commands/nearest.ts'

/** Where the command line writes, and the folder in which it was called. */
export type CliSurroundings = {
  /** Default: the working directory of the process. */
  readonly folder?: string
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

/** What a script may rely on. `failed`: errors were found, or the command could not be carried out. `misused`: the arguments are wrong. */
export const exitCodes = { ok: 0, failed: 1, misused: 2 } as const

const common = {
  config: { type: 'string', short: 'c' },
  env: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/**
 * Carries out one command, and returns the exit code. Never rejects. With `--json` a failure is given to `out` too, as
 * `{ "error": { "code", "message" } }`. `--env` sets variables of this process.
 */
export async function runCli(
  args: readonly string[],
  { folder = process.cwd(), out, err }: CliSurroundings,
): Promise<number> {
  const [first = '--help', second = ''] = args
  if (first === '--help' || first === '-h') {
    out(overview())
    return exitCodes.ok
  }
  const fail = (error: unknown, help: string): number => {
    const isMisuse = error instanceof UsageError || isParseError(error)
    if (args.includes('--json')) {
      const code = isMisuse ? 'misused' : isNotificationError(error) ? error.code : 'failed'
      out(JSON.stringify({ error: { code, message: textOf(error) } }, null, 2))
    }
    err(isMisuse ? `${messageOf(error)}\n\n${help}` : messageOf(error))
    return isMisuse ? exitCodes.misused : exitCodes.failed
  }
  const found = commandOf(first, second)
  if (found === null) return fail(noCommand(first, second), overview())
  const { name, command } = found
  let library: Notifications | null = null
  const isProgram = Reflect.has(globalThis, commandLine)
  Reflect.set(globalThis, commandLine, command.showsFaults === true ? silentLogger : errorsTo(err))
  try {
    const { values, positionals } = parse(command, args.slice(name.split(' ').length))
    if (values['help'] === true) {
      out(usage(name, command))
      return exitCodes.ok
    }
    const { config, env, json } = values
    const report = (text: string) => err(text)
    const open = async () => {
      if (typeof env === 'string') loadVariables(resolve(folder, env))
      library ??= await loadLibrary(folder, typeof config === 'string' ? config : null, report)
      return library
    }
    const result = await command.run({ values, positionals, folder, open, report })
    const shown = json === true ? JSON.stringify(result.data, null, 2) : result.text
    if (shown !== '') out(shown)
    return result.isFailure === true ? exitCodes.failed : exitCodes.ok
  } catch (error) {
    return fail(error, usage(name, command))
  } finally {
    await close(library, err)
    if (!isProgram) Reflect.deleteProperty(globalThis, commandLine)
  }
}

const names = Object.keys(commands)

/** Of one word, or of two. */
function commandOf(first: string, second: string): { readonly name: string; readonly command: Command } | null {
  const name = [`${first} ${second}`, first].find((one) => names.includes(one))
  const command = name === undefined ? undefined : commands[name]
  return name === undefined || command === undefined ? null : { name, command }
}

function noCommand(first: string, second: string): UsageError {
  if (first.startsWith('-')) return new UsageError(`The command comes before its options, such as ${first}.`)
  const ofGroup = names.filter((name) => name.startsWith(`${first} `))
  if (ofGroup.length > 0 && (second === '' || second.startsWith('-'))) {
    return new UsageError(`"${first}" is one of several commands: ${ofGroup.join(', ')}.`)
  }
  const both = `${first} ${second}`
  const meant = didYouMean(both, names) || didYouMean(first, names)
  return new UsageError(`There is no command "${ofGroup.length > 0 ? both : first}".${meant}`)
}

function parse({ takes, options }: Command, args: readonly string[]) {
  const all = { ...common, ...options }
  const { tokens } = parseArgs({ args: [...args], options: all, allowPositionals: true, strict: false, tokens: true })
  for (const token of tokens) {
    if (token.kind !== 'option' || Object.hasOwn(all, token.name)) continue
    const meant = didYouMean(token.name, Object.keys(all), '--')
    throw new UsageError(`There is no option "${token.rawName}".${meant}`)
  }
  const parsed = parseArgs({ args: [...args], options: all, allowPositionals: true, strict: true })
  const [strange] = parsed.positionals
  // `reconcile dry-run` must not repair anything.
  if (strange !== undefined && takes === undefined) {
    throw new UsageError(`"${strange}" is an argument too many.${didYouMean(strange, Object.keys(all), '--')}`)
  }
  return parsed
}

/** As those of `node --env-file`, which does not work with the scripts in whose place pnpm and Windows put programs. */
function loadVariables(path: string): void {
  try {
    process.loadEnvFile(path)
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${textOf(error)}`)
  }
}

/** The result stands, also where this fails. In TypeScript a `let` that only a closure sets counts as what it was at first. */
const close = async (library: Notifications | null, err: (text: string) => void): Promise<void> =>
  void (await library?.stop().catch((error: unknown) => err(messageOf(error))))

/** The library's errors, each a line of JSON as it writes them by default. What else is to be known is the command's result. */
const errorsTo = (write: (text: string) => void): Logger => ({
  ...silentLogger,
  error: (message: string, fields?: LogFields) => write(JSON.stringify({ level: 'error', message, ...fields })),
})

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const isParseError = (error: unknown): boolean =>
  error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')

const widthOf = (texts: readonly string[]): number => Math.max(...texts.map((text) => text.length))

function overview(): string {
  const width = widthOf(names)
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`)
  return [
    'Usage: appointment-notifications <command> [options]',
    '',
    ...lines,
    '',
    'Options of every command:',
    '  -c, --config FILE  a module that exports what createNotifications() returned, or a function that does',
    `                     (default: ${fileNames} in this folder)`,
    '      --env FILE     a file of variables, such as .env, for that module; variables that are set stay',
    '      --json         print JSON, of failures too',
    '  -h, --help         explain the command',
    '',
    `Exit codes: ${exitCodes.ok} all is well, ${exitCodes.failed} errors were found or the command failed, ${exitCodes.misused} wrong arguments.`,
  ].join('\n')
}

function usage(name: string, { summary, takes = '', options = {}, explained = {}, example }: Command): string {
  const own = Object.keys(options)
  const width = widthOf(own)
  return [
    `Usage: appointment-notifications ${[name, takes, own.length > 0 ? '[options]' : ''].filter((part) => part !== '').join(' ')}`,
    '',
    `${summary}.`,
    ...(own.length === 0 ? [] : ['']),
    ...own.map((option) => `  --${option.padEnd(width)}  ${explained[option] ?? ''}`),
    '',
    `Example: appointment-notifications ${example}`,
  ].join('\n')
}
