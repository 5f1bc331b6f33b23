/**
 * Packs the package as `npm publish` would, checks the tarball with publint and attw, and lives with it as a user does:
 * in an empty project, every entry point imported, required and type-checked without any optional package, then with all
 * of them; the programs of the guides compiled, those of README.md run; and once more imported on the oldest Node that
 * `engines` allows. Run after `npm run build`.
 */
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { z } from 'zod'
import { startSmtpServer } from '../support/smtp-server.ts'
import { fileOf, firstProgram, guides, importedPackages, jsonwebtokenTypes, mainProgram, programs } from './guides.ts'
import { entries, manifest, readJson, root } from './manifest.ts'
import { resultsIn, runTests } from './vitest-report.ts'

const oldestNode = '22.12.0'
const specifiers = entries.map(({ specifier }) => specifier)
const suites = `${manifest.name}/conformance`

/** Packages are looked for in every folder above too: where one holds some, a missing package would go unnoticed. */
const isBare = (path: string): boolean =>
  !existsSync(join(path, 'node_modules')) && (dirname(path) === path || isBare(dirname(path)))

function bareFolder(): string {
  const places = [tmpdir(), '/var/tmp', homedir()].filter((path) => existsSync(path)).map((path) => realpathSync(path))
  const place = places.find(isBare)
  must(place !== undefined, `each of ${places.join(', ')} has a node_modules above it: set TMPDIR to a folder without`)
  return mkdtempSync(join(place, 'pack-'))
}
const folder = bareFolder()
const project = join(folder, 'project')

// Without what `npm run` says about this project: npm in the other one must find its own, and so must Node.
const env = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^NODE_PATH$|^npm_(?:package|lifecycle|config_local_prefix)/.test(name),
  ),
)
const { npm_execpath: npmPath } = process.env

function run(program: string, args: readonly string[], cwd: string): string {
  try {
    return execFileSync(program, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    const told = error instanceof Error ? [Reflect.get(error, 'stdout'), Reflect.get(error, 'stderr')].join('\n') : ''
    throw new Error(`${program} ${args.join(' ').slice(0, 200)} failed:\n${told}`)
  }
}
const npm = (args: readonly string[], cwd: string): string =>
  npmPath === undefined ? run('npm', args, cwd) : run(process.execPath, [npmPath, ...args], cwd)
const bin = (name: string, ...args: string[]): string => run(join(root, 'node_modules', '.bin', name), args, root)

function step(what: string, work: () => void): void {
  const began = performance.now()
  work()
  console.log(`ok  ${what} (${((performance.now() - began) / 1000).toFixed(1)} s)`)
}

function must(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise)
}

const installedVersion = (name: string): string =>
  z.object({ version: z.string() }).parse(readJson('node_modules', name, 'package.json')).version

/** Imports and requires specifiers and compares what they export. */
function importAll(node: string, all = specifiers): void {
  const list = JSON.stringify(all)
  const check = `
    for (const specifier of ${list}) {
      const required = Object.keys(require(specifier)).sort().join()
      import(specifier).then((imported) => {
        const names = Object.keys(imported).sort().join()
        if (names === '' || names !== required) throw new Error(specifier + ' exports: ' + names + ' / ' + required)
      })
    }`
  writeFileSync(join(project, 'import-all.cjs'), check)
  const warnings = run(node, ['--throw-deprecation', 'import-all.cjs'], project)
  must(warnings === '', `importing prints: ${warnings}`)
}

/** Storages are made without their packages, and say at the first use what to install. */
function useWithoutPackages(): void {
  const script = `
    import { postgres } from '${manifest.name}/postgres'
    import { sqlite } from '${manifest.name}/sqlite'
    for (const storage of [sqlite(':memory:'), postgres('postgres://127.0.0.1/none')]) {
      const { code, message } = await storage.ping().catch((error) => error)
      console.log(code, /npm install [\\w -]+/.exec(message)?.[0])
    }`
  const told = run(process.execPath, ['--input-type=module', '--eval', script], project)
  const expected = ['better-sqlite3 kysely', 'pg kysely'].map((names) => `dependency_missing npm install ${names}\n`)
  must(told === expected.join(''), `without their packages the storages say: ${told}`)
}

const strict = ['--strict', '--noEmit', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess']
const target = ['--target', 'es2023', '--module', 'nodenext', '--types', 'node']
const compile = (...args: string[]): string =>
  run(process.execPath, ['node_modules/typescript/bin/tsc', ...strict, ...target, ...args], project)

/** Runs the README's program with a real mail server until it has done what the README says, then stops it. */
async function liveInReadme(): Promise<void> {
  const server = await startSmtpServer()
  const variables = { DEFAULT_SMTP_HOST: '127.0.0.1', DEFAULT_EMAIL_FROM_ADDRESS: 'clinic@example.org' }
  const surroundings = { cwd: project, env: { ...env, ...variables, DEFAULT_SMTP_PORT: String(server.port) } }
  const child = spawn(process.execPath, ['main.mjs'], { ...surroundings, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const deadline = Date.now() + 15_000
  while (server.mails.length === 0 && child.exitCode === null && Date.now() < deadline) await sleep(50)
  const isAlive = child.exitCode === null
  const cli = join(project, 'node_modules', '.bin', manifest.name)
  const doctor = await promisify(execFile)(process.execPath, [cli, 'doctor'], surroundings)
  const [mail] = server.mails
  child.kill()
  await ended
  await server.close()
  must(isAlive && output === '', `README's program printed: ${output}`)
  must(
    `${doctor.stdout}${doctor.stderr}` === '',
    `beside README's program doctor says: ${doctor.stdout}${doctor.stderr}`,
  )
  const what = `${mail?.subject} to ${mail?.to.join()} from ${mail?.from}`
  must(
    /^Appointment Confirmed.* to ada@example\.org from clinic@example\.org$/.test(what),
    `README's program sent: ${what}`,
  )
  const query = `
    const rows = require('better-sqlite3')('clinic.sqlite')
      .prepare('select status, hours_before_appointment as hours from appointment_reminders order by hours desc').all()
    console.log(rows.map((row) => row.status + ' ' + row.hours).join())`
  const rows = run(process.execPath, ['--eval', query], project).trim()
  must(rows === 'PENDING 24,PENDING 2', `README's program stored: ${rows}`)
}

/** The file of the program of README.md that holds these words. */
function fileWith(words: string): string {
  const found = programs.find(({ guide, code }) => guide === 'README.md' && code.includes(words))
  must(found !== undefined, `README has no program with ${words}`)
  return fileOf(found)
}

/** What README.md makes of tokens: one of the right key names a caller, all others name nobody. */
function askReadme(): void {
  const script = `
    import jwt from 'jsonwebtoken'
    const { authenticate } = await import('./${fileWith('jwt.verify')}')
    const claims = { sub: '7', organization_id: 'harbour' }
    const tokens = [jwt.sign(claims, 'right'), jwt.sign(claims, 'wrong'), jwt.sign({}, 'right'), 'nonsense']
    for (const token of tokens) console.log(JSON.stringify(authenticate({ headers: { authorization: 'Bearer ' + token } })))
    console.log(JSON.stringify(authenticate({ headers: {} })))`
  writeFileSync(join(project, 'ask.mjs'), script)
  const answers = execFileSync(process.execPath, ['ask.mjs'], { cwd: project, env: { ...env, JWT_SECRET: 'right' } })
  const staff = '{"kind":"staff","organizationId":"harbour","role":"admin","id":"7"}'
  must(answers.toString() === `${[staff, 'null', 'null', 'null', 'null'].join('\n')}\n`, `README's tokens: ${answers}`)
}

try {
  mkdirSync(project)
  let tarball = ''
  step('npm pack', () => {
    const packed = npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root)
    const shape = z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) })
    // npm 12 answers with an object by name, older ones with a list.
    const answer = z.union([z.array(shape), z.record(z.string(), shape)]).parse(JSON.parse(packed))
    const [first] = Object.values(answer)
    must(first !== undefined, 'npm pack packed nothing')
    const paths = first.files.map(({ path }) => path)
    const dashboard = 'examples/distributed/grafana-dashboard.json'
    const published = [...guides.map(({ path }) => path), 'package.json', 'LICENSE', 'CHANGELOG.md', dashboard]
    const strays = paths.filter((path) => !path.startsWith('dist/') && !published.includes(path))
    must(strays.length === 0, `the tarball holds what is not for users: ${strays.join(', ')}`)
    const missing = published.filter((path) => !paths.includes(path))
    must(missing.length === 0, `the tarball lacks ${missing.join(', ')}`)
    tarball = join(folder, first.filename)
  })
  step('publint --strict', () => void bin('publint', 'run', tarball, '--strict'))
  step('attw, ESM only', () => void bin('attw', tarball, '--profile', 'esm-only'))

  const install = (...packages: string[]) =>
    npm(['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', ...packages], project)
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true }))
  step('installed in an empty project', () => void install(tarball))
  const withoutSuites = specifiers.filter((specifier) => specifier !== suites)
  step(`${withoutSuites.length} entry points imported and required without any optional package`, () =>
    importAll(process.execPath, withoutSuites),
  )
  step('the storages say which packages they need', useWithoutPackages)

  const installAsHere = (names: readonly string[]) =>
    install(...names.map((name) => `${name}@${installedVersion(name)}`))
  step('the compiler installed', () => installAsHere(['typescript', '@types/node']))
  step('the types of all entry points compile without any optional package', () => {
    writeFileSync(
      join(project, 'types.mts'),
      specifiers.map((specifier) => `export type {} from '${specifier}'`).join('\n'),
    )
    compile('--skipLibCheck', 'false', 'types.mts')
  })
  const typesOf = (name: string) => `@types/${name}`
  const ofGuides = [...importedPackages, ...importedPackages.map(typesOf)].filter((name) =>
    existsSync(join(root, 'node_modules', name)),
  )
  step('optional packages installed, and those of the guides', () =>
    installAsHere([...new Set([...Object.keys(manifest.peerDependencies), ...ofGuides])]),
  )
  step(`${specifiers.length} entry points imported and required`, () => importAll(process.execPath))

  step(`${programs.length} programs of the guides compile`, () => {
    const files = programs.map((block) => {
      writeFileSync(join(project, fileOf(block)), block.code)
      return fileOf(block)
    })
    writeFileSync(join(project, 'notifications.mts'), firstProgram)
    writeFileSync(join(project, 'jsonwebtoken.d.ts'), jsonwebtokenTypes)
    compile('--skipLibCheck', 'jsonwebtoken.d.ts', 'notifications.mts', ...files)
  })
  writeFileSync(join(project, 'notifications.mjs'), firstProgram)
  writeFileSync(join(project, 'main.mjs'), mainProgram)
  step('the transport of the guide passes the published suite', () => {
    run(process.execPath, runTests, project)
    const passed = resultsIn(project).get('gateway.test.mts')?.passed ?? []
    must(passed.length >= 7, `of the suite the guide's transport passes: ${passed.join(', ')}`)
  })
  const lines = `${firstProgram}${mainProgram}`.split('\n').filter((line) => line.trim() !== '').length
  must(lines <= 12, `README's programs have ${lines} lines, and should have twelve`)
  await liveInReadme()
  console.log(`ok  README's ${lines} lines run, and send a mail`)
  step(
    "README's test of an integration passes",
    () => void run(process.execPath, ['--test', fileWith("from 'node:test'")], project),
  )
  step("README's tokens name callers", askReadme)

  const old = join(folder, 'old-node')
  mkdirSync(old)
  writeFileSync(join(old, 'package.json'), JSON.stringify({ private: true, allowScripts: { node: true } }))
  step(`Node ${oldestNode} installed`, () => {
    npm(['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', `node@${oldestNode}`], old)
  })
  const oldNode = join(old, 'node_modules', 'node', 'bin', 'node')
  must(run(oldNode, ['--version'], old).trim() === `v${oldestNode}`, 'another Node than asked for was installed')
  step(`the same imports on Node ${oldestNode}`, () => importAll(oldNode))
  const { stderr } = spawnSync(oldNode, ['main.mjs'], { cwd: project, env, encoding: 'utf8' })
  must(/dependency_missing/.test(stderr) && /Node 22\.14/.test(stderr), `there README's program says: ${stderr}`)
  console.log(`ok  the sqlite storage says there that better-sqlite3 needs a later Node`)
} catch (error) {
  console.error(`FAILED  ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
