import { execFile, spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { exitCodes } from '../../../adapters/cli/cli.ts'
import { hostFolder, program, run, url } from './host-folder.ts'

const call = (folder: string, ...args: string[]) =>
  promisify(execFile)(process.execPath, [program, ...args], { cwd: folder })

/** What stands in for a library, with so many findings. */
const stub = (findings: number) => `
const one = { severity: 'warning', code: 'spf_missing', organizationId: null, cause: 'c'.repeat(100), remedy: 'r' }
export default {
  checkUp: async () => ({ status: 'warning', findings: Array.from({ length: ${findings} }, () => one) }),
  migrate: async () => ({ applied: [], version: 1, sql: [] }),
  stop: async () => {},
}
`

it.each([
  ['an unknown command', ['dcotor', '--json'], exitCodes.misused, 'misused', /There is no command "dcotor"/],
  ['an unknown option', ['doctor', '--json', '--strct'], exitCodes.misused, 'misused', /--strct/],
  ['a config file that is missing', ['doctor', '--json', '-c', 'no.ts'], exitCodes.misused, 'misused', /no file/],
  ['no such settings', ['templates', 'pull', 'clinic', '--json'], exitCodes.failed, 'settings_not_found', /clinic/],
  ['no key', ['keys', 'rotate', '--json'], exitCodes.failed, 'encryption_key_missing', /encryptionKey/],
] as const)('prints a failure as JSON too: %s', async (_, args, code, error, words) => {
  const folder = await hostFolder()
  await run(folder, 'migrate')
  const failed = await run(folder, ...args)
  expect(failed.code).toBe(code)
  expect(failed.err).toMatch(words)
  expect(JSON.parse(failed.out)).toEqual({ error: { code: error, message: expect.stringMatching(words) } })
})

it.each([
  [['dcotor'], 'Did you mean "doctor"?'],
  [['key', 'new'], 'Did you mean "keys new"?'],
  [['keys', 'nwe'], 'Did you mean "keys new"?'],
  [['templates', '--json'], '"templates" is one of several commands: templates pull, templates check, templates push'],
  [['--json', 'doctor'], 'The command comes before its options, such as --json.'],
  [['doctor', '--jsn'], 'Did you mean "--json"?'],
  [['reconcile', '--dryrun'], 'Did you mean "--dry-run"?'],
  [['constructor'], 'There is no command "constructor".'],
  [['doctor', '--toString'], 'There is no option "--toString".'],
  [['keys', 'new', 'clinic'], '"clinic" is an argument too many.'],
  [['what-if', 'clinic', '--file', 'f.json', '--limit', 'many'], '--limit must be a number from 1 on, not "many".'],
  [['what-if', 'clinic', '--file', 'f.json', '--since', 'May'], '--since must be a day such as 2026-03-01, not "May".'],
] as const)('names what was probably meant: %s', async (args, words) => {
  const folder = await hostFolder()
  await writeFile(join(folder, 'f.json'), '{}')
  const { code, err } = await run(folder, ...args)
  expect([code, err]).toEqual([exitCodes.misused, expect.stringContaining(words)])
})

it.each([
  ['reconcile', /^done: checked 1, planned 1$/],
  ['migrate', /^Applied /],
  ['retention', /^Nothing was blanked/],
])('does nothing where dashes are missing: %s dry-run', async (command, done) => {
  const folder = await hostFolder()
  if (command !== 'migrate') await run(folder, 'migrate')
  const refused = await run(folder, command, 'dry-run')
  expect([refused.code, refused.out]).toEqual([exitCodes.misused, ''])
  expect(refused.err).toContain('"dry-run" is an argument too many. Did you mean "--dry-run"?')
  expect((await run(folder, command)).out).toMatch(done)
})

it('takes a file of CommonJS, in every way to export', async () => {
  const folder = await hostFolder()
  const library = `require(${JSON.stringify(join(folder, 'notifications.mts'))}).default()`
  const files = {
    'notifications.cjs': `module.exports = ${library}`,
    'named.cjs': `const library = ${library}\nmodule.exports = { library }`,
    'function.cjs': `module.exports = async () => ${library}`,
    'compiled.cjs': `Object.defineProperty(exports, '__esModule', { value: true })\nexports.default = ${library}`,
  }
  const other = join(folder, 'other')
  await mkdir(other)
  for (const [name, source] of Object.entries(files)) await writeFile(join(other, name), source)
  expect((await run(other, 'migrate')).out).toMatch(/^Applied /)
  // A module is loaded once, and its library is stopped.
  for (const name of Object.keys(files).slice(1)) {
    const { out, err } = await run(other, 'migrate', '--status', '--config', name)
    expect([name, out, err]).toEqual([name, expect.stringMatching(/^The tables are up to date/), ''])
  }
})

it('says what TypeScript needs that Node does not run', async () => {
  const folder = await hostFolder()
  const needs = `TypeScript is run by Node 22.18 or later (this is ${process.version})`
  await writeFile(join(folder, 'enum.ts'), 'enum Color { Red }\nexport default Color')
  await expect(call(folder, 'doctor', '--config', 'enum.ts')).rejects.toMatchObject({
    code: exitCodes.misused,
    stderr: expect.stringContaining(needs),
  })
  // What a Node throws that runs no TypeScript.
  const thrown = `Object.assign(new TypeError('Unknown file extension ".ts"'), { code: 'ERR_UNKNOWN_FILE_EXTENSION' })`
  await writeFile(join(folder, 'old.ts'), `throw ${thrown}`)
  const { code, err } = await run(folder, 'doctor', '--config', 'old.ts')
  expect([code, err]).toEqual([exitCodes.misused, expect.stringContaining(needs)])
})

it('reads variables from a file, and leaves those that are set', async () => {
  const folder = await hostFolder({ env: 'process.env' })
  await run(folder, 'migrate')
  await writeFile(join(folder, '.env'), 'DEFAULT_SMTP_HOST=localhost\nDEFAULT_EMAIL_FROM_ADDRESS=clinic@example.org\n')
  const info = JSON.parse((await call(folder, 'info', '--json', '--env', '.env')).stdout)
  expect(info.channels).toContainEqual({ channel: 'EMAIL', provider: 'smtp', code: null })
  const missing = await run(folder, 'info', '--env', 'nowhere.env')
  expect([missing.code, missing.err]).toEqual([exitCodes.misused, expect.stringMatching(/nowhere\.env cannot be read/)])
})

it('writes nothing but the result to standard output, whatever the file logs', async () => {
  const folder = await hostFolder()
  await run(folder, 'migrate')
  await writeFile(
    join(folder, 'chatty.mts'),
    `import { createNotifications } from ${url('src/index.ts')}
import { sqlite } from ${url('adapters/storage/sqlite.ts')}
import { writeSync } from 'node:fs'
console.log('Connected.')
process.stdout.write('Ready.\\n')
// As pino does.
const line = (message) => void writeSync(1, message + '\\n')
export const library = createNotifications({
  storage: sqlite(${JSON.stringify(join(folder, 'rows.sqlite'))}),
  transports: [],
  directory: { appointments: () => [{ id: 42, surprise: 1 }], organizations: () => [] },
  logger: { debug: line, info: line, warn: line, error: line },
  env: {},
})
await library.migrate()
await library.start()
`,
  )
  const { stdout, stderr } = await call(folder, 'info', '--json', '--config', 'chatty.mts')
  expect(JSON.parse(stdout)).toMatchObject({ tables: { pending: [] } })
  expect(stderr).toMatch(/Connected\.\nReady\.\n/)
  const failed = await call(folder, 'plan', '42', '--json', '--config', 'chatty.mts').catch((error: unknown) => error)
  expect(failed).toMatchObject({ code: exitCodes.failed, stderr: expect.stringMatching(/directory row is invalid/) })
  expect(JSON.parse(String(Reflect.get(Object(failed), 'stdout')))).toMatchObject({
    error: { code: 'directory_invalid' },
  })
})

it('ends well where the reader stops', async () => {
  const folder = await hostFolder()
  await writeFile(join(folder, 'long.mjs'), stub(20_000))
  const child = spawn(process.execPath, [program, 'doctor', '--strict', '--config', 'long.mjs'], { cwd: folder })
  const errors = text(child.stderr)
  child.stdout.once('data', () => child.stdout.destroy())
  const code = await new Promise((resolve) => child.once('close', resolve))
  expect([code, await errors]).toEqual([exitCodes.failed, ''])
})

it('tells a script what was found, and changes nothing in a dry run', async () => {
  const folder = await hostFolder()
  const stand = `const refuse = async () => { throw new Error('This changes something.') }
export default {
  checkUp: async ({ organizationId }) => ({ status: organizationId === undefined ? 'warning' : 'error', findings: [] }),
  migrate: async ({ dryRun }) => (dryRun ? { applied: ['mail'], version: 27, sql: ['create table x'] } : refuse()),
  reconcile: async ({ dryRun, force }) => (dryRun ? { status: force ? 'done' : 'refused', missing: 5 } : refuse()),
  settings: { effectiveSettings: async () => ({ channels: {}, configured: true }) },
  privacy: {
    retentionDryRun: async () => ({ history: 3 }),
    applyRetention: refuse,
    rotateKeys: async () => ({ underOldKeys: 2, unreadable: 0 }),
  },
  stop: async () => {},
}`
  await writeFile(join(folder, 'stand.mjs'), stand)
  const told = async (...args: string[]) => {
    const { code, out, err } = await run(folder, ...args, '--config', 'stand.mjs')
    return [code, out.split('\n')[0], err]
  }
  const { ok, failed } = exitCodes
  expect(await told('retention', '--dry-run')).toEqual([ok, 'would be blanked or removed: history 3', ''])
  expect(await told('reconcile', '--dry-run')).toEqual([failed, 'refused: missing 5', ''])
  expect(await told('reconcile', '--dry-run', '--force')).toEqual([ok, 'done: missing 5', ''])
  expect(await told('migrate', '--dry-run')).toEqual([ok, 'create table x;', ''])
  expect(await told('migrate', '--status')).toEqual([failed, 'To apply: mail.', ''])
  expect(await told('settings', 'check', 'clinic')).toEqual([failed, '', ''])
  expect(await told('keys', 'rotate')).toEqual([failed, expect.stringMatching(/^2 secrets are still sealed/), ''])
  expect(await told('doctor')).toEqual([ok, '', ''])
  expect(await told('doctor', '--strict')).toEqual([failed, '', ''])
})
