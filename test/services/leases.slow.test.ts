/** Who holds a message that is being sent, among processes that share a database and no clock. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it, onTestFinished } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { NotificationError, type NotificationsOptions, type Transport } from '../../src/index.ts'
import type { Store } from '../../src/records/store.ts'
import { HostData, openClinic, organizationId } from '../support/clinic.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { sqlite } from '../support/stores.ts'

const second = 1000
const minute = 60 * second
const startsAt = new Date('2026-03-21T12:00:00Z')
const before = '2026-03-20T11:59:00Z'
const patient = (id: number) => ({ type: 'PATIENT', id, email: `p${id}@example.org` }) as const

async function file(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'leases-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return join(directory, 'rows.sqlite')
}

/** A provider that accepts at once, and says so when the test wants it to. */
function provider() {
  const outbox = capture()
  const answers: (() => void)[] = []
  let isSlow = true
  const transport: Transport = {
    ...outbox,
    concurrency: 100,
    async send(message, context) {
      const receipt = await outbox.send(message, context)
      if (isSlow) await new Promise<void>((resolve) => answers.push(resolve))
      return receipt
    },
  }
  return {
    transport,
    sentTo: () => outbox.sent.map(({ to }) => to),
    sent: outbox.sent,
    answer: () => {
      isSlow = false
      for (const resolve of answers.splice(0)) resolve()
    },
  }
}

const readers = new Set(['claims', 'get', 'list', 'due', 'nextDueAt', 'dueTimes', 'find', 'listMany'])
const refuses = {
  everything: () => true,
  writes: (name: string) => !readers.has(name),
  outcomes: (name: string) => name === 'settle' || name === 'renew',
}

/** A storage that refuses its process what the test wants it to. */
function severable(storage: Store) {
  let fault: NotificationError | null = null
  let isRefused: (name: string) => boolean = refuses.everything
  const severed = <Store extends object>(store: Store): Store =>
    new Proxy(store, {
      get(target, name) {
        const method: unknown = Reflect.get(target, name)
        if (typeof method !== 'function') return method
        return (...args: unknown[]) =>
          fault !== null && isRefused(String(name)) ? Promise.reject(fault) : method.apply(target, args)
      },
    })
  return {
    storage: {
      ...storage,
      deliveries: severed(storage.deliveries),
      reminders: severed(storage.reminders),
      jobs: severed(storage.jobs),
      plans: severed(storage.plans),
      settings: severed(storage.settings),
    },
    sever: (what: keyof typeof refuses = 'everything', code: 'storage_busy' | 'storage_failed' = 'storage_busy') => {
      fault = new NotificationError(code, 'The database is away.')
      isRefused = refuses[what]
    },
    restore: () => {
      fault = null
    },
  }
}

const leases = { leaseMs: minute, sendTimeoutMs: 30 * minute, sweepMs: 30 * second }

type Wished = { readonly aheadMs?: number; readonly options?: Partial<NotificationsOptions> }

/** Processes on one database, each with a provider and a clock of its own; time passes for all of them alike. */
async function workers(count: number, wished: readonly Wished[]) {
  const path = await file()
  const host = new HostData()
  const open = async ({ aheadMs = 0, options = {} }: Wished) => {
    const mail = provider()
    const clock = new ManualClock(new Date(new Date(before).getTime() + aheadMs))
    const place = severable(sqlite({ path, busyTimeoutMs: 20 }))
    const clinic = await openClinic(before, {
      ...leases,
      storage: place.storage,
      transports: [mail.transport],
      ...options,
      clock,
      directory: host,
    })
    return { clinic, clock, ...mail, ...place }
  }
  const opened: Awaited<ReturnType<typeof open>>[] = []
  for (const one of wished) opened.push(await open(one))
  const [first] = opened
  if (first === undefined) throw new Error('expected a worker')
  const ids = Array.from({ length: count }, (_, index) => index + 1)
  for (const id of ids) host.book({ id, startsAt, recipients: [patient(id)] })
  await first.clinic.notifications.scheduleMany(ids, { customReminders: [24] })
  const pass = async (ms: number, stepMs = second) => {
    for (let passed = 0; passed < ms; passed += stepMs) for (const { clock } of opened) await clock.advance(stepMs)
  }
  onTestFinished(async () => {
    for (const { answer, restore } of opened) {
      answer()
      restore()
    }
    await pass(second)
    for (const { clinic } of opened) await clinic[Symbol.asyncDispose]()
  })
  const history = async () => (await first.clinic.notifications.history({ state: 'all', limit: 200 })).notifications
  const sentTo = () => opened.flatMap((one) => one.sentTo())
  return { opened, first, path, pass, history, sentTo }
}

const twice = (sentTo: readonly string[]) => sentTo.length - new Set(sentTo).size

describe('workers that live', () => {
  it.each([65, -65, 3600])('send nothing twice where the clock of one is %i s ahead', async (seconds) => {
    const { opened, pass, sentTo, history } = await workers(20, [{}, { aheadMs: seconds * second }])
    const [one, other] = opened
    await one?.clinic.start()
    await pass(minute + second)
    await other?.clinic.start()
    await pass(5 * minute)
    for (const { answer } of opened) answer()
    await pass(2 * minute)
    expect(twice(sentTo())).toBe(0)
    expect((await history()).map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 'SENT'))
  })

  it.each([120 * second, 8 * 3600 * second, -3600 * second])(
    'send nothing twice where the clock is set by %i ms during a send',
    async (ms) => {
      const { opened, first, pass, sentTo, history } = await workers(5, [{}, {}])
      await first.clinic.start()
      await pass(minute + second)
      await opened[1]?.clinic.start()
      for (const { clock } of opened) clock.step(ms)
      await pass(3 * minute)
      first.answer()
      await pass(minute)
      expect(sentTo()).toHaveLength(5)
      expect((await history()).map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => 'SENT'))
    },
  )

  it('take nothing over from one with a longer lease than their own', async () => {
    const impatient = { options: { leaseMs: 5 * second } }
    const { opened, first, pass, sentTo } = await workers(3, [{}, impatient])
    await first.clinic.start()
    await pass(minute + second)
    await opened[1]?.clinic.start()
    await pass(10 * minute)
    expect(sentTo()).toHaveLength(3)
  })

  it('stop what they send as soon as they learn that another has it', async () => {
    const { opened, first, pass, history } = await workers(1, [{}, {}])
    const [, other] = opened
    await first.clinic.start()
    await pass(minute + second)
    await other?.clinic.start()
    await pass(second)
    // It stands still for three minutes, while the other one goes on.
    await other?.clock.advance(3 * minute)
    expect(other?.sent).toHaveLength(1)
    first.clock.jump(new Date(first.clock.now().getTime() + 3 * minute))
    first.answer()
    await pass(second)
    expect(await history()).toMatchObject([{ status: 'SENT' }])
    const lines = await first.clinic.notifications.explain(1)
    expect(lines.filter(({ rule }) => rule === 'late_outcome')).toMatchObject([{ action: 'late', offset: '24h' }])
    // The other one hears that it is over, and what it has to say is recorded too.
    other?.answer()
    await pass(second)
    expect(first.clinic.told.filter(({ name }) => name === 'reminder.sent')).toHaveLength(1)
    expect(other?.clinic.told.filter(({ name }) => name === 'reminder.sent')).toHaveLength(0)
  })
})

describe('a worker that is gone', () => {
  it.each([0, 65, -65, 3600, -3600])(
    'is found out within its lease and a sweep by one whose clock is %i s ahead, which goes on under the same key',
    async (seconds) => {
      const { opened, first, pass, history } = await workers(3, [{}, { aheadMs: seconds * second }])
      const [, other] = opened
      await first.clinic.start()
      await pass(minute + second)
      const lost = first.sent.length
      first.sever()
      await other?.clinic.start()
      other?.answer()
      await other?.clock.advance(leases.leaseMs - 2 * second)
      expect(other?.sent).toHaveLength(3 - lost)
      await other?.clock.advance(leases.sweepMs + 2 * second)
      expect(other?.sent).toHaveLength(3)
      const keys = (one: typeof first | undefined) => one?.sent.map(({ idempotencyKey }) => idempotencyKey).toSorted()
      expect(keys(other)).toEqual(expect.arrayContaining(keys(first) ?? []))
      first.restore()
      expect((await history()).map(({ status }) => status)).toEqual(['SENT', 'SENT', 'SENT'])
    },
  )

  it('is found out within two leases also where sweeps are rare', async () => {
    const rarely = { options: { sweepMs: 24 * 3600 * second } }
    // Whoever survives looks at what is due first, before the other one has claimed anything.
    const { opened, pass } = await workers(20, [rarely, rarely])
    const [survivor, other] = opened
    survivor?.answer()
    for (const { clinic } of opened.toReversed()) await clinic.start()
    await pass(minute + second)
    const lost = other?.sentTo() ?? []
    expect(lost.length).toBeGreaterThan(0)
    other?.sever()
    await survivor?.clock.advance(2 * leases.leaseMs + 5 * second)
    expect(survivor?.sentTo()).toEqual(expect.arrayContaining(lost))
  })

  it('is seen by its messages, where nobody else sends, and when another process goes on with them', async () => {
    const { opened, first, pass } = await workers(2, [{}, {}])
    const [, other] = opened
    await first.clinic.start()
    await pass(minute + second)
    const well = await other?.clinic.health()
    expect(well).toMatchObject({ status: 'ok', scheduler: { status: 'ok', lagMs: 0, nextDueAt: null, fault: null } })
    first.sever()
    await pass(5 * minute)
    const unattended = await other?.clinic.health()
    expect(unattended).toMatchObject({
      status: 'degraded',
      scheduler: { fault: expect.stringContaining('call start() here'), organizations: { ids: [organizationId] } },
    })
    expect(unattended?.scheduler.lagMs).toBeGreaterThan(3 * minute)
    const { findings = [] } = (await other?.clinic.checkUp()) ?? {}
    expect(findings).toContainEqual(expect.objectContaining({ code: 'not_started' }))
    await other?.clinic.notifications.scheduleReminders(1, { customReminders: [24, 2] })
    const warned = 'not sent by any process'
    await expect.poll(() => other?.clinic.log.lines.filter((line) => line.includes(warned))).toHaveLength(1)
    await other?.clinic.start()
    other?.answer()
    await pass(second)
    expect((await other?.clinic.health())?.scheduler).toMatchObject({
      status: 'degraded',
      fault: expect.stringContaining('another takes them over'),
    })
    await pass(2 * minute)
    expect(other?.sent).toHaveLength(2)
    expect((await other?.clinic.health())?.scheduler).toMatchObject({ status: 'ok', lagMs: 0, fault: null })
  })

  it('is followed by one of two', async () => {
    const { opened, first, pass } = await workers(5, [{}, {}, { aheadMs: 30 * second }])
    await first.clinic.start()
    await pass(minute + second)
    first.sever()
    for (const { clinic, answer } of opened.slice(1)) {
      await clinic.start()
      answer()
    }
    await pass(3 * minute)
    const again = opened.slice(1).flatMap((one) => one.sentTo())
    expect(again.toSorted()).toEqual(first.sentTo().toSorted())
  })

  it('is held under the policy "hold"', async () => {
    const { opened, first, pass, history } = await workers(1, [{}, {}])
    await first.clinic.settings.createOrganizationSettings(organizationId, { unknownOutcome: 'hold' })
    await first.clinic.start()
    await pass(minute + second)
    first.sever()
    await opened[1]?.clinic.start()
    await opened[1]?.clock.advance(3 * minute)
    first.restore()
    expect(opened[1]?.sent).toEqual([])
    expect(await history()).toMatchObject([{ state: 'unknown', status: null }])
  })
})

describe('what was accepted', () => {
  const wellAgain = async (world: Awaited<ReturnType<typeof workers>>, count: number) => {
    await world.pass(2 * minute)
    expect(world.sentTo()).toHaveLength(count)
    expect((await world.history()).map(({ status }) => status)).toEqual(Array.from({ length: count }, () => 'SENT'))
    for (const { clinic } of world.opened) {
      // Said once a minute, not at every try.
      expect(clinic.log.lines.filter((line) => line.includes('storing results failed')).length).toBeLessThan(15)
    }
  }

  it.each(['storage_busy', 'storage_failed'] as const)(
    'is written when the database is back after five minutes, and sent once: %s, for everybody',
    async (code) => {
      const world = await workers(20, [{}, { aheadMs: 65 * second }])
      const { opened, pass } = world
      for (const { clinic } of opened) await clinic.start()
      await pass(minute + second)
      expect(world.sentTo()).toHaveLength(20)
      for (const { sever } of opened) sever('everything', code)
      for (const { answer } of opened) answer()
      await pass(5 * minute)
      for (const { restore } of opened) restore()
      await wellAgain(world, 20)
      const again = opened.filter(({ clinic }) => clinic.log.lines.some((line) => line.includes('are stored again')))
      expect(again).not.toEqual([])
    },
  )

  it('is not begun again while nobody can write, though it can be read: a full disk, a server that is read-only', async () => {
    const world = await workers(20, [{ options: { leaseMs: 5 * second } }, { options: { leaseMs: 5 * second } }])
    const { opened, pass } = world
    for (const { clinic } of opened) await clinic.start()
    await pass(minute + second)
    for (const { sever } of opened) sever('writes', 'storage_failed')
    for (const { answer } of opened) answer()
    await pass(minute)
    for (const { restore } of opened) restore()
    await wellAgain(world, 20)
  })

  it('is not begun again by the process that has still to write it', async () => {
    const world = await workers(5, [{}])
    const { first, pass } = world
    await first.clinic.start()
    await pass(minute + second)
    first.sever('outcomes')
    first.answer()
    await pass(10 * minute)
    first.restore()
    await wellAgain(world, 5)
  })

  it('is sent once where another process has SQLite locked for longer than a lease', async () => {
    const world = await workers(20, [{ options: { leaseMs: 5 * second } }, { options: { leaseMs: 5 * second } }])
    const { opened, path, pass } = world
    for (const { clinic } of opened) await clinic.start()
    await pass(minute + second)
    const stranger = new Database(path)
    stranger.exec('begin immediate')
    for (const { answer } of opened) answer()
    // Waiting for the lock takes real time.
    for (let count = 0; count < 30; count += 1) {
      await pass(second)
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    stranger.exec('rollback')
    stranger.close()
    // And so does writing what waited for it, for which a challenge leaves two seconds.
    for (let count = 0; count < 20; count += 1) {
      await pass(second / 10)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await wellAgain(world, 20)
  })

  it('is given up by a process that stops meanwhile, which says which', async () => {
    const { first, pass } = await workers(2, [{}])
    await first.clinic.start()
    await pass(minute + second)
    first.sever()
    first.answer()
    await pass(second)
    const stopped = first.clinic.stop()
    await first.clock.advance(12 * second)
    expect(await stopped).toMatchObject({ unrecorded: [1, 2], unfinished: [] })
    const lines = first.clinic.log.lines.filter((line) => line.includes('that were sent but not recorded'))
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ count: 2, ids: '1, 2' }])
  })
})

it('a lease that cannot be renewed ends the attempt, however the clock is set', async () => {
  const { first, pass } = await workers(1, [{}])
  await first.clinic.start()
  await pass(minute + second)
  first.sever()
  first.clock.step(-3600 * second)
  await pass(leases.leaseMs - 4 * second)
  expect(first.clinic.log.lines.filter((line) => line.includes('renewing a lease failed')).length).toBeGreaterThan(0)
  first.restore()
  await pass(10 * minute)
  first.answer()
  await pass(second)
  expect(first.sent).toHaveLength(1)
})
