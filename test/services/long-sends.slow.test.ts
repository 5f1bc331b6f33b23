import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { NotificationError, type Transport, TransportError } from '../../src/index.ts'
import type { Store } from '../../src/records/store.ts'
import { openClinic, organizationId } from '../support/clinic.ts'
import { sqlite } from '../support/stores.ts'

const startsAt = new Date('2026-03-21T12:00:00Z')
const before = '2026-03-20T11:59:00Z'
const patient = { type: 'PATIENT', id: 1, email: 'ada@example.org' } as const
const minute = 60_000

/** A provider that answers when the test says so. */
function slowProvider() {
  const outbox = capture()
  const begun: { readonly signal: AbortSignal; readonly answer: () => void }[] = []
  const transport: Transport = {
    ...outbox,
    send: (message, context) =>
      new Promise((resolve) => {
        begun.push({ signal: context.signal, answer: () => resolve(outbox.send(message, context)) })
      }),
  }
  return { begun, transport, outbox }
}

async function withFile(work: (path: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'long-sends-'))
  try {
    await work(join(directory, 'rows.sqlite'))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** A database that is away whenever a lease is to be renewed. */
function withoutRenewal() {
  const storage = sqlite(':memory:')
  let asked = 0
  const renew = () => {
    asked += 1
    return Promise.reject(new NotificationError('storage_failed', 'The database is away.'))
  }
  const forgetful: Store = { ...storage, deliveries: { ...storage.deliveries, renew } }
  return { storage: forgetful, asked: () => asked }
}

const leases = { leaseMs: 5000, sendTimeoutMs: 20_000, sweepMs: 1000 }

describe('a send that takes longer than its lease', () => {
  it('keeps the delivery, and is told as sent', () =>
    withFile(async (path) => {
      const one = slowProvider()
      const other = slowProvider()
      await using clinic = await openClinic(before, { ...leases, storage: sqlite(path), transports: [one.transport] })
      const { clock, host } = clinic
      await using rival = await openClinic(before, {
        ...leases,
        storage: sqlite(path),
        transports: [other.transport],
        clock,
        directory: host,
      })
      host.book({ id: 1, startsAt, recipients: [patient] })
      await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
      await clinic.start()
      await clock.advance(minute)
      await rival.start()
      for (let second = 0; second < 15; second += 1) await clock.advance(1000)
      expect(one.begun).toHaveLength(1)
      expect(other.begun).toHaveLength(0)
      one.begun[0]?.answer()
      await clinic.settle()
      const { notifications } = await clinic.notifications.history()
      expect(notifications).toMatchObject([{ status: 'SENT' }])
    }))

  it('keeps all that goes out in its message', () =>
    withFile(async (path) => {
      const [one, other] = [slowProvider(), slowProvider()]
      await using clinic = await openClinic(before, { ...leases, storage: sqlite(path), transports: [one.transport] })
      const { clock, host } = clinic
      const more = { ...leases, storage: sqlite(path), transports: [other.transport], clock, directory: host }
      await using rival = await openClinic(before, more)
      await clinic.settings.createOrganizationSettings(organizationId, { oneMessagePerDay: true, quietHours: [] })
      for (const id of [1, 2]) {
        host.book({ id, startsAt, recipients: [patient] })
        await clinic.notifications.scheduleReminders(id, { customReminders: [24] })
      }
      await clinic.start()
      await clock.advance(minute)
      await rival.start()
      for (let second = 0; second < 15; second += 1) await clock.advance(1000)
      expect([one.begun.length, other.begun.length]).toEqual([1, 0])
      one.begun[0]?.answer()
      await clinic.settle()
      const { notifications } = await clinic.notifications.history()
      expect(notifications.map(({ status }) => status)).toEqual(['SENT', 'SENT'])
    }))

  it('is ended when it has taken as long as a send may', async () => {
    const { begun, transport } = slowProvider()
    await using clinic = await openClinic(before, { ...leases, transports: [transport] })
    clinic.host.book({ id: 1, startsAt, recipients: [patient] })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    await clinic.start()
    await clinic.clock.advance(minute + 19_000)
    expect(begun.map(({ signal }) => signal.aborted)).toEqual([false])
    await clinic.clock.advance(2000)
    expect(begun.map(({ signal }) => signal.aborted)).toEqual([true])
    const [line] = (await clinic.notifications.explain(1)).slice(-1)
    expect(line).toMatchObject({ action: 'retried', rule: 'unknown_retry' })
  })

  it('is ended before its lease is over where the database cannot renew it', async () => {
    const { begun, transport } = slowProvider()
    const { storage: forgetful, asked } = withoutRenewal()
    await using clinic = await openClinic(before, { ...leases, storage: forgetful, transports: [transport] })
    clinic.host.book({ id: 1, startsAt, recipients: [patient] })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    await clinic.start()
    await clinic.clock.advance(minute + 3900)
    expect(begun.map(({ signal }) => signal.aborted)).toEqual([false])
    await clinic.clock.advance(200)
    expect(begun.map(({ signal }) => signal.aborted)).toEqual([true])
    expect(asked()).toBeGreaterThan(1)
  })
})

/** A provider that says nothing, and when it is told to stop knows that the message was not begun. */
function queueingProvider(answers: () => boolean) {
  const outbox = capture()
  let asked = 0
  const transport: Transport = {
    ...outbox,
    send(message, context) {
      asked += 1
      if (answers()) return outbox.send(message, context)
      return new Promise((_resolve, reject) => {
        const tell = () => reject(new TransportError('Not begun.', { outcome: 'transient', code: 'aborted' }))
        if (context.signal.aborted) tell()
        else context.signal.addEventListener('abort', tell)
      })
    },
  }
  return { transport, outbox, asked: () => asked }
}

describe('a send that this process gives up before the message was begun', () => {
  it('costs no attempt where its lease could not be renewed, however often', async () => {
    let answers = false
    const { transport, outbox, asked } = queueingProvider(() => answers)
    const { storage } = withoutRenewal()
    await using clinic = await openClinic(before, { ...leases, storage, transports: [transport] })
    const { clock } = clinic
    clinic.host.book({ id: 1, startsAt, recipients: [patient] })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    await clinic.start()
    await clock.advance(minute)
    for (let count = 1; count <= 6; count += 1) {
      expect(asked()).toBe(count)
      await clock.advance(4100)
    }
    answers = true
    await clock.advance(4100)
    expect(outbox.sent).toHaveLength(1)
  })

  it('goes out at once in the next process where it was stopped', () =>
    withFile(async (path) => {
      const one = queueingProvider(() => false)
      const next = capture()
      await using clinic = await openClinic(before, {
        ...leases,
        drainMs: 0,
        storage: sqlite(path),
        transports: [one.transport],
      })
      const { clock, host } = clinic
      host.book({ id: 1, startsAt, recipients: [patient] })
      await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
      await clinic.start()
      await clock.advance(minute)
      const stopped = clinic.stop()
      await clock.advance(1)
      await stopped
      await using other = await openClinic(before, {
        ...leases,
        storage: sqlite(path),
        transports: [next],
        clock,
        directory: host,
      })
      await other.start()
      await clock.advance(1)
      expect(next.sent).toHaveLength(1)
    }))

  it('is a failed attempt where the provider took as long as a send may', async () => {
    const { transport, asked } = queueingProvider(() => false)
    const retry = { maxRetries: 3 }
    await using clinic = await openClinic(before, { ...leases, retry, transports: [transport] })
    clinic.host.book({ id: 1, startsAt, recipients: [patient] })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    await clinic.start()
    for (let count = 0; count < 60; count += 1) await clinic.clock.advance(minute)
    expect(asked()).toBe(4)
    const { notifications } = await clinic.notifications.history()
    expect(notifications).toMatchObject([{ status: 'FAILED' }])
  })
})

describe('a transport that never answers', () => {
  it('gives its place back when its time is over, and keeps nobody from stopping', async () => {
    const begun: string[] = []
    const silent: Transport = {
      ...capture(),
      concurrency: 1,
      send: (message) => {
        begun.push(message.to)
        return new Promise(() => {})
      },
    }
    const clinic = await openClinic(before, {
      transports: [silent],
      sendTimeoutMs: 5000,
      drainMs: 500,
    })
    for (const id of [1, 2]) {
      clinic.host.book({ id, startsAt, recipients: [{ ...patient, id, email: `p${id}@example.org` }] })
    }
    await clinic.notifications.scheduleMany([1, 2], { customReminders: [24] })
    await clinic.start()
    await clinic.clock.advance(minute + 20_000)
    expect(new Set(begun)).toEqual(new Set(['p1@example.org', 'p2@example.org']))
    const stopped = clinic.stop()
    await clinic.clock.advance(2000)
    await stopped
  })
})
