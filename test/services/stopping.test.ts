/** What a host sees that stops the library while something of the outside hangs. */
import { describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import type { Scheduler, Transport } from '../../src/index.ts'
import type { Store } from '../../src/records/store.ts'
import { openClinic, testKey } from '../support/clinic.ts'
import { turns } from '../support/manual-clock.ts'
import { sqlite } from '../support/stores.ts'

const start = new Date('2026-03-03T12:00:00Z')
const due = '2026-03-02T12:00:00Z'
const patient = (id: number) => ({ type: 'PATIENT', id, email: `p${id}@example.org` }) as const
const never = (): Promise<never> => new Promise(() => {})

async function openBooked(options: Parameters<typeof openClinic>[1] = {}, count = 2) {
  const clinic = await openClinic('2026-03-02T11:59:30Z', { drainMs: 3000, ...options })
  for (let id = 1; id <= count; id += 1) clinic.host.book({ id, startsAt: start, recipients: [patient(id)] })
  await clinic.notifications.scheduleMany([...clinic.host.appointmentRows.keys()], { customReminders: [24] })
  return clinic
}

/** Stops, and says what was reported and how long it took by the clock, which is driven for `drainMs` and two seconds at most. */
async function stopped(clinic: Awaited<ReturnType<typeof openClinic>>, mostMs = 5000) {
  const began = clinic.clock.elapsedMs()
  let ms = -1
  const stopping = clinic.stop().then((report) => {
    ms = clinic.clock.elapsedMs() - began
    return report
  })
  for (let passed = 0; passed <= mostMs && ms < 0; passed += 100) await clinic.clock.advance(100)
  expect(ms).toBeGreaterThanOrEqual(0)
  return { report: await stopping, ms }
}

const nothing = { unrecorded: [], unfinished: [], abandoned: [] }

describe('stop()', () => {
  it('ends at once where nothing is under way, and reports that nothing was left', async () => {
    const clinic = await openBooked()
    await clinic.start()
    const { report, ms } = await stopped(clinic)
    expect(report).toEqual(nothing)
    expect(ms).toBeLessThanOrEqual(100)
    expect(await clinic.stop()).toBe(report)
  })

  it('ends in its time although the directory never answers', async () => {
    const clinic = await openBooked({ taskManager: { url: 'http://127.0.0.1:9' }, publicUrl: 'http://clinic.example' })
    Object.assign(clinic.host, { appointments: never, organizations: never, upcoming: never })
    await clinic.start()
    const call = clinic.notifications.scheduleReminders(9).catch((error: unknown) => error)
    const run = clinic.reconcile().catch((error: unknown) => error)
    await clinic.clock.advanceTo(due)
    await clinic.clock.advance(3000)
    const { ms } = await stopped(clinic)
    expect(ms).toBeLessThanOrEqual(5000)
    expect(await call).toMatchObject({ code: 'directory_failed' })
    expect(await run).toMatchObject({ status: 'stopped' })
  })

  it('names the messages that a transport says nothing about, and the transport that does not close', async () => {
    const silent: Transport = { ...capture(), name: 'silent', send: never, close: never }
    const clinic = await openBooked({ transports: [silent] })
    await clinic.start()
    await clinic.clock.advanceTo(due)
    const { report, ms } = await stopped(clinic)
    expect(report).toEqual({ ...nothing, abandoned: ['transport silent'] })
    expect(ms).toBeLessThanOrEqual(5000)
    expect(clinic.log.lines.filter((line) => line.includes('did not stop in time'))).toEqual([
      expect.stringContaining('transport silent'),
    ])
  })

  it('names the messages that were accepted and could not be recorded', async () => {
    const memory = sqlite(':memory:')
    let isAway = false
    const storage: Store = {
      ...memory,
      deliveries: {
        ...memory.deliveries,
        settle: (commands) => (isAway ? never() : memory.deliveries.settle(commands)),
      },
    }
    const outbox = capture()
    const mail: Transport = {
      ...outbox,
      send: (message, context) => {
        isAway = true
        return outbox.send(message, context)
      },
    }
    const clinic = await openBooked({ storage, transports: [mail] })
    await clinic.start()
    await clinic.clock.advanceTo(due)
    const { report } = await stopped(clinic)
    expect(report).toMatchObject({
      unrecorded: [1, 2],
      unfinished: [],
      abandoned: [],
    })
    const said = clinic.log.lines.filter((line) => line.includes('accepted and not recorded'))
    expect(said).toEqual([expect.stringContaining('"ids":"1, 2"')])
  })

  it('ends in its time although the database, the scheduler and TaskManager hang', async () => {
    const memory = sqlite(':memory:')
    let isHung = false
    const hung = <Method extends (...args: never[]) => Promise<unknown>>(method: Method): Method =>
      new Proxy(method, { apply: (target, self, args) => (isHung ? never() : Reflect.apply(target, self, args)) })
    const hanging = <Store extends object>(store: Store): Store =>
      new Proxy(store, {
        get: (target, name) => {
          const value = Reflect.get(target, name)
          return typeof value === 'function' ? hung(value.bind(target)) : value
        },
      })
    const storage: Store = {
      ...memory,
      deliveries: hanging(memory.deliveries),
      reminders: hanging(memory.reminders),
      plans: hanging(memory.plans),
      jobs: hanging(memory.jobs),
      settings: hanging(memory.settings),
      tasks: hanging(memory.tasks),
      close: never,
    }
    const scheduler: Scheduler = { name: 'stuck', start: async () => {}, wakeAt: () => {}, stop: never }
    const clinic = await openBooked({
      storage,
      scheduler,
      taskManager: { url: 'http://127.0.0.1:9', fetch: never, mode: 'trigger' },
      publicUrl: 'http://clinic.example',
      encryptionKey: testKey,
    })
    await clinic.start()
    isHung = true
    await clinic.clock.advanceTo(due)
    const { report, ms } = await stopped(clinic)
    expect(ms).toBeLessThanOrEqual(5000)
    expect(report.abandoned).toEqual(expect.arrayContaining(['scheduler stuck', 'storage']))
    await memory.close()
  })

  it('may be called while start() is still running, and leaves nothing running', async () => {
    const begun = Promise.withResolvers<void>()
    let stops = 0
    const scheduler: Scheduler = {
      name: 'slow',
      start: () => begun.promise,
      wakeAt: () => {},
      stop: async () => {
        stops += 1
      },
    }
    const clinic = await openBooked({ scheduler })
    const starting = clinic.start().catch((error: unknown) => error)
    await turns()
    const { report } = await stopped(clinic)
    begun.resolve()
    expect(await starting).toMatchObject({ code: 'storage_closed' })
    expect(report).toEqual(nothing)
    expect(stops).toBeGreaterThan(1)
    await clinic.clock.advanceTo('2026-03-03T00:00:00Z')
    expect(clinic.outbox.sent).toEqual([])
    expect(clinic.clock.timers).toBe(0)
    await expect(clinic.start()).rejects.toMatchObject({ code: 'storage_closed' })
  })

  it('leaves no timer behind that would keep the process from ending', async () => {
    const clinic = await openBooked()
    await clinic.start()
    clinic.host.fault = new Error('away')
    await clinic.clock.advanceTo(due)
    await clinic.clock.advance(5000)
    await stopped(clinic)
    expect(clinic.clock.timers).toBe(0)
  })
})

describe('start()', () => {
  it('called twice starts once, and may be called again after it failed', async () => {
    let starts = 0
    const scheduler: Scheduler = {
      name: 'shy',
      start: async () => {
        starts += 1
        if (starts === 1) throw new Error('not yet')
      },
      wakeAt: () => {},
      stop: async () => {},
    }
    await using clinic = await openBooked({ scheduler })
    const failed = await Promise.allSettled([clinic.start(), clinic.start()])
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await Promise.all([clinic.start(), clinic.start()])
    expect(starts).toBe(2)
  })

  it('says so where a scheduler does not start within fifteen seconds', async () => {
    const scheduler: Scheduler = { name: 'stuck', start: never, wakeAt: () => {}, stop: async () => {} }
    await using clinic = await openBooked({ scheduler })
    const starting = clinic.start().catch((error: unknown) => error)
    await clinic.clock.advance(15_000)
    expect(await starting).toMatchObject({ code: 'scheduler_failed', message: expect.stringContaining('stuck') })
  })
})

describe('a scheduler of the host', () => {
  it('that throws is timed for in this process', async () => {
    const scheduler: Scheduler = {
      name: 'broken',
      start: async () => {},
      wakeAt: () => {
        throw new Error('queue is closed')
      },
      stop: async () => {},
    }
    await using clinic = await openBooked({ scheduler })
    await clinic.start()
    await clinic.clock.advanceTo(due)
    expect(clinic.outbox.sent).toHaveLength(2)
    expect(clinic.log.lines.filter((line) => line.includes('scheduler not told'))).toHaveLength(1)
  })
})
