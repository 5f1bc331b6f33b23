/**
 * A project of somebody else's, with the built package in its `node_modules`: the adapters of the guide pass the published suites,
 * and adapters that break their contract fail them in words. `npm run check:package` does the first with the tarball.
 */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { fileOf, programs } from './guides.ts'
import { manifest, root } from './manifest.ts'
import { type FileResult, resultsIn, runTests } from './vitest-report.ts'

const folder = mkdtempSync(join(tmpdir(), 'third-party-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The program of the guide that its first line gives this name. */
function programOf(name: string): string {
  const found = programs.find((block) => block.guide === 'adapters/README.md' && fileOf(block) === name)
  if (found === undefined) throw new Error(`adapters/README.md has no ${name}`)
  return found.code
}

/** What one transport after another does wrong: the line of the guide, what stands there instead, and what the suite says of it. */
const broken: readonly (readonly [name: string, right: string | RegExp, wrong: string, said: RegExp])[] = [
  ['a name with spaces', "name: 'gateway'", "name: 'My Gateway'", /name: lower-case letters/],
  ['another channel', "channels: ['SMS']", "channels: ['EMAIL']", /channels lack the channel of the harness/],
  ['no id', "{ messageId: response.headers.get('message-id') }", "{ messageId: '' }", /messageId of the receipt/],
  [
    'a key of its own for each attempt',
    "'idempotency-key': idempotencyKey",
    "'idempotency-key': crypto.randomUUID()",
    /different idempotency keys of two attempts at one message/,
  ],
  ['one key for all', "'idempotency-key': idempotencyKey", "'idempotency-key': 'same'", /different idempotency keys/],
  ['a late start', 'if (signal.aborted)', 'if (false)', /to match object \{ outcome: 'transient' \}/],
  ['no failure', 'if (response.ok) return', 'return', /resolved although the provider refused the message/],
  [
    'another error',
    /throw new TransportError\(`The gateway[\s\S]*?\n {6}\}\)/,
    'throw new Error(String(status))',
    /another error than a TransportError when the provider refused the message/,
  ],
  ['contact data', '`The gateway responded', 'to + ` responded', /contact data, text or credentials in the error/],
]

const others = {
  'queue-scheduler.test.mts': `
    import { schedulerConformance } from 'appointment-notifications/conformance'
    import { queueScheduler } from './queue-scheduler.mjs'

    schedulerConformance({
      name: 'queue',
      async open({ clock }) {
        const jobs = new Map()
        const workers = new Set()
        const queue = {
          async add({ id, runAt }) {
            const run = () => {
              const [worker] = workers
              if (worker === undefined) return clock.setTimer(new Date(clock.now().getTime() + 1000), run)
              if (jobs.delete(id)) worker({ runAt })
            }
            if (!jobs.has(id)) jobs.set(id, clock.setTimer(runAt, run))
          },
          async work(handle) {
            workers.add(handle)
            return { stop: async () => void workers.delete(handle) }
          },
        }
        return { scheduler: () => queueScheduler(queue), empty: async () => jobs.clear() }
      },
    })`,
  'restless-scheduler.test.mts': `
    import { embeddedScheduler } from 'appointment-notifications'
    import { schedulerConformance } from 'appointment-notifications/conformance'

    schedulerConformance({
      name: 'restless',
      open: async () => ({ scheduler: () => ({ ...embeddedScheduler(), stop: async () => {} }) }),
    })`,
  'muddled-storage.test.mts': `
    import { storageConformance } from 'appointment-notifications/conformance'
    import { sqlite } from 'appointment-notifications/sqlite'

    storageConformance({
      name: 'muddled',
      only: ['claims'],
      async open() {
        const storage = sqlite(':memory:')
        return { storage: { ...storage, carry: async (...args) => (await storage.carry(...args)).reverse() } }
      },
    })`,
  'deaf-router.test.mts': `
    import { once } from 'node:events'
    import express from 'express'
    import { routerConformance } from 'appointment-notifications/conformance'
    import { expressRouter } from 'appointment-notifications/express'

    routerConformance({
      name: 'deaf',
      keepsParsedBytes: false,
      async mount(library, basePath, { parsed }) {
        const app = express()
        if (parsed) app.use(express.json({ limit: '1mb' }))
        app.options(basePath + '/*rest', (request, response) => response.sendStatus(200))
        app.use(basePath, expressRouter(library))
        const server = app.listen(0, '127.0.0.1')
        await once(server, 'listening')
        return {
          origin: 'http://127.0.0.1:' + server.address().port,
          close: async () => server.close().closeAllConnections(),
        }
      },
    })`,
}

let results: ReadonlyMap<string, FileResult>
beforeAll(async () => {
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
  const place = join(folder, 'node_modules', manifest.name)
  mkdirSync(place, { recursive: true })
  for (const name of ['package.json', 'dist']) cpSync(join(root, name), join(place, name), { recursive: true })
  for (const name of [...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }), 'express']) {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  }
  const test = programOf('gateway.test.mts')
  for (const name of ['gateway.mts', 'gateway.test.mts', 'queue-scheduler.mts']) write(name, programOf(name))
  for (const [index, [name, right, wrong]] of broken.entries()) {
    const code = programOf('gateway.mts').replace(right, wrong)
    if (code === programOf('gateway.mts')) throw new Error(`the gateway of the guide has no ${right}: ${name}`)
    write(`broken-${index}.mts`, code)
    write(`broken-${index}.test.mts`, test.replace('./gateway.mjs', `./broken-${index}.mjs`))
  }
  for (const [name, code] of Object.entries(others)) write(name, code)
  await runVitest()
  results = resultsIn(folder)
}, 120_000)

/** It exits with 1, since some tests fail. */
const runVitest = () =>
  new Promise<void>((resolve) => {
    const { PATH, HOME } = process.env
    execFile(process.execPath, [...runTests, '--no-isolate'], { cwd: folder, env: { PATH, HOME } }, () => resolve())
  })

const resultOf = (file: string): FileResult => {
  const found = results.get(file)
  if (found === undefined) throw new Error(`vitest did not run ${file}`)
  return found
}

it('the transport of the guide passes', () => {
  const { passed, skipped, failed } = resultOf('gateway.test.mts')
  expect(failed).toEqual(new Map())
  expect(skipped).toEqual(['checks an account without sending'])
  expect(passed.length).toBeGreaterThanOrEqual(7)
})

it('the scheduler of the guide passes, on a queue that can be emptied', () => {
  const { passed, skipped, failed } = resultOf('queue-scheduler.test.mts')
  expect(failed).toEqual(new Map())
  expect(skipped).toEqual([
    'wakes for what it is fed after it',
    'costs no reminder, and sends none twice, in the middle of many',
  ])
  expect(passed.length).toBeGreaterThanOrEqual(23)
})

it.each(broken.map(([name, , , said], index) => [name, `broken-${index}.test.mts`, said] as const))(
  'a transport with %s fails in words',
  (_name, file, said) => {
    const { passed, failed } = resultOf(file)
    expect([...failed.values()].join('\n')).toMatch(said)
    expect(passed.length, 'tests that it still passes').toBeGreaterThan(3)
  },
)

it.each([
  [
    'a scheduler that goes on after stop()',
    'restless-scheduler.test.mts',
    'wakes no more once it is stopped, and may be stopped twice and asked after it',
    /wake-ups after stop\(\): expected \d to be \+0/,
  ],
  [
    'a storage that mixes up outcomes',
    'muddled-storage.test.mts',
    'lets the first of two intents in one call win',
    /expected \[ 'lost', 'committed' \] to deeply equal \[ 'committed', 'lost' \]/,
  ],
  [
    'a router that takes no OPTIONS',
    'deaf-router.test.mts',
    'another method is 405 with Allow; OPTIONS tells what is allowed',
    /expected \[ 200, .*, 'OK' \] to deeply equal \[ 204, 'POST, OPTIONS', '' \]/,
  ],
])('%s fails in words', (_what, file, title, said) => {
  const { passed, failed } = resultOf(file)
  expect([...failed.keys()]).toContain(title)
  expect(failed.get(title)).toMatch(said)
  expect(passed.length, 'tests that it still passes').toBeGreaterThan(10)
})
