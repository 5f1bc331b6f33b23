/** The adapters that adapters/README.md shows as code, written from it alone, through the suites that every adapter passes. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { type Scheduler, silentLogger, type Transport } from '../../src/index.ts'
import { programs } from '../package/guides.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { MemoryEngine } from '../support/memory-engine.ts'
import { schedulerConformance } from './scheduler/index.ts'
import { conformanceCanaries, transportConformance } from './transport/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'guide-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The program that exports `name`. */
function programOf(name: string): string {
  const found = programs.find(
    ({ guide, code }) => guide === 'adapters/README.md' && code.includes(`export function ${name}(`),
  )
  if (found === undefined) throw new Error(`adapters/README.md has no ${name}`)
  return found.code
}

async function load<Made>(name: string): Promise<Made> {
  const file = join(folder, `${name}.ts`)
  writeFileSync(file, programOf(name))
  return (await import(file))[name]
}

transportConformance('the gateway of the guide', async () => {
  const gateway = await load<(options: { url: string; token: string }) => Transport>('gateway')
  const keys: string[] = []
  let refusing = false
  const server = createServer(async (request, response) => {
    for await (const _chunk of request) {
    }
    if (!refusing) keys.push(String(request.headers['idempotency-key']))
    response.writeHead(refusing ? 422 : 200, { 'message-id': 'm-1' }).end(Object.values(conformanceCanaries).join(' '))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    transport: gateway({ url: `http://127.0.0.1:${port}/`, token: 'canary-token' }),
    channel: 'SMS',
    context: { account: null, accountKey: 'none', trusted: true, now: () => new Date() },
    received: async () => keys,
    refuse() {
      refusing = true
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
})

type Job = { readonly id: string; readonly runAt: Date }
type Queue = {
  add(job: Job): Promise<void>
  work(handle: (job: Pick<Job, 'runAt'>) => void): Promise<{ stop(): Promise<void> }>
}

schedulerConformance('the queue of the guide', async () => {
  const queueScheduler = await load<(queue: Queue) => Scheduler>('queueScheduler')
  const clock = new ManualClock('2031-03-10T12:00:00Z')
  const engine = new MemoryEngine(clock)
  const queue: Queue = {
    add: ({ id, runAt }) => engine.side().set([{ key: id, at: runAt }]),
    async work(handle) {
      const side = engine.side()
      await side.open({ ring: (runAt) => handle({ runAt }), clock, logger: silentLogger })
      return { stop: () => side.close() }
    },
  }
  return {
    scheduler: () => queueScheduler(queue),
    clock,
    pass: (ms) => clock.advance(ms),
    jump: (to) => clock.jump(to),
    empty: async () => engine.empty(),
  }
}, ['an engine that is started again'])

it('the logger of the guide writes a line of JSON', () => {
  const code = programs.find((one) => one.guide === 'adapters/README.md' && one.code.includes('const logger'))?.code
  const script = `${code}\nlogger.warn('account paused', { code: 'smtp_535' }); logger.debug('nothing')`
  const [line = '', ...more] = execFileSync(process.execPath, ['--input-type=module-typescript', '--eval', script])
    .toString()
    .split('\n')
  expect(more).toEqual([''])
  expect(JSON.parse(line)).toMatchObject({ level: 'warn', message: 'account paused', code: 'smtp_535' })
})
