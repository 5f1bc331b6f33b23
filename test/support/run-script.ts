import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { manifest, root } from '../package/manifest.ts'

export type ScriptRun = {
  /** Null where a signal ended it. */
  readonly code: number | null
  /** Of both streams. */
  readonly output: string
  /** Temporary files and processes that were still there when it had ended, and a while later. */
  readonly left: readonly string[]
}

export type ScriptOptions = {
  /** Default: the project's. Its `node_modules` is used all the same. */
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** A directory whose programs come before all others. */
  readonly programs?: string
  /** After which it is killed. Default: two minutes. */
  readonly patienceMs?: number
}

/** How long servers may take to stop after the process that used them. */
const graceMs = 10_000

/**
 * Runs a script of package.json in a process of its own, as `npm run name -- ...args` does, but for the build before it: other
 * tests read what was built.
 */
export function runScript(name: string, args: readonly string[], options: ScriptOptions = {}): Promise<ScriptRun> {
  const script = manifest.scripts[name]
  if (script === undefined) throw new Error(`package.json has no script ${name}`)
  return runCommand(`${script.replace(/^tsup [^&]*&& /, '')} "$@"`, args, options)
}

/** Runs a command of the shell with `args` as its `$@`. */
export async function runCommand(
  command: string,
  args: readonly string[] = [],
  { cwd = root, env = {}, programs, patienceMs = 120_000 }: ScriptOptions = {},
): Promise<ScriptRun> {
  const temporary = mkdtempSync(join(tmpdir(), 'script-'))
  // A server that does not run as root reaches its own directory in it.
  chmodSync(temporary, 0o711)
  const path = [programs, join(root, 'node_modules', '.bin'), process.env['PATH']].filter((part) => part !== undefined)
  const child = spawn('sh', ['-c', command, 'sh', ...args], {
    cwd,
    // Nothing of the test runner's own, and no database but the script's.
    env: { PATH: path.join(delimiter), HOME: process.env['HOME'], TMPDIR: temporary, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  // It leads a process group of its own, with all that it starts and does not detach.
  const signalAll = (signal: 'SIGKILL' | 0): boolean => {
    try {
      return process.kill(-(child.pid ?? Number.NaN), signal)
    } catch {
      return false
    }
  }
  const late = setTimeout(() => {
    output += `\nkilled after ${patienceMs} ms`
    signalAll('SIGKILL')
  }, patienceMs)
  const [code]: (number | null)[] = await once(child, 'exit')
  clearTimeout(late)
  const left = () => [
    // npm has Node keep its compiled code.
    ...readdirSync(temporary).filter((name) => name !== 'node-compile-cache'),
    ...(signalAll(0) ? ['a process'] : []),
  ]
  for (const end = Date.now() + graceMs; left().length > 0 && Date.now() < end; ) await wait(50)
  const found = left()
  signalAll('SIGKILL')
  rmSync(temporary, { recursive: true, force: true })
  return { code: code ?? null, output, left: found }
}
