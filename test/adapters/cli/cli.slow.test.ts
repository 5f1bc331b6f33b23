import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { expect, it, onTestFinished, vi } from 'vitest'
import { exitCodes } from '../../../adapters/cli/cli.ts'
import { firstProgram, mainProgram, programs } from '../../package/guides.ts'
import { keyOf } from '../../support/keys.ts'
import { startSmtpServer } from '../../support/smtp-server.ts'
import { emptyFolder, hostFolder, program, root, run, url } from './host-folder.ts'

it('explains itself, and every command with an example', async () => {
  const { code, out } = await run('/', '--help')
  expect(code).toBe(exitCodes.ok)
  const names = [...out.matchAll(/^ {2}([a-z-]+(?: [a-z-]+)?) {2}/gm)].map(([, name = '']) => name)
  expect(names).toEqual(expect.arrayContaining(['doctor', 'keys rotate', 'templates pull', 'settings check']))
  for (const name of names) {
    const help = await run('/', ...name.split(' '), '--help')
    expect([help.code, help.err]).toEqual([exitCodes.ok, ''])
    expect(help.out).toContain(`Example: appointment-notifications ${name}`)
  }
})

it('migrates, plans, reconciles and explains, in words and as JSON', async () => {
  const folder = await hostFolder()
  expect((await run(folder, 'migrate', '--dry-run')).out).toMatch(/create table.*notification_settings/is)
  expect(await run(folder, 'migrate', '--status')).toMatchObject({
    code: exitCodes.failed,
    out: expect.stringMatching(/^To apply: reminders_and_history, /),
  })
  expect((await run(folder, 'migrate')).out).toMatch(/^Applied .*The tables are at migration \d+\.$/)
  expect((await run(folder, 'migrate')).out).toMatch(/^The tables are up to date/)
  expect((await run(folder, 'plan', '42')).out).toMatch(/EMAIL {2}PATIENT 7 {2}24h/)
  expect((await run(folder, 'reconcile', '--dry-run')).out).toBe('done: checked 1, planned 1')
  expect((await run(folder, 'explain', '42')).out).not.toMatch(/planned {2}EMAIL/)
  expect(await run(folder, 'reconcile')).toMatchObject({
    out: 'done: checked 1, planned 1',
    err: expect.stringMatching(/1 appointments checked/),
  })
  expect((await run(folder, 'explain', '42')).out).toMatch(/planned {2}EMAIL {2}PATIENT 7 {2}reminder 24h {2}/)
  const { out } = await run(folder, 'explain', '42', '--json')
  expect(JSON.parse(out)).toContainEqual(expect.objectContaining({ action: 'planned', channel: 'EMAIL' }))
})

it('starts nothing, although the file does', async () => {
  const folder = await hostFolder()
  await writeFile(
    join(folder, 'server.mts'),
    `import create from './notifications.mts'
export const library = create()
await library.migrate()
await library.start()
// Refused where messages are being sent.
await library.afterRestore(new Date(Date.now() - 1000))
`,
  )
  await run(folder, 'migrate')
  expect(await run(folder, 'migrate', '--status', '--config', 'server.mts')).toMatchObject({
    code: exitCodes.ok,
    err: '',
  })
})

it('migrates by its command alone, and where the file needs the tables before', async () => {
  const folder = await hostFolder()
  const file = `import create from './notifications.mts'
export const library = create()
await library.migrate()
await library.start()
await library.notifications.appointmentBooked(42)
`
  // A module is loaded once.
  const names = ['dry-run.mts', 'status.mts', 'doctor.mts', 'migrate.mts', 'explain.mts']
  for (const name of names) await writeFile(join(folder, name), file)
  const tried = await run(folder, 'migrate', '--dry-run', '--config', 'dry-run.mts')
  expect(tried).toMatchObject({
    code: exitCodes.ok,
    err: expect.stringMatching(/dry-run\.mts failed.*migration_missing/),
  })
  expect(tried.out).toMatch(/create table.*notification_settings/is)
  expect((await run(folder, 'doctor', '--config', 'doctor.mts')).out).toContain('error tables_missing')
  expect((await run(folder, 'migrate', '--status', '--config', 'status.mts')).out).toMatch(/^To apply: /)
  expect((await run(folder, 'migrate', '--config', 'migrate.mts')).out).toMatch(/^Applied /)
  const explained = await run(folder, 'explain', '42', '--config', 'explain.mts')
  expect(explained).toMatchObject({ err: '', out: expect.stringMatching(/planned {2}EMAIL/) })
})

it('takes the library that the file exports, and calls no function before', async () => {
  const folder = await hostFolder()
  await writeFile(
    join(folder, 'app.mts'),
    `import create from './notifications.mts'
export const library = create()
export default function app() {
  Reflect.set(globalThis, 'appWasCalled', true)
  throw new Error('This is no request.')
}
`,
  )
  expect(await run(folder, 'migrate', '--config', 'app.mts')).toMatchObject({ code: exitCodes.ok, err: '' })
  expect(Reflect.has(globalThis, 'appWasCalled')).toBe(false)
  await writeFile(join(folder, 'failing.mts'), "export default () => { throw new Error('No database.') }")
  expect(await run(folder, 'doctor', '--config', 'failing.mts')).toMatchObject({
    code: exitCodes.failed,
    err: 'No database.',
  })
})

it.each([
  ['awaits a server that is dead', 'export const library = await new Promise(() => waits())'],
  ['exports a function that does', 'export default () => new Promise(() => waits())'],
])('gives up on a file that %s, and says so', async (_, file) => {
  const folder = await emptyFolder()
  await writeFile(join(folder, 'notifications.mts'), `const { waits } = globalThis as never\n${file}`)
  const { code, err } = await runPatiently(folder, 'doctor')
  expect([code, err]).toEqual([exitCodes.failed, expect.stringMatching(/notifications\.mts.* not loaded within 60 s/)])
})

it('goes on with the library of a file that waits for something else after it', async () => {
  const folder = await hostFolder()
  await run(folder, 'migrate')
  const file = `import create from './notifications.mts'
export const library = create()
await new Promise(() => (globalThis as never)['waits']())`
  await writeFile(join(folder, 'server.mts'), file)
  const { code, out, err } = await runPatiently(folder, 'migrate', '--status', '--config', 'server.mts')
  expect([code, out]).toEqual([exitCodes.ok, expect.stringMatching(/^The tables are up to date/)])
  expect(err).toMatch(/server\.mts failed, after it had created the library: .*not loaded within 60 s/)
})

/** A minute passes as soon as the file waits. */
async function runPatiently(folder: string, ...args: string[]) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const waits = Promise.withResolvers<void>()
  Reflect.set(globalThis, 'waits', waits.resolve)
  const result = run(folder, ...args)
  await waits.promise
  vi.advanceTimersByTime(60_000)
  vi.useRealTimers()
  return result
}

it('checks settings, says what they would change, and keeps templates in files', async () => {
  const folder = await hostFolder()
  await run(folder, 'migrate')
  const put = (name: string, text: string) => writeFile(join(folder, name), text)
  const texts = join(folder, 'notification-templates', 'clinic')
  expect((await run(folder, 'templates', 'pull', 'clinic')).err).toMatch(/settings_not_found/)
  await put('create.ts', createSettings)
  await promisify(execFile)(process.execPath, [join(folder, 'create.ts')])
  expect((await run(folder, 'settings', 'check', 'clinic')).out).toMatch(/^EMAIL: by smtp/)
  await put('settings.json', '{ "defaultEmailReminders": [48, 24, 2] }')
  expect(await run(folder, 'settings', 'check', 'clinic', '--file', 'settings.json')).toMatchObject({
    code: exitCodes.ok,
  })
  await put('wire.json', '{ "sms_enabled": false }')
  expect(await run(folder, 'settings', 'check', 'clinic', '--file', 'wire.json')).toMatchObject({
    err: 'invalid_input: Invalid input: settings.sms_enabled is not a known field.',
  })
  const whatIf = await run(folder, 'what-if', 'clinic', '--file', 'settings.json', '--json')
  expect(JSON.parse(whatIf.out)).toMatchObject({ appointments: 0, isComplete: true, losing: { fewer: 0, none: 0 } })

  expect((await run(folder, 'templates', 'pull', 'clinic')).out.split('\n')).toEqual([
    join('email', 'appointment_reminder.txt'),
    join('email', 'appointment_reminder.subject.txt'),
  ])
  const file = join(texts, 'email', 'appointment_reminder.txt')
  expect(await readFile(file, 'utf8')).toBe('See you at {time}.\n')
  expect((await run(folder, 'templates', 'check', 'clinic')).out).toBe('')
  await writeFile(file, 'See you at {tme}.\n')
  expect(await run(folder, 'templates', 'check', 'clinic')).toMatchObject({
    code: exitCodes.failed,
    err: expect.stringContaining('template_invalid'),
  })
  await writeFile(file, 'Until {time}.\n')
  expect((await run(folder, 'templates', 'check', 'clinic')).out).toBe('differs: email/appointment_reminder')
  expect((await run(folder, 'templates', 'push', 'clinic')).out).toMatch(/^saved: email\/appointment_reminder$/m)
  expect((await run(folder, 'templates', 'check', 'clinic')).out).toBe('')
  await mkdir(join(texts, 'partials'))
  await writeFile(join(texts, 'partials', 'footer.txt'), 'Harbour Clinic\n')
  expect((await run(folder, 'templates', 'check', 'clinic')).out).toBe('differs: partials/footer')
  expect((await run(folder, 'templates', 'push', 'clinic')).out).toMatch(/^saved: .*, partials\/footer$/m)
  expect((await run(folder, 'templates', 'check', 'clinic')).out).toBe('')
  await rm(join(texts, 'email'), { recursive: true })
  await run(folder, 'templates', 'pull', 'clinic')
  expect(await readFile(file, 'utf8')).toBe('Until {time}.\n')
})

const createSettings = `import create from './notifications.mts'
const library = create()
await library.settings.createOrganizationSettings('clinic', { emailTemplates: { appointment_reminder: { subject: 'Soon', body: 'See you at {time}.' } } })
await library.stop()
`

it('shows versions and keys, and cleans up', async () => {
  const folder = await hostFolder()
  expect((await run(folder, 'info')).out).toMatch(/^tables lack .*^health: failing$/ms)
  await run(folder, 'migrate')
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const info = JSON.parse((await run(folder, 'info', '--json')).out)
  expect(info).toMatchObject({ version, node: process.version, tables: { pending: [] } })
  expect(info.keys).toEqual({ sealed: 0, underOldKeys: 0, unreadable: 0 })
  expect((await run(folder, 'info')).out).toContain('secrets: 0 sealed, 0 of them with older keys')
  expect(info.channels).toContainEqual({ channel: 'EMAIL', provider: 'smtp', code: null })
  expect((await run(folder, 'retention', '--dry-run')).out).toBe('Nothing would be blanked or removed.')
  expect((await run(folder, 'retention')).out).toBe('Nothing was blanked or removed.')
  const { out: key } = await run('/', 'keys', 'new')
  expect(Buffer.from(key, 'base64')).toHaveLength(32)
  expect(await run(folder, 'keys', 'rotate')).toMatchObject({
    code: exitCodes.failed,
    err: expect.stringMatching(/encryption_key_missing/),
  })
})

it('names what is wrong, and what to do, with an exit code', async () => {
  const folder = await hostFolder({
    env: "{ DEFAULT_SMTP_HOST: '127.0.0.1', DEFAULT_SMTP_PORT: '1', DEFAULT_EMAIL_FROM_ADDRESS: 'clinic@example.org' }",
  })
  const before = await run(folder, 'doctor')
  expect(before).toMatchObject({ code: exitCodes.failed, out: expect.stringContaining('error tables_missing') })
  await run(folder, 'migrate')
  const after = await run(folder, 'doctor', '--json')
  expect(after.code).toBe(exitCodes.failed)
  expect(JSON.parse(after.out)).toMatchObject({
    status: 'error',
    findings: [
      { code: 'provider_failing', channel: 'EMAIL', cause: expect.stringContaining('Check the host and the port') },
      { code: 'none_started', severity: 'warning' },
    ],
  })
})

it('logs nothing of what it finds: neither warnings nor errors', { timeout: 120_000 }, async () => {
  const folder = await hostFolder({
    env: "{ DEFAULT_SMTP_HOST: '127.0.0.1', DEFAULT_SMTP_PORT: '1', DEFAULT_EMAIL_FROM_ADDRESS: 'clinic@example.org' }",
  })
  const file = join(folder, 'notifications.mts')
  await writeFile(file, (await readFile(file, 'utf8')).replace('Europe/Berlin', 'BST'))
  await run(folder, 'migrate')
  const call = (...args: string[]) => promisify(execFile)(process.execPath, [program, ...args], { cwd: folder })
  await expect(call('doctor')).rejects.toMatchObject({
    stdout: expect.stringMatching(/^error directory_rows\n.*^error provider_failing\n/ms),
    stderr: '',
  })
  expect((await call('info')).stderr).toBe('')
  await expect(call('plan', '42')).rejects.toMatchObject({ stderr: expect.stringMatching(/directory row is invalid/) })
})

it.each([
  ['there is none', async () => {}, 'migration_missing', 'tables lack the migrations reminders_and_history, '],
  [
    'it is no database',
    (path: string) => writeFile(path, 'patients: 12\n'.repeat(1000)),
    'storage_failed',
    'tables: unknown (storage_failed)',
  ],
  [
    'it is too new',
    async (path: string) => {
      await run(join(path, '..'), 'migrate')
      const database = new Database(path)
      database.exec('update appointment_notifications_migrations set oldest = 99')
      database.close()
    },
    'library_outdated',
    'tables: unknown (migration_refused)',
  ],
  [
    'it is locked',
    async (path: string) => {
      await run(join(path, '..'), 'migrate')
      const database = new Database(path)
      onTestFinished(() => void database.close())
      database.pragma('locking_mode = EXCLUSIVE')
      database.exec('begin exclusive')
    },
    'storage_busy',
    'tables: unknown (storage_busy)',
  ],
])('reports on a database although %s, and leaves it as it is', async (_, make, code, tables) => {
  const folder = await hostFolder({ env: `{ NOTIFICATIONS_ENCRYPTION_KEY: '${keyOf(7)}' }` })
  const path = join(folder, 'rows.sqlite')
  await make(path)
  const before = await readFile(path).catch(() => null)
  const { code: exit, out, err } = await run(folder, 'info', '--json')
  expect([exit, err]).toEqual([exitCodes.ok, ''])
  expect(JSON.parse(out)).toMatchObject({ status: 'failing', keys: { unknown: code } })
  const words = (await run(folder, 'info')).out
  expect([words, words]).toEqual([
    expect.stringContaining(tables),
    expect.stringContaining(`secrets: unknown (${code})`),
  ])
  expect(await run(folder, 'doctor')).toMatchObject({ code: exitCodes.failed, out: expect.stringContaining(code) })
  expect(await readFile(path).catch(() => null)).toEqual(before)
})

/** As packages would be: the sources by their names. */
const withSources = (code: string) =>
  code
    .replaceAll("'appointment-notifications'", url('src/index.ts'))
    .replace("'appointment-notifications/smtp'", url('adapters/transport/smtp.ts'))
    .replace("'appointment-notifications/sqlite'", url('adapters/storage/sqlite.ts'))

it('is silent beside the program of the README, and its guide to restoring a backup can be followed', {
  timeout: 120_000,
}, async () => {
  const folder = await emptyFolder()
  const server = await startSmtpServer()
  onTestFinished(() => server.close())
  const env = {
    ...process.env,
    DEFAULT_SMTP_HOST: '127.0.0.1',
    DEFAULT_SMTP_PORT: String(server.port),
    DEFAULT_EMAIL_FROM_ADDRESS: 'clinic@example.org',
  }
  const node = (...args: string[]) => promisify(execFile)(process.execPath, args, { cwd: folder, env })
  const call = (...args: string[]) => node(program, ...args)
  await writeFile(join(folder, 'notifications.mjs'), withSources(firstProgram))
  await writeFile(join(folder, 'main.mjs'), mainProgram)
  await expect(call('doctor')).rejects.toMatchObject({
    code: exitCodes.failed,
    stdout: expect.stringMatching(/^error tables_missing\n.*There is no database at .*clinic\.sqlite/),
    stderr: '',
  })
  expect(await readdir(folder)).toEqual(['main.mjs', 'notifications.mjs'])

  const main = spawn(process.execPath, ['main.mjs'], { cwd: folder, env, stdio: 'inherit' })
  onTestFinished(() => void main.kill())
  await expect.poll(() => server.mails.length, { timeout: 60_000 }).toBe(1)
  expect(await call('doctor')).toEqual({ stdout: '', stderr: '' })
  expect((await call('plan', '42')).stdout).toMatch(/EMAIL {2}PATIENT 7 {2}24h/)
  main.kill()
  await once(main, 'exit')

  const restoring = programs.find(({ code }) => code.includes('afterRestore'))?.code ?? ''
  await writeFile(join(folder, 'restore.mjs'), restoring.replace(/new Date\([^)]*\)/, 'new Date(Date.now() - 60_000)'))
  expect((await node('restore.mjs')).stdout).toBe('0\n')
  expect(server.mails).toHaveLength(1)
})

it.each([
  ['a command that is none', ['dcotor'], /There is no command "dcotor".*Usage/s],
  ['half a command', ['keys', 'nwe'], /There is no command "keys nwe"/],
  ['an option that is none', ['doctor', '--jsn'], /--jsn.*Example: appointment-notifications doctor/s],
  ['an argument that is missing', ['explain'], /Name one appointment/],
  ['a config file that is missing', ['doctor', '--config', 'nowhere.ts'], /There is no file .*nowhere\.ts/],
  ['a folder without one', ['doctor'], /There is none of notifications\.ts/],
])('is told how to be used: %s', async (_, args, words) => {
  const { code, err } = await run('/', ...args)
  expect(code).toBe(exitCodes.misused)
  expect(err).toMatch(words)
})

it('runs as a program, and ends by itself', { timeout: 120_000 }, async () => {
  const folder = await hostFolder()
  const call = (...args: string[]) => promisify(execFile)(process.execPath, [program, ...args], { cwd: folder })
  expect((await call('migrate')).stdout).toMatch(/^Applied /)
  const listening =
    "import { createServer } from 'node:http'\nexport { default } from './notifications.mts'\ncreateServer().listen(0)\n"
  await writeFile(join(folder, 'server.mts'), listening)
  expect((await call('migrate', '--config', 'server.mts')).stdout).toMatch(/^The tables are up to date/)
  const late = `import create from './notifications.mts'
const library = create()
// A rejection would end the process with another exit code.
const stop = async () => library.stop().finally(() => setTimeout(() => library.start(), 1))
export default { ...library, stop }
`
  await writeFile(join(folder, 'late.mts'), late)
  expect(await call('migrate', '--config', 'late.mts')).toMatchObject({ stderr: '' })
  await writeFile(join(folder, 'settings.json'), '{}')
  expect(await call('settings', 'check', 'clinic', '--file', 'settings.json')).toEqual({ stdout: '', stderr: '' })
  await expect(call('explain')).rejects.toMatchObject({ code: exitCodes.misused })
})
