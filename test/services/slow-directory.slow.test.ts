/** What a clinic sees when the host's directory is silent, slow or broken, for everybody or for one organization. */
import { describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import type { Directory, DirectoryContext, EntityId, Transport } from '../../src/index.ts'
import { openClinic, organizationId, otherOrganizationId } from '../support/clinic.ts'

const start = new Date('2026-03-03T12:00:00Z')
const due = '2026-03-02T12:00:00Z'
const patient = (id: number) => ({ type: 'PATIENT', id, email: `p${id}@example.org` }) as const
type Clinic = Awaited<ReturnType<typeof openClinic>>
type Appointments = (ids: readonly EntityId[], context: DirectoryContext) => ReturnType<Directory['appointments']>

/** Appointments 1 to `own` of one organization, 101 and on of another, with a reminder due at `due`. */
async function openBooked(own: number, others = 0, options: Parameters<typeof openClinic>[1] = {}) {
  const clinic = await openClinic('2026-03-01T12:00:00Z', options)
  const ids = Array.from({ length: own }, (_, index) => index + 1)
  const theirs = Array.from({ length: others }, (_, index) => index + 101)
  for (const id of ids) clinic.host.book({ id, startsAt: start, recipients: [patient(id)] })
  for (const id of theirs) {
    clinic.host.book({ id, startsAt: start, recipients: [patient(id)], organizationId: otherOrganizationId })
  }
  await clinic.notifications.scheduleMany([...ids, ...theirs], { customReminders: [24] })
  await clinic.start()
  return clinic
}

/** Lets `answer` stand in for the host's method, which it may call. */
function answering(clinic: Clinic, answer: (real: Appointments, ...asked: Parameters<Appointments>) => unknown) {
  const real = clinic.host.appointments.bind(clinic.host)
  const asked: EntityId[][] = []
  const stand = (...question: Parameters<Appointments>) => {
    asked.push([...question[0]])
    return answer(real, ...question)
  }
  Object.assign(clinic.host, { appointments: stand })
  return { asked, heal: () => Object.assign(clinic.host, { appointments: real }) }
}

const never = () => new Promise(() => {})
const isOurs = (id: EntityId) => Number(id) <= 100
const sentBy = (clinic: Clinic, organization: string) =>
  clinic.outbox.sent.filter((message) => message.organizationId === organization)
const logged = (clinic: Clinic, words: string) => clinic.log.lines.filter((line) => line.includes(words))

describe('a directory promise that never settles', () => {
  it('is given up after ten seconds with its signal aborted, said in the log, and asked again until it answers', async () => {
    await using clinic = await openBooked(3)
    const signals: AbortSignal[] = []
    const { heal } = answering(clinic, (_real, _ids, { signal }) => {
      signals.push(signal)
      return never()
    })
    await clinic.clock.advanceTo('2026-03-02T12:00:09.900Z')
    expect(signals.map((signal) => signal.aborted)).toEqual([false])
    await clinic.clock.advance(200)
    expect(signals[0]?.aborted).toBe(true)
    expect(logged(clinic, '"fault":"no response in time"')).not.toEqual([])
    await clinic.clock.advance(60_000)
    heal()
    await clinic.clock.advance(90_000)
    expect(clinic.outbox.sent).toHaveLength(3)
    expect((await clinic.notifications.history()).notifications.map(({ attempts }) => attempts)).toEqual([1, 1, 1])
  })

  it.each([
    [
      'throws at once',
      () => {
        throw undefined
      },
    ],
    ['rejects with nothing', () => Promise.reject(undefined)],
    ['answers with something else', () => Promise.resolve({ rows: [] })],
    ['answers with nothing', () => undefined],
  ])('nor one that %s loses anything', async (_what, answer) => {
    await using clinic = await openBooked(3)
    const { heal } = answering(clinic, answer)
    await clinic.clock.advanceTo('2026-03-02T12:05:00Z')
    expect(clinic.outbox.sent).toEqual([])
    heal()
    await clinic.clock.advance(90_000)
    expect(clinic.outbox.sent).toHaveLength(3)
  })

  it('and answers after all is not believed any more, which is said once', async () => {
    await using clinic = await openBooked(1)
    const late: (() => void)[] = []
    const { heal } = answering(clinic, (real, ids, context) => {
      const old = real(ids, context)
      return new Promise((resolve) => late.push(() => resolve(old)))
    })
    await clinic.clock.advanceTo('2026-03-02T12:00:15Z')
    clinic.host.change(1, { status: 'cancelled' })
    heal()
    late[0]?.()
    await clinic.clock.advance(120_000)
    expect(clinic.outbox.sent).toEqual([])
    expect(logged(clinic, 'responded too late')).toHaveLength(1)
  })

  it('takes as long as directoryTimeoutMs says, and is an error of one call to whoever waits for it', async () => {
    await using clinic = await openBooked(0, 0, { directoryTimeoutMs: 2500 })
    answering(clinic, never)
    const booked = clinic.notifications.scheduleReminders(9).catch((error: unknown) => error)
    await clinic.clock.advance(2500)
    expect(await booked).toMatchObject({ code: 'directory_failed', message: expect.stringContaining('2500 ms') })
  })

  it('fails calls about new bookings at once when several in a row were not answered, and is tried again', async () => {
    await using clinic = await openBooked(0)
    clinic.host.book({ id: 9, startsAt: start, recipients: [patient(9)] })
    const { asked, heal } = answering(clinic, never)
    const call = () => clinic.notifications.plan(9).catch((error: unknown) => error)
    for (let times = 0; times < 3; times += 1) {
      const answer = call()
      await clinic.clock.advance(10_000)
      expect(await answer).toMatchObject({ code: 'directory_failed' })
    }
    expect(await call()).toMatchObject({ code: 'directory_failed', retryAfterMs: 5000 })
    expect(asked).toHaveLength(3)
    heal()
    await clinic.clock.advance(5000)
    expect(await call()).toMatchObject({ reminders: expect.anything() })
    expect(logged(clinic, 'calls are suspended for a while')).toHaveLength(1)
    expect(logged(clinic, 'directory method responds again')).toHaveLength(1)
  })
})

describe("one organization's directory", () => {
  it('that throws leaves the other organization on time: 25 of 25 in two seconds', async () => {
    await using clinic = await openBooked(40, 25)
    const { asked, heal } = answering(clinic, (real, ids, context) => {
      if (ids.some(isOurs)) throw new Error('tenant database down')
      return real(ids, context)
    })
    await clinic.clock.advanceTo('2026-03-02T12:00:02Z')
    expect(sentBy(clinic, otherOrganizationId)).toHaveLength(25)
    expect(sentBy(clinic, organizationId)).toEqual([])
    // Its own questions grow rare, and nobody else's are asked again.
    await clinic.clock.advance(10 * 60_000)
    expect(asked.length).toBeLessThan(100)
    expect(asked.filter((ids) => !ids.some(isOurs)).length).toBeLessThan(5)
    expect(clinic.told).toContainEqual(
      expect.objectContaining({ name: 'error', event: expect.objectContaining({ organizationId }) }),
    )
    heal()
    await clinic.clock.advance(90_000)
    expect(sentBy(clinic, organizationId)).toHaveLength(40)
  })

  it('that never answers leaves the other organization on time, the first time and afterwards', async () => {
    await using clinic = await openBooked(40, 25)
    const { heal } = answering(clinic, (real, ids, context) => (ids.some(isOurs) ? never() : real(ids, context)))
    await clinic.clock.advanceTo('2026-03-02T12:00:03Z')
    expect(sentBy(clinic, otherOrganizationId)).toHaveLength(25)
    for (let id = 201; id <= 210; id += 1) {
      clinic.host.book({ id, startsAt: start, recipients: [patient(id)], organizationId: otherOrganizationId })
      const before = clinic.clock.now().getTime()
      const booked = clinic.notifications.appointmentBooked(id)
      await clinic.clock.advance(10)
      await booked
      await clinic.clock.advance(10)
      expect(clinic.outbox.sent.at(-1)).toMatchObject({ to: `p${id}@example.org`, category: 'CONFIRMATION' })
      expect(clinic.clock.now().getTime() - before).toBeLessThanOrEqual(20)
      await clinic.clock.advance(7000)
    }
    heal()
    await clinic.clock.advance(90_000)
    expect(sentBy(clinic, organizationId)).toHaveLength(40)
  })

  it('that never answers delays none of many others, whichever is asked first', async () => {
    await using clinic = await openBooked(5)
    const others = Array.from({ length: 20 }, (_, index) => `tenant-${index}`)
    for (const [index, id] of others.entries()) {
      clinic.host.organizationRows.set(id, { id, name: id })
      clinic.host.book({ id: 300 + index, startsAt: start, recipients: [patient(300 + index)], organizationId: id })
    }
    await clinic.notifications.scheduleMany(
      others.map((_id, index) => 300 + index),
      { customReminders: [24] },
    )
    answering(clinic, (real, ids, context) => (ids.some(isOurs) ? never() : real(ids, context)))
    await clinic.clock.advanceTo('2026-03-02T12:00:05Z')
    expect(clinic.outbox.sent).toHaveLength(20)
  })

  it('that is slow sends its own when it answers, and delays the other only once', async () => {
    await using clinic = await openBooked(30, 25)
    answering(clinic, async (real, ids, context) => {
      if (ids.some(isOurs)) await new Promise<void>((resolve) => void clinic.clock.after(6000, resolve))
      return real(ids, context)
    })
    await clinic.clock.advanceTo('2026-03-02T12:00:03Z')
    expect(sentBy(clinic, otherOrganizationId)).toHaveLength(25)
    await clinic.clock.advanceTo('2026-03-02T12:00:20Z')
    expect(sentBy(clinic, organizationId)).toHaveLength(30)
    clinic.host.book({ id: 50, startsAt: start, recipients: [patient(50)] })
    clinic.host.book({ id: 250, startsAt: start, recipients: [patient(250)], organizationId: otherOrganizationId })
    const later = new Date('2026-03-03T12:01:00Z')
    clinic.host.change(50, { startsAt: later })
    clinic.host.change(250, { startsAt: later })
    const planned = clinic.notifications.scheduleMany([50, 250], { customReminders: [24] })
    await clinic.clock.advanceTo('2026-03-02T12:00:40Z')
    await planned
    await clinic.clock.advanceTo('2026-03-02T12:01:00.100Z')
    expect(sentBy(clinic, otherOrganizationId)).toHaveLength(26)
    await clinic.clock.advance(8000)
    expect(sentBy(clinic, organizationId)).toHaveLength(31)
  })

  it('that fails for one appointment puts off that one alone', async () => {
    await using clinic = await openBooked(60, 5)
    const { heal } = answering(clinic, (real, ids, context) => {
      if (ids.includes(17)) throw new RangeError('row 17')
      return real(ids, context)
    })
    await clinic.clock.advanceTo('2026-03-02T12:00:02Z')
    expect(clinic.outbox.sent).toHaveLength(64)
    expect(await clinic.notifications.getReminders(17)).toMatchObject([{ status: 'PENDING' }])
    await clinic.clock.advance(10 * 60_000)
    heal()
    await clinic.clock.advance(90_000)
    expect(clinic.outbox.sent).toHaveLength(65)
  })

  it('that fails for its name alone puts off its own messages alone', async () => {
    await using clinic = await openBooked(10, 10)
    const names = clinic.host.organizations.bind(clinic.host)
    Object.assign(clinic.host, {
      organizations: (ids: readonly string[]) => {
        if (ids.includes(organizationId)) throw new Error('no such tenant')
        return names(ids)
      },
    })
    await clinic.clock.advanceTo('2026-03-02T12:00:02Z')
    expect(sentBy(clinic, otherOrganizationId)).toHaveLength(10)
    expect(sentBy(clinic, organizationId)).toEqual([])
    Object.assign(clinic.host, { organizations: names })
    await clinic.clock.advance(90_000)
    expect(sentBy(clinic, organizationId)).toHaveLength(10)
  })

  it('fails its own appointments of a bulk, and plans those of others', async () => {
    await using clinic = await openBooked(3, 3)
    answering(clinic, (real, ids, context) => {
      if (ids.some(isOurs)) throw new Error('tenant database down')
      return real(ids, context)
    })
    const results = await clinic.notifications.scheduleMany([1, 101, 2, 102, 3, 103])
    expect(results.map((result) => ('error' in result ? result.error.code : 'planned'))).toEqual([
      'directory_failed',
      'planned',
      'directory_failed',
      'planned',
      'directory_failed',
      'planned',
    ])
  })
})

describe('the clock set back by an hour while work waits for the directory', () => {
  it('changes nothing: it goes on as soon as the directory answers', async () => {
    await using clinic = await openBooked(5, 5)
    clinic.host.fault = new Error('replica away')
    await clinic.clock.advanceTo('2026-03-02T14:00:00Z')
    clinic.clock.step(-3_600_000)
    clinic.host.fault = null
    await clinic.clock.advance(61_000)
    expect(clinic.outbox.sent).toHaveLength(10)
  })
})

describe('a directory that takes a second to answer', () => {
  it('does not limit an account to as many messages a second as it has places', async () => {
    const outbox = capture()
    let clinic: Clinic | null = null
    const busy: Transport = {
      ...outbox,
      concurrency: 10,
      send: async (message, context) => {
        await new Promise<void>((resolve) => void clinic?.clock.after(20, resolve))
        return outbox.send(message, context)
      },
    }
    clinic = await openBooked(0, 0, { transports: [busy] })
    await using open = clinic
    const ids = Array.from({ length: 3000 }, (_, index) => index + 1)
    for (const id of ids) open.host.book({ id, startsAt: start, recipients: [patient(id)] })
    await open.notifications.scheduleMany(ids, { customReminders: [24] })
    const { asked } = answering(open, async (real, some, context) => {
      await new Promise<void>((resolve) => void open.clock.after(1000, resolve))
      return real(some, context)
    })
    await open.clock.advanceTo(due)
    await open.clock.advance(10_000)
    // Ten places of 20 ms each: 500 a second, had the directory answered at once; 10 a second, had every ten waited for it.
    expect(outbox.sent.length).toBeGreaterThan(2500)
    expect(Math.max(...asked.map(({ length }) => length))).toBeLessThanOrEqual(500)
    expect(asked.length).toBeLessThan(30)
  })

  it('is asked again about what could not be sent within a second of its answer', async () => {
    const outbox = capture()
    const ends: (() => void)[] = []
    const slow: Transport = {
      ...outbox,
      concurrency: 1,
      send: async (message, context) => {
        const answer = await outbox.send(message, context)
        await new Promise<void>((resolve) => ends.push(resolve))
        return answer
      },
    }
    await using clinic = await openBooked(3, 0, { transports: [slow] })
    await clinic.clock.advanceTo(due)
    expect(outbox.sent).toHaveLength(1)
    await clinic.clock.advance(1100)
    clinic.host.change(2, { status: 'cancelled' })
    clinic.host.change(3, { status: 'cancelled' })
    for (const end of ends) end()
    await clinic.clock.advance(60_000)
    expect(outbox.sent).toHaveLength(1)
  })
})
