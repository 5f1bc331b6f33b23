/** What fails, or is missing for a moment, between what is due and what is sent. */
import { describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { type IntentOutcome, NotificationError, type Transport, TransportError } from '../../src/index.ts'
import type { Store } from '../../src/records/store.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { sqlite } from '../support/stores.ts'

const start = new Date('2026-03-03T12:00:00Z')
const due = '2026-03-02T12:00:00Z'
const patient = (id: number) => ({ type: 'PATIENT', id, email: `p${id}@example.org` }) as const
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

async function openBooked(count: number, options: Parameters<typeof openClinic>[1] = {}) {
  const clinic = await openClinic('2026-03-01T12:00:00Z', options)
  for (const id of upTo(count)) clinic.host.book({ id, startsAt: start, recipients: [patient(id)] })
  await clinic.notifications.scheduleMany(upTo(count), { customReminders: [24] })
  await clinic.start()
  return clinic
}

/** A storage whose deliveries do something else. */
function altered(change: (deliveries: Store['deliveries']) => Partial<Store['deliveries']>): Store {
  const storage = sqlite(':memory:')
  return { ...storage, deliveries: { ...storage.deliveries, ...change(storage.deliveries) } }
}

describe('a round that fails in the middle', () => {
  it('keeps no place of the account: a directory that fails when a moved appointment is planned anew', async () => {
    const outbox = capture()
    const mail: Transport = { ...outbox, channels: ['EMAIL'], concurrency: 10 }
    await using clinic = await openBooked(12, { transports: [mail] })
    clinic.host.change(12, { startsAt: new Date('2026-03-04T12:00:00Z') })
    const answer = clinic.host.appointments.bind(clinic.host)
    let calls = 0
    clinic.host.appointments = (ids) => {
      calls += 1
      return calls === 2 ? Promise.reject(new Error('replica away')) : answer(ids)
    }
    await clinic.clock.advanceTo('2026-03-02T12:01:00Z')
    expect(calls).toBeGreaterThan(2)
    expect(outbox.sent).toHaveLength(11)
    await clinic.clock.advanceTo('2026-03-03T12:01:00Z')
    expect(outbox.sent).toHaveLength(12)
  })

  it('begins what was claimed, although what met the cap could not be put off', async () => {
    let refused = 0
    const storage = altered(({ commitIntents }) => ({
      commitIntents: (commands, now) => {
        const isPutOff = commands.every((command) => command.kind === 'defer')
        if (!isPutOff || refused > 0) return commitIntents(commands, now)
        refused += 1
        return Promise.reject(new Error('busy'))
      },
    }))
    await using clinic = await openBooked(6, { storage, sendCap: { perDay: 5, reminders: true } })
    await clinic.clock.advanceTo(due)
    expect(refused).toBe(1)
    expect(clinic.outbox.sent).toHaveLength(5)
  })
})

describe('a thousand due messages', () => {
  /** Of several organizations, so that all are looked up at once; `commit` stands in for the commit of their intents. */
  async function openThousand(commit: (write: () => Promise<IntentOutcome[]>) => Promise<IntentOutcome[]>) {
    const storage = altered(({ commitIntents }) => ({
      commitIntents: (commands, now) => commit(() => commitIntents(commands, now)),
    }))
    const checked: number[] = []
    const preferences: Store['preferences'] = {
      ...storage.preferences,
      get: (refs) => {
        checked.push(refs.length)
        return storage.preferences.get(refs)
      },
    }
    const clinic = await openClinic('2026-03-01T12:00:00Z', { storage: { ...storage, preferences } })
    for (const id of upTo(1000)) {
      const organization = `${organizationId.slice(0, -2)}${10 + (id % 12)}`
      clinic.host.organizationRows.set(organization, { id: organization, name: 'Harbour Clinic' })
      clinic.host.book({ id, startsAt: start, organizationId: organization, recipients: [patient(id)] })
    }
    await clinic.notifications.scheduleMany(upTo(1000), { customReminders: [24] })
    checked.length = 0
    await clinic.start()
    return { ...clinic, checked }
  }

  it('are checked while others are stored, one batch after the other', async () => {
    const storing: PromiseWithResolvers<void>[] = []
    await using clinic = await openThousand(async (write) => {
      const gate = Promise.withResolvers<void>()
      storing.push(gate)
      await gate.promise
      return write()
    })
    await clinic.clock.advanceTo(due)
    expect(clinic.checked).toEqual([500, 500])
    expect(storing).toHaveLength(1)
    storing[0]?.resolve()
    await expect.poll(() => storing.length).toBe(2)
    expect(clinic.outbox.sent).toHaveLength(500)
    storing[1]?.resolve()
    await expect.poll(() => clinic.outbox.sent.length).toBe(1000)
    expect(storing).toHaveLength(2)
  })

  it('are stored although those before them were not, which are sent later', async () => {
    let commits = 0
    await using clinic = await openThousand(async (write) => {
      commits += 1
      if (commits === 1) throw new NotificationError('storage_busy', 'The database is busy.')
      return write()
    })
    await clinic.clock.advanceTo(due)
    expect(clinic.outbox.sent.length).toBeGreaterThanOrEqual(500)
    await clinic.clock.advance(2000)
    expect(new Set(clinic.outbox.sent.map(({ to }) => to)).size).toBe(1000)
    expect(clinic.outbox.sent).toHaveLength(1000)
    expect(commits).toBe(3)
  })
})

describe('an appointment that the directory does not know', () => {
  it('is looked for once more: an answer that was empty for a moment withdraws nothing', async () => {
    await using clinic = await openBooked(40)
    const answer = clinic.host.appointments.bind(clinic.host)
    clinic.host.appointments = async () => []
    await clinic.clock.advanceTo('2026-03-02T12:00:30Z')
    clinic.host.appointments = answer
    expect(clinic.outbox.sent).toEqual([])
    await clinic.clock.advanceTo('2026-03-02T12:05:01Z')
    expect(clinic.outbox.sent).toHaveLength(40)
  })

  it('for one answer is not withdrawn, although a send of it failed before', async () => {
    const outbox = capture()
    let failures = 1
    const mail: Transport = {
      ...outbox,
      send: (message, context) => {
        failures -= 1
        if (failures < 0) return outbox.send(message, context)
        return Promise.reject(new TransportError('Not now.', { outcome: 'transient', code: 'smtp_451' }))
      },
    }
    await using clinic = await openBooked(1, { transports: [mail] })
    await clinic.clock.advanceTo(due)
    const answer = clinic.host.appointments.bind(clinic.host)
    clinic.host.appointments = async () => []
    await clinic.clock.advanceTo('2026-03-02T12:01:00Z')
    clinic.host.appointments = answer
    expect(await clinic.notifications.getReminders(1)).toMatchObject([{ status: 'PENDING' }])
    await clinic.clock.advanceTo('2026-03-02T12:07:00Z')
    expect(outbox.sent).toHaveLength(1)
  })

  it('for five minutes is withdrawn, also after a send of it failed', async () => {
    const mail: Transport = {
      ...capture(),
      send: () => Promise.reject(new TransportError('Not now.', { outcome: 'transient', code: 'smtp_451' })),
    }
    await using clinic = await openBooked(1, { transports: [mail] })
    await clinic.clock.advanceTo(due)
    clinic.host.appointmentRows.delete(1)
    await clinic.clock.advanceTo('2026-03-02T12:05:00Z')
    expect(await clinic.notifications.getReminders(1)).toMatchObject([{ status: 'PENDING' }])
    await clinic.clock.advanceTo('2026-03-02T12:06:00Z')
    expect(await clinic.notifications.getReminders(1)).toMatchObject([
      { status: 'CANCELLED', reason: 'appointment_gone' },
    ])
  })

  it('is looked for by itself where only some of an answer are missing', async () => {
    await using clinic = await openBooked(5)
    const answer = clinic.host.appointments.bind(clinic.host)
    clinic.host.appointments = async (ids) => (await answer(ids)).filter(({ id }) => id !== 3)
    await clinic.clock.advanceTo('2026-03-02T12:00:30Z')
    expect(clinic.outbox.sent).toHaveLength(4)
    clinic.host.appointments = answer
    await clinic.clock.advanceTo('2026-03-02T12:05:01Z')
    expect(clinic.outbox.sent).toHaveLength(5)
  })

  it('and has several reminders due is withdrawn with all of them, five minutes after it was missed first', async () => {
    await using clinic = await openClinic('2026-03-01T12:00:00Z')
    const phone = '+14155550123'
    clinic.host.book({
      id: 1,
      startsAt: start,
      recipients: [
        { ...patient(1), phone },
        { ...patient(2), phone: null },
      ],
    })
    await clinic.notifications.scheduleMany([1], { customReminders: [24] })
    await clinic.start()
    clinic.host.appointmentRows.delete(1)
    await clinic.clock.advanceTo('2026-03-02T12:05:01Z')
    const rows = await clinic.notifications.getReminders(1)
    expect(rows.map(({ status, reason }) => `${status} ${reason}`)).toEqual(
      rows.map(() => 'CANCELLED appointment_gone'),
    )
  })

  it('of a waitlist offer neither: one answer without the entry withdraws nothing', async () => {
    await using clinic = await openClinic('2026-03-01T12:00:00Z')
    const entry = { id: 7, organizationId, timeZone: 'America/New_York', recipients: [patient(1)] }
    clinic.host.waitlistRows.set(7, entry)
    await clinic.notifications.notifyWaitlist(7)
    clinic.host.waitlistRows.delete(7)
    await clinic.start()
    await clinic.clock.advance(60_000)
    clinic.host.waitlistRows.set(7, entry)
    await clinic.clock.advance(5 * 60_000)
    expect(clinic.outbox.sent).toHaveLength(1)
    await clinic.notifications.notifyWaitlist(7)
    clinic.host.waitlistRows.delete(7)
    await clinic.clock.advance(6 * 60_000)
    expect(clinic.outbox.sent).toHaveLength(1)
    const { notifications } = await clinic.notifications.history({ state: 'cancelled' })
    expect(notifications).toMatchObject([{ reason: 'waitlist_entry_gone' }])
  })

  it('and is gone after that', async () => {
    await using clinic = await openBooked(1)
    clinic.host.appointmentRows.delete(1)
    await clinic.clock.advanceTo('2026-03-02T12:05:01Z')
    expect(await clinic.notifications.getReminders(1)).toMatchObject([
      { status: 'CANCELLED', reason: 'appointment_gone' },
    ])
  })
})

it('a message that may have gone out is held under the policy "hold", also after it was put off', async () => {
  const outbox = capture()
  let isDead = false
  const storage = altered(({ renew, settle }) => ({
    renew: (renewals) => (isDead ? Promise.reject(new Error('dead')) : renew(renewals)),
    settle: (commands) => (isDead ? Promise.reject(new Error('dead')) : settle(commands)),
  }))
  const mail: Transport = {
    ...outbox,
    send: async (message, context) => {
      await outbox.send(message, context)
      return isDead ? new Promise(() => {}) : { messageId: null }
    },
  }
  await using clinic = await openBooked(1, { storage, transports: [mail] })
  await clinic.settings.createOrganizationSettings(organizationId, { unknownOutcome: 'hold' })
  isDead = true
  await clinic.clock.advanceTo(due)
  expect(outbox.sent).toHaveLength(1)
  // Unreadable when its lease is over: put off. Readable again: it must not be sent a second time.
  clinic.host.change(1, { startsAt: 'garbage' })
  await clinic.clock.advanceTo('2026-03-02T12:02:30Z')
  isDead = false
  clinic.host.change(1, { startsAt: start })
  await clinic.clock.advanceTo('2026-03-02T12:20:00Z')
  expect(outbox.sent).toHaveLength(1)
  const { notifications } = await clinic.notifications.history({ state: 'all' })
  expect(notifications).toMatchObject([{ state: 'unknown' }])
})

it('what is put off until the appointment starts is told as failed', async () => {
  const refusal = { outcome: 'permanent', scope: 'account', code: 'smtp_535' } as const
  const mail: Transport = {
    ...capture(),
    concurrency: 1,
    send: () => Promise.reject(new TransportError('The account was refused.', refusal)),
  }
  await using clinic = await openClinic('2026-03-03T11:00:00Z', { transports: [mail] })
  for (const id of [1, 2, 3]) clinic.host.book({ id, startsAt: start, recipients: [patient(id)] })
  await clinic.notifications.scheduleMany([1, 2, 3], { customReminders: [0.5] })
  await clinic.start()
  await clinic.clock.advanceTo('2026-03-03T13:00:00Z')
  const rows = await Promise.all([1, 2, 3].map((id) => clinic.notifications.getReminders(id)))
  expect(rows.flat().map((row) => row.status)).toEqual(['FAILED', 'FAILED', 'FAILED'])
  expect(clinic.told.filter(({ name }) => name === 'reminder.failed')).toHaveLength(3)
})

it('a start at the end of the calendar is unreadable, and stops no other', async () => {
  await using clinic = await openClinic('2026-03-01T12:00:00Z')
  clinic.host.book({ id: 1, startsAt: '9999-12-31T23:59:59Z', timeZone: 'Europe/Berlin' })
  clinic.host.book({ id: 2, startsAt: start, recipients: [ada] })
  const results = await clinic.notifications.scheduleMany([1, 2], { customReminders: ['1d'] })
  expect(results).toMatchObject([{ error: { code: 'directory_invalid' } }, { appointmentId: 2 }])
  expect(await clinic.notifications.getReminders(2)).toHaveLength(2)
  expect(await clinic.reconcile()).toMatchObject({ status: 'done' })
})

it('an appointment that is gone shortly before its start is withdrawn, not told as failed', async () => {
  await using clinic = await openClinic('2026-03-03T11:00:00Z')
  clinic.host.book({ id: 1, startsAt: start, recipients: [patient(1)] })
  await clinic.notifications.scheduleMany([1], { customReminders: ['1m'] })
  clinic.host.appointmentRows.delete(1)
  // Late, as after an outage.
  await clinic.clock.advanceTo('2026-03-03T11:59:15Z')
  await clinic.start()
  await clinic.clock.advanceTo('2026-03-03T11:59:16Z')
  // One answer without it is no reason; as long as a reminder is of use, it is looked for again.
  expect(await clinic.notifications.getReminders(1)).toMatchObject([{ status: 'PENDING' }])
  await clinic.clock.advanceTo('2026-03-03T11:59:29.500Z')
  expect(await clinic.notifications.getReminders(1)).toMatchObject([
    { status: 'CANCELLED', reason: 'appointment_gone' },
  ])
})
