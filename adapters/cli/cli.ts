/**
 * The command line, `npx appointment-notifications`: looks after the library that your application creates, in its own process and with its
 * own options, which a config file exports. Sends nothing.
 */
import { parseArgs } from 'node:util'
import { isNotificationError, type LogFields, type Logger, type Notifications, silentLogger } from '../../src/index.ts'
import { type Command, commandLine, messageOf, UsageError } from './commands/command.ts'
import { commands } from './commands/commands.ts'
import { loadLibrary } from './commands/config.ts'

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
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** Carries out one command, and returns the exit code. Never rejects. */
export async function runCli(
  args: readonly string[],
  { folder = process.cwd(), out, err }: CliSurroundings,
): Promise<number> {
  const [first = '--help', second] = args
  if (first === '--help' || first === '-h') {
    out(overview())
    return exitCodes.ok
  }
  const both = `${first} ${second}`
  const name = both in commands ? both : first
  const rest = args.slice(name.split(' ').length)
  const fail = (error: unknown, hint: string): number => {
    const isMisuse = error instanceof UsageError || isParseError(error)
    if (args.includes('--json')) out(JSON.stringify({ error: faultOf(error, isMisuse) }, null, 2))
    else err(`${messageOf(error)}${isMisuse ? `\n\n${hint}` : ''}`)
    return isMisuse ? exitCodes.misused : exitCodes.failed
  }
  const command = commands[name]
  if (command === undefined) {
    const asked = Object.keys(commands).some((one) => one.startsWith(`${first} `)) ? both : first
    return fail(new UsageError(`There is no command "${asked}".`), overview())
  }
  let library: Notifications | null = null
  const isProgram = Reflect.has(globalThis, commandLine)
  Reflect.set(globalThis, commandLine, command.showsFaults === true ? silentLogger : lines(err))
  try {
    const { values, positionals } = parse(command, rest)
    if (values['help'] === true) {
      out(usage(name, command))
      return exitCodes.ok
    }
    const { config, json } = values
    const report = (text: string) => err(text)
    const open = async () => {
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
    await close(library)
    if (!isProgram) Reflect.deleteProperty(globalThis, commandLine)
  }
}

const parse = (command: Command, args: readonly string[]) =>
  parseArgs({ args: [...args], options: { ...common, ...command.options }, allowPositionals: true, strict: true })

/** In TypeScript a `let` that only a closure sets counts as what it was at first. */
const close = async (library: Notifications | null): Promise<void> => void (await library?.stop())

/** Warnings and errors, each a line of JSON as the library writes them by default. */
function lines(write: (text: string) => void): Logger {
  const line = (level: string) => (message: string, fields?: LogFields) =>
    write(JSON.stringify({ level, message, ...fields }))
  return { ...silentLogger, warn: line('warn'), error: line('error') }
}

const faultOf = (error: unknown, isMisuse: boolean) => ({
  code: isMisuse ? 'usage' : isNotificationError(error) ? error.code : 'failed',
  message: error instanceof Error ? error.message : String(error),
})

const isParseError = (error: unknown): boolean =>
  error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')

const widthOf = (texts: readonly string[]): number => Math.max(...texts.map((text) => text.length))

function overview(): string {
  const width = widthOf(Object.keys(commands))
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`)
  return [
    'Usage: appointment-notifications <command> [options]',
    '',
    ...lines,
    '',
    'Options of every command:',
    '  -c, --config FILE  a module that exports what createNotifications() returned, or a function that does',
    '                     (default: notifications.ts, .mts, .js or .mjs in this folder)',
    '      --json         print JSON, also of what fails: { "error": { "code", "message" } }',
    '  -h, --help         explain the command',
    '',
    `Exit codes: ${exitCodes.ok} all is well, ${exitCodes.failed} errors were found or the command failed, ${exitCodes.misused} wrong arguments.`,
  ].join('\n')
}

function usage(name: string, { summary, takes = '', options = {}, explained = {}, example }: Command): string {
  const names = Object.keys(options)
  const width = widthOf(names)
  return [
    `Usage: appointment-notifications ${[name, takes, names.length > 0 ? '[options]' : ''].filter((part) => part !== '').join(' ')}`,
    '',
    `${summary}.`,
    ...(names.length === 0 ? [] : ['']),
    ...names.map((option) => `  --${option.padEnd(width)}  ${explained[option] ?? ''}`),
    '',
    `Example: appointment-notifications ${example}`,
  ].join('\n')
}
