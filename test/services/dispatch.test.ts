import { describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { type FailureOutcome, type OutboundMessage, TransportError } from '../../src/index.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'

const minute = 60_000
const hour = 60 * minute
const start = new Date('2026-03-20T15:00:00Z')
const justBefore = '2026-03-19T14:59:00Z'
const byMail = { ...ada, phone: null }

const failure = (outcome: FailureOutcome, scope: 'message' | 'account' = 'message') =>
  new TransportError('The provider did not take it.', { outcome, code: `test_${outcome}`, scope })

/** A transport that fails as told, then sends. */
function failing(...failures: (TransportError | Error | null)[]) {
  const attempts: OutboundMessage[] = []
  const outbox = capture()
  return {
    ...outbox,
    attempts,
    async send(...[message, context]: Parameters<typeof outbox.send>) {
      attempts.push(message)
      const fault = failures.shift()
      if (fault) throw fault
      return outbox.send(message, context)
    },
  }
}

async function reminded(transport: ReturnType<typeof failing>, options: Parameters<typeof openClinic>[1] = {}) {
  const clinic = await openClinic(justBefore, { transports: [transport], ...options })
  clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
  await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
  await clinic.start()
  return clinic
}

const outcome = async (clinic: Awaited<ReturnType<typeof openClinic>>) => {
  const [reminder] = await clinic.notifications.getReminders(1)
  const { notifications } = await clinic.notifications.history({ state: 'all' })
  return { reminder, notification: notifications[0] }
}

describe('sending a due reminder', () => {
  it('goes out at its time, once, is recorded with its text and told', async () => {
    const transport = failing()
    await using clinic = await reminded(transport)
    await clinic.clock.advance(minute - 1)
    expect(transport.attempts).toHaveLength(0)
    await clinic.clock.advance(1)
    expect(transport.attempts).toHaveLength(1)
    await clinic.clock.advance(24 * hour)
    expect(transport.attempts).toHaveLength(1)
    const { reminder, notification } = await outcome(clinic)
    expect(reminder).toMatchObject({ status: 'SENT', preview: false, sentAt: new Date('2026-03-19T15:00:00Z') })
    expect(notification).toMatchObject({ status: 'SENT', state: 'settled', attempts: 1, message: reminder?.message })
    expect(clinic.told.map((one) => one.name)).toEqual([
      'reminder.scheduled',
      'reminder.skipped',
      'notification.sent',
      'reminder.sent',
    ])
  })

  it('is tried again after transient failures, farther apart, under the same idempotency key', async () => {
    const transport = failing(failure('transient'), failure('transient'))
    await using clinic = await reminded(transport)
    await clinic.clock.advance(minute)
    expect(transport.attempts).toHaveLength(1)
    await clinic.clock.advance(30_000)
    expect(transport.attempts).toHaveLength(2)
    await clinic.clock.advance(2 * minute)
    expect(transport.attempts).toHaveLength(3)
    expect(new Set(transport.attempts.map((message) => message.idempotencyKey)).size).toBe(1)
    expect((await outcome(clinic)).reminder?.status).toBe('SENT')
  })

  it('fails after maxRetries, and a permanent failure at once', async () => {
    const stubborn = failing(...Array.from({ length: 9 }, () => failure('transient')))
    await using clinic = await reminded(stubborn, { retry: { maxRetries: 3 } })
    await clinic.clock.advance(10 * hour)
    expect(stubborn.attempts).toHaveLength(4)
    expect(await outcome(clinic)).toMatchObject({ reminder: { status: 'FAILED' }, notification: { status: 'FAILED' } })
    const final = failing(failure('permanent'))
    await using other = await reminded(final)
    await other.clock.advance(10 * hour)
    expect(final.attempts).toHaveLength(1)
    expect((await outcome(other)).notification).toMatchObject({ status: 'FAILED', errorCode: 'test_permanent' })
  })

  it('is never tried at or past the start', async () => {
    const transport = failing(...Array.from({ length: 9 }, () => failure('transient')))
    await using clinic = await openClinic(justBefore, { transports: [transport] })
    const soon = new Date('2026-03-19T15:03:00Z')
    clinic.host.book({ id: 1, startsAt: soon, recipients: [byMail] })
    await clinic.notifications.scheduleReminders(1, { customReminders: ['2m'] })
    await clinic.start()
    while (clinic.clock.now() < soon) await clinic.clock.advance(1000)
    const withTimeout = transport.attempts.length
    await clinic.clock.advance(10 * hour)
    // At 15:01:00, 15:01:22 and a last time at 15:01:30: a reminder is of no more use a minute before the start.
    expect([withTimeout, transport.attempts.length]).toEqual([3, 3])
    expect((await outcome(clinic)).reminder?.status).toBe('FAILED')
  })

  it('whose outcome is unknown is tried once more with the same key, then held', async () => {
    const transport = failing(failure('unknown'), new Error('something broke'), null)
    await using clinic = await reminded(transport)
    await clinic.clock.advance(hour)
    expect(transport.attempts).toHaveLength(2)
    expect(new Set(transport.attempts.map((message) => message.idempotencyKey)).size).toBe(1)
    const { reminder, notification } = await outcome(clinic)
    expect(notification).toMatchObject({ status: null, state: 'unknown' })
    expect(reminder?.status).toBe('FAILED')
    expect(clinic.told.map((one) => one.name)).toContain('notification.unknown')
  })

  it('whose outcome is unknown is held at once where the organization chose so', async () => {
    const transport = failing(failure('unknown'))
    await using clinic = await openClinic(justBefore, { transports: [transport] })
    await clinic.settings.createOrganizationSettings(organizationId, { unknownOutcome: 'hold' })
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    await clinic.start()
    await clinic.clock.advance(hour)
    expect(transport.attempts).toHaveLength(1)
    expect((await outcome(clinic)).notification?.state).toBe('unknown')
  })

  it('that may have arrived is held, not recorded as never sent, when it is cancelled before its retry', async () => {
    const transport = failing(failure('unknown'))
    await using clinic = await reminded(transport)
    await clinic.clock.advance(minute)
    expect((await outcome(clinic)).notification).toMatchObject({ state: 'queued', attempts: 1 })
    expect(await clinic.notifications.cancelReminders(1)).toEqual({ cancelled: 0, inFlight: 1 })
    await clinic.clock.advance(24 * hour)
    expect(transport.attempts).toHaveLength(1)
    expect(await outcome(clinic)).toMatchObject({
      reminder: { status: 'FAILED' },
      notification: { status: null, state: 'unknown' },
    })
  })

  it('pain 14: to a suppressed address is never tried again, for no appointment', async () => {
    const transport = failing(failure('suppressed'))
    await using clinic = await reminded(transport)
    await clinic.clock.advance(minute)
    clinic.host.book({ id: 2, startsAt: start, recipients: [byMail] })
    const { omitted } = await clinic.notifications.scheduleReminders(2, { customReminders: [2] })
    expect(omitted.map((entry) => entry.rule)).toContain('suppressed')
    await clinic.clock.advance(24 * hour)
    expect(transport.attempts).toHaveLength(1)
  })

  it('refused credentials stop the account, not the message: it goes out once they work', async () => {
    const transport = failing(failure('transient', 'account'))
    await using clinic = await reminded(transport)
    await clinic.clock.advance(minute)
    expect(clinic.told.map((one) => one.name)).toContain('error')
    expect((await outcome(clinic)).notification).toMatchObject({ state: 'queued', attempts: 0 })
    await clinic.clock.advance(5 * minute)
    expect(transport.attempts).toHaveLength(2)
    expect((await outcome(clinic)).reminder?.status).toBe('SENT')
  })

  it('waits without costing an attempt while the directory is away', async () => {
    const transport = failing()
    await using clinic = await reminded(transport)
    clinic.host.fault = new Error('database of the host is down')
    await clinic.clock.advance(30 * minute)
    expect(transport.attempts).toHaveLength(0)
    clinic.host.fault = null
    await clinic.clock.advance(2 * minute)
    expect((await outcome(clinic)).notification).toMatchObject({ status: 'SENT', attempts: 1 })
  })

  it('moves with an appointment that was moved behind the library’s back', async () => {
    const transport = failing()
    await using clinic = await reminded(transport)
    clinic.host.change(1, { startsAt: new Date('2026-03-22T15:00:00Z') })
    await clinic.clock.advance(2 * hour)
    expect(transport.attempts).toHaveLength(0)
    const rows = await clinic.notifications.getReminders(1)
    expect(rows.map((row) => [row.status, row.reason, row.reminderTime.toISOString()])).toEqual([
      ['CANCELLED', 'appointment_moved', '2026-03-19T15:00:00.000Z'],
      ['PENDING', null, '2026-03-21T15:00:00.000Z'],
    ])
    await clinic.clock.advance(72 * hour)
    expect(transport.attempts).toHaveLength(1)
  })

  it('pain 14: respects an opt-out that comes after planning', async () => {
    const transport = failing()
    await using clinic = await reminded(transport)
    await clinic.settings.createPreferences({ type: 'PATIENT', id: 12 }, { appointmentReminder: false })
    await clinic.clock.advance(24 * hour)
    expect(transport.attempts).toHaveLength(0)
  })

  it('merges two recipients with the same address into one message', async () => {
    const transport = failing()
    await using clinic = await openClinic(justBefore, { transports: [transport] })
    const mother = { ...byMail, type: 'CLIENT', id: 77, email: 'ADA@example.org' } as const
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail, mother] })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    await clinic.start()
    await clinic.clock.advance(hour)
    expect(transport.attempts).toHaveLength(1)
    const rows = await clinic.notifications.getReminders(1)
    expect(rows.map((row) => [row.status, row.reason])).toEqual([
      ['SENT', null],
      ['CANCELLED', 'same_address'],
    ])
  })

  it('never has more sends under way than the account takes at once', async () => {
    let running = 0
    let most = 0
    const outbox = capture()
    const narrow = {
      ...outbox,
      concurrency: 3,
      async send(...args: Parameters<typeof outbox.send>) {
        running += 1
        most = Math.max(most, running)
        await new Promise((resolve) => setImmediate(resolve))
        running -= 1
        return outbox.send(...args)
      },
    }
    await using clinic = await openClinic(justBefore, { transports: [narrow] })
    const ids = Array.from({ length: 40 }, (_, index) => index + 1)
    for (const id of ids) clinic.host.book({ id, startsAt: start, recipients: [{ ...byMail, id }] })
    await clinic.notifications.scheduleMany(ids, { customReminders: [24] })
    await clinic.start()
    await clinic.clock.advance(minute)
    for (let round = 0; round < 40 && outbox.sent.length < 40; round++) await clinic.settle()
    expect(outbox.sent).toHaveLength(40)
    expect(most).toBe(3)
  })

  it('hands its message to the transport with the organization as sender and logs nothing personal', async () => {
    const transport = failing(failure('transient'), failure('unknown'), null)
    await using clinic = await reminded(transport)
    clinic.host.book({ id: 2, startsAt: start, recipients: [{ ...byMail, email: 'not an address' }] })
    await clinic.notifications.scheduleReminders(2)
    await clinic.clock.advance(hour)
    expect(transport.attempts[0]).toMatchObject({ to: ada.email, toName: ada.name, fromName: 'Harbour Clinic' })
    const logged = clinic.log.lines.join('\n') + JSON.stringify(clinic.told)
    for (const secret of [ada.name, ada.email, 'not an address', 'Dr. Smith']) expect(logged).not.toContain(secret)
  })

  it.each([
    ['undefined', null],
    ['null', null],
    ['"ok"', null],
    ['{ "messageId": 41 }', '41'],
    ['{ "messageId": { "id": 41 } }', null],
  ])('is sent where a transport in plain JavaScript resolves with %s', async (answer, providerMessageId) => {
    const transport = failing()
    const resolved = answer === 'undefined' ? undefined : JSON.parse(answer)
    await using clinic = await reminded({ ...transport, send: async () => resolved })
    await clinic.clock.advance(hour)
    const { reminder, notification } = await outcome(clinic)
    expect(reminder).toMatchObject({ status: 'SENT' })
    expect(notification).toMatchObject({ status: 'SENT', attempts: 1, providerMessageId })
  })
})

describe('a backlog after an outage', () => {
  it('larger than one read still sends only the reminder nearest to the start', async () => {
    const outbox = capture()
    await using clinic = await openClinic('2026-03-18T12:00:00Z', { transports: [outbox] })
    const ids = Array.from({ length: 400 }, (_, index) => index + 1)
    for (const id of ids)
      clinic.host.book({ id, startsAt: start, recipients: [{ ...byMail, id, email: `p${id}@example.org` }] })
    await clinic.notifications.scheduleMany(ids, { customReminders: [24, 2] })
    clinic.clock.jump('2026-03-20T14:00:00Z')
    await clinic.start()
    for (let round = 0; round < 40 && outbox.sent.length < 400; round++) await clinic.settle()
    await clinic.settle()
    expect(outbox.sent).toHaveLength(400)
    const statuses = (await clinic.notifications.getReminders(400)).map((row) => [row.offset, row.status, row.reason])
    expect(statuses).toEqual([
      ['24h', 'CANCELLED', 'nearer_reminder'],
      ['2h', 'SENT', null],
    ])
  })
})

describe('the clock', () => {
  it('jumping forward sends what is due; jumping back sends nothing twice', async () => {
    const transport = failing()
    await using clinic = await reminded(transport)
    clinic.clock.jump('2026-03-19T16:00:00Z')
    await clinic.clock.advance(minute)
    expect(transport.attempts).toHaveLength(1)
    clinic.clock.jump('2026-03-18T00:00:00Z')
    await clinic.clock.advance(48 * hour)
    expect(transport.attempts).toHaveLength(1)
  })
})

describe('stopping', () => {
  it('waits for sends in progress and begins no new ones', async () => {
    const outbox = capture()
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const slow = {
      ...outbox,
      async send(...args: Parameters<typeof outbox.send>) {
        await gate
        return outbox.send(...args)
      },
    }
    const clinic = await openClinic(justBefore, { transports: [slow] })
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    const sent: string[] = []
    clinic.events.on('reminder.sent', () => void sent.push('reminder'))
    await clinic.start()
    await clinic.clock.advance(minute)
    const stopped = clinic.stop()
    await clinic.settle()
    release()
    await stopped
    expect(outbox.sent).toHaveLength(1)
    expect(sent).toEqual(['reminder'])
    await expect(clinic.notifications.history()).rejects.toMatchObject({ code: 'storage_closed' })
  })
})

describe('ids', () => {
  it('of the wrong kind from the directory stop only the appointment that has them', async () => {
    await using clinic = await openClinic(justBefore)
    clinic.host.book({ id: 1, startsAt: start, recipients: [{ ...byMail, id: '12' }] })
    clinic.host.book({ id: 2, startsAt: start, recipients: [byMail] })
    const results = await clinic.notifications.scheduleMany([1, 2], { customReminders: [24] })
    expect(results.map((result) => ('error' in result ? result.error.code : result.planned))).toEqual([
      'directory_invalid',
      1,
    ])
  })

  it('may be text where the option says so, and stay what they are', async () => {
    await using clinic = await openClinic(justBefore, { ids: { appointment: 'text', recipient: 'text' } })
    clinic.host.book({ id: '007', startsAt: start, recipients: [{ ...byMail, id: '0012' }] })
    await clinic.notifications.scheduleReminders('007', { customReminders: [24] })
    await clinic.start()
    await clinic.clock.advance(hour)
    const [row] = await clinic.notifications.getReminders('007')
    expect(row).toMatchObject({ appointmentId: '007', recipient: { id: '0012' }, status: 'SENT' })
    await expect(clinic.notifications.getReminders(7)).rejects.toMatchObject({ code: 'invalid_input' })
  })
})
