import { describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { createNotifications, type OutboundMessage, TransportError } from '../../src/index.ts'
import { temporaryFile } from '../adapters/storage/sqlite/fixture.ts'
import { ada, HostData, openClinic, organizationId, otherOrganizationId, testKey } from '../support/clinic.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { sqlite } from '../support/stores.ts'

const minute = 60_000
const hour = 60 * minute
const begin = '2026-03-18T12:00:00Z'
const at = (ms: number) => new Date(Date.parse(begin) + ms)

const refused = (code = 'smtp_421') => new TransportError('Refused.', { outcome: 'transient', code, scope: 'account' })
const later = (code = 'smtp_451') => new TransportError('Not now.', { outcome: 'transient', code })

/** A provider whose answer a test decides, message by message. */
function provider(answer: (message: OutboundMessage) => TransportError | null) {
  const tried: OutboundMessage[] = []
  const now = { answer }
  const fail = (message: OutboundMessage) => {
    tried.push(message)
    return now.answer(message)
  }
  return Object.assign(now, capture({ fail }), { concurrency: 10, tried })
}

const person = (id: number) => ({ ...ada, id, email: `p${id}@example.org`, phone: null })

/** Appointments with one person each; all their reminders are due two hours from now. */
async function clinicWith(transport: ReturnType<typeof provider>, starts: readonly Date[], offsets: number[] = [1]) {
  const clinic = await openClinic(begin, { transports: [transport] })
  for (const [index, startsAt] of starts.entries()) {
    clinic.host.book({ id: index + 1, startsAt, recipients: [person(index + 1)] })
    await clinic.notifications.scheduleReminders(index + 1, { customReminders: offsets })
  }
  await clinic.start()
  return clinic
}

const statusesOf = async (clinic: Awaited<ReturnType<typeof openClinic>>, count: number) =>
  (await Promise.all(Array.from({ length: count }, (_, index) => clinic.notifications.getReminders(index + 1))))
    .flat()
    .map(({ status }) => status)

describe('a mail server that answers 451', () => {
  it.for([15 * minute, hour, 8 * hour])('for %d ms gets the reminder when it takes mail again', async (outage) => {
    const transport = provider(() => later())
    await using clinic = await clinicWith(transport, [at(24 * hour)], [23])
    await clinic.clock.advance(hour + outage)
    expect(transport.sent).toHaveLength(0)
    transport.answer = () => null
    await clinic.clock.advance(15 * minute)
    expect(transport.sent).toHaveLength(1)
    expect(await statusesOf(clinic, 1)).toEqual(['SENT'])
    expect(new Set(transport.tried.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1)
  })

  it('until the start makes the reminder FAILED as too late, counted and reported', async () => {
    const transport = provider(() => later())
    await using clinic = await clinicWith(transport, [at(3 * hour)])
    await clinic.clock.advance(4 * hour)
    expect(await statusesOf(clinic, 1)).toEqual(['FAILED'])
    const last = Math.max(
      ...clinic.told.filter(({ name }) => name === 'reminder.failed').map(({ event }) => Number(Object(event).at)),
    )
    expect(last).toBeLessThan(Number(at(3 * hour)))
    expect(clinic.told.map(({ name }) => name)).toContain('reminder.failed')
    expect((await clinic.notifications.explain(1)).map(({ rule }) => rule)).toContain('too_late')
    expect((await clinic.statistics.read()).failed).toBe(1)
    const { notifications } = await clinic.notifications.history()
    expect(notifications).toMatchObject([{ status: 'FAILED', errorCode: 'too_late' }])
    expect(notifications[0]?.errorMessage).toContain('smtp_451')
  })

  it('to one recipient only (greylisting) delays nobody else', async () => {
    const transport = provider(({ to }) => (to === 'p1@example.org' ? later('smtp_450') : null))
    await using clinic = await clinicWith(transport, [at(3 * hour), at(3 * hour), at(3 * hour)])
    await clinic.clock.advance(2 * hour)
    expect(transport.sent.map(({ to }) => to).sort()).toEqual(['p2@example.org', 'p3@example.org'])
    transport.answer = () => null
    await clinic.clock.advance(5 * minute)
    expect(transport.sent).toHaveLength(3)
  })
})

describe('an account that is refused', () => {
  it('costs no attempt, is tried a handful of times a minute, and sends all when it works again, the nearest first', async () => {
    const count = 120
    const transport = provider(() => refused())
    const starts = Array.from({ length: count }, (_, index) => at(3 * hour + (count - index) * minute))
    await using clinic = await clinicWith(transport, starts, [1, 3])
    await clinic.clock.advance(2 * hour + count * minute - 30 * minute)
    transport.tried.length = 0
    await clinic.clock.advance(10 * minute)
    expect(transport.tried.length).toBeGreaterThan(8)
    expect(transport.tried.length).toBeLessThan(25)
    // Not always the same message, so that one bad address does not stand for the account.
    expect(new Set(transport.tried.map(({ to }) => to)).size).toBeGreaterThan(5)
    transport.answer = () => null
    await clinic.clock.advance(2 * minute)
    const sentOrder = transport.sent.map(({ to }) => Number(to.slice(1).split('@')[0]))
    expect(sentOrder.length).toBeGreaterThan(50)
    // The first one only tried the account; the others come by the start, within the places of the account.
    const order = sentOrder.slice(1).map((id) => count - id)
    const disorder = order.filter(
      (place, index) => index > 0 && place + transport.concurrency < Math.max(...order.slice(0, index)),
    )
    // But what was trying the account at that moment, which follows a second later.
    expect(disorder.length).toBeLessThanOrEqual(2)
    const { notifications } = await clinic.notifications.history({ limit: 200 })
    expect(notifications.filter(({ status }) => status === 'SENT').every(({ attempts }) => attempts === 1)).toBe(true)
  })

  it('fails what it can no longer send in time, and nothing else', async () => {
    const transport = provider(() => refused('smtp_535'))
    await using clinic = await clinicWith(transport, [at(3 * hour), at(30 * hour)])
    await clinic.clock.advance(3 * hour)
    expect(await statusesOf(clinic, 2)).toEqual(['FAILED', 'PENDING'])
    expect((await clinic.notifications.explain(1)).map(({ rule }) => rule)).toEqual(
      expect.arrayContaining(['account_paused', 'too_late']),
    )
    transport.answer = () => null
    await clinic.clock.advance(27 * hour)
    expect(await statusesOf(clinic, 2)).toEqual(['FAILED', 'SENT'])
  })

  it('is well again as soon as the server says something about one recipient', async () => {
    const transport = provider(() => refused())
    await using clinic = await clinicWith(transport, [at(3 * hour), at(3 * hour)])
    await clinic.clock.advance(2 * hour)
    transport.answer = ({ to }) =>
      to === 'p1@example.org'
        ? new TransportError('No such user.', { outcome: 'permanent', code: 'smtp_550', accountProven: true })
        : null
    await clinic.clock.advance(2 * minute)
    expect(await statusesOf(clinic, 2)).toEqual(['FAILED', 'SENT'])
  })

  it.each(['', 'ZZ'])(
    'is not what a transport names as the destination "%s", of which no address is',
    async (destination) => {
      const nowhere = new TransportError('Not there.', {
        outcome: 'transient',
        code: 'no',
        scope: 'sender',
        destination,
      })
      const transport = provider(() => nowhere)
      const starts = Array.from({ length: 30 }, () => at(3 * hour))
      await using clinic = await clinicWith(transport, starts)
      await clinic.clock.advance(2 * hour + minute)
      transport.answer = () => null
      await clinic.clock.advance(3 * minute)
      expect(await statusesOf(clinic, starts.length)).toEqual(starts.map(() => 'SENT'))
    },
  )

  it('of one organization stops nobody else', async () => {
    const transport = provider(({ organizationId: from }) => (from === organizationId ? refused() : null))
    const own = { ...transport, needsAccount: true, name: 'sender', channels: ['SMS'] as const }
    await using clinic = await openClinic(begin, { transports: [own] })
    for (const [index, id] of [organizationId, otherOrganizationId].entries()) {
      await clinic.settings.createOrganizationSettings(id, {
        smsProvider: 'sender',
        smsApiKey: `key-${index}`,
        smsApiSecret: 'secret',
        smsFromNumber: '+14155550100',
      })
      clinic.host.book({
        id: index + 1,
        organizationId: id,
        startsAt: at(3 * hour),
        recipients: [{ ...ada, email: null }],
      })
      await clinic.notifications.scheduleReminders(index + 1, { customReminders: [1] })
    }
    await clinic.start()
    await clinic.clock.advance(2 * hour)
    expect(await statusesOf(clinic, 2)).toEqual(['PENDING', 'SENT'])
    // New credentials are another account.
    transport.answer = () => null
    await clinic.settings.updateOrganizationSettings(organizationId, { smsApiKey: 'key-2', smsApiSecret: 'new' })
    await clinic.settle()
    await clinic.clock.advance(1)
    expect(await statusesOf(clinic, 2)).toEqual(['SENT', 'SENT'])
  })

  it('is known to every process: one tries it, and what all of them put off goes out', async () => {
    const { path, remove } = await temporaryFile()
    const transport = provider(() => refused())
    const host = new HostData()
    const clock = new ManualClock(begin)
    const common = {
      directory: host,
      clock,
      transports: [transport],
      encryptionKey: testKey,
      env: {},
      reconcileMs: false,
    } as const
    const open = () => createNotifications({ ...common, storage: sqlite(path), random: () => 0.5, sweepMs: 30_000 })
    const [one, other] = [open(), open()]
    await one.migrate()
    for (let id = 1; id <= 40; id += 1) {
      host.book({ id, startsAt: at(3 * hour + id), recipients: [person(id)] })
      await one.notifications.scheduleReminders(id, { customReminders: [1] })
    }
    await one.start()
    await other.start()
    await clock.advance(2 * hour + minute)
    // At most the places of both, then one at a time.
    expect(transport.tried.length).toBeLessThan(2 * transport.concurrency + 8)
    expect((await other.settings.effectiveSettings(organizationId)).channels.EMAIL.pause?.code).toBe('smtp_421')
    transport.answer = () => null
    await clock.advance(2 * minute)
    expect(transport.sent).toHaveLength(40)
    expect(new Set(transport.sent.map(({ to }) => to)).size).toBe(40)
    await Promise.all([one.stop(), other.stop()])
    await remove()
  })
})
