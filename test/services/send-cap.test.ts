import { expect, it } from 'vitest'
import { TransportError } from '../../src/index.ts'
import { ada, openClinic, organizationId, otherOrganizationId } from '../support/clinic.ts'

const start = '2024-09-20T12:00:00Z'
const byMail = { ...ada, phone: null }

/** A host in a loop: it tells of the same waitlist entry again and again. */
async function open(options: Parameters<typeof openClinic>[1]) {
  const clinic = await openClinic(start, options)
  for (const [id, organization] of [
    [7, organizationId],
    [8, otherOrganizationId],
  ] as const) {
    clinic.host.waitlistRows.set(id, { id, organizationId: organization, timeZone: 'UTC', recipients: [byMail] })
  }
  await clinic.start()
  const tell = async (id: number, times: number) => {
    await Promise.all(Array.from({ length: times }, () => clinic.notifications.notifyWaitlist(id)))
    await clinic.settle()
  }
  const states = async () => {
    const { notifications } = await clinic.notifications.history({ state: 'all', organizationId, limit: 200 })
    return notifications.map(({ state, reason }) => ({ state, reason }))
  }
  return { ...clinic, tell, states }
}

it('stops a host in a loop: what is over the cap waits a day, and is cancelled where the next is full too', async () => {
  await using clinic = await open({ sendCap: { perDay: 5 } })
  await clinic.tell(7, 12)
  expect(clinic.outbox.sent).toHaveLength(5)
  expect((await clinic.states()).filter((row) => row.state === 'queued')).toHaveLength(7)
  expect(clinic.told.filter(({ name }) => name === 'error')).toMatchObject([
    { event: { code: 'daily_cap', organizationId } },
  ])

  await clinic.tell(8, 3)
  expect(clinic.outbox.sent, 'another organization has a cap of its own').toHaveLength(8)

  await clinic.clock.advanceTo('2024-09-20T23:59:59Z')
  expect(clinic.outbox.sent).toHaveLength(8)
  await clinic.clock.advanceTo('2024-09-21T00:00:01Z')
  expect(clinic.outbox.sent).toHaveLength(13)

  await clinic.clock.advanceTo('2024-09-21T13:00:00Z')
  await clinic.tell(7, 1)
  expect((await clinic.states()).filter((row) => row.state === 'queued')).toHaveLength(3)
  await clinic.clock.advanceTo('2024-09-22T00:00:01Z')
  expect(clinic.outbox.sent).toHaveLength(16)
})

it('cancels as capped what waited a day and still finds no room', async () => {
  await using clinic = await open({ sendCap: { perDay: 1 } })
  await clinic.tell(7, 4)
  await clinic.clock.advanceTo('2024-09-23T12:00:00Z')
  expect(clinic.outbox.sent).toHaveLength(3)
  const capped = (await clinic.states()).filter((row) => row.state === 'cancelled')
  expect(capped).toEqual([{ state: 'cancelled', reason: 'capped' }])
  const { cancelledByReason } = await clinic.statistics.read({ organizationId })
  expect(cancelledByReason).toEqual({ capped: 1 })
})

it('counts reminders where told to, and else lets them through', async () => {
  for (const [reminders, sent] of [
    [false, 3],
    [true, 1],
  ] as const) {
    await using clinic = await open({ sendCap: { perDay: 1, reminders } })
    for (const id of [1, 2, 3]) {
      clinic.host.book({ id, startsAt: '2024-09-22T12:00:00Z', recipients: [byMail] })
      await clinic.notifications.scheduleReminders(id, { customReminders: [24] })
    }
    await clinic.clock.advanceTo('2024-09-21T12:00:01Z')
    expect(clinic.outbox.sent).toHaveLength(sent)
  }
})

it('counts reminders that are sent at once, because their time was past when they were planned', async () => {
  await using clinic = await open({ sendCap: { perDay: 2 } })
  await clinic.settings.createOrganizationSettings(organizationId, { pastReminders: 'send_now' })
  for (const id of [1, 2, 3]) {
    clinic.host.book({ id, startsAt: '2024-09-20T20:00:00Z', recipients: [byMail] })
    await clinic.notifications.scheduleReminders(id, { customReminders: [24] })
  }
  await clinic.settle()
  expect(clinic.outbox.sent).toHaveLength(2)
  const reasons = (await clinic.notifications.getReminders(3)).map(({ status, reason }) => ({ status, reason }))
  expect(reasons, 'the next day is too late').toEqual([{ status: 'CANCELLED', reason: 'capped' }])
})

it('never cancels a reminder that is due by its time: it goes out where it cannot wait', async () => {
  await using clinic = await open({ sendCap: { perDay: 1, reminders: true } })
  for (const id of [1, 2, 3]) {
    clinic.host.book({ id, startsAt: '2024-09-21T20:00:00Z', recipients: [byMail] })
    await clinic.notifications.scheduleReminders(id, { customReminders: [4] })
  }
  await clinic.clock.advanceTo('2024-09-21T16:00:01Z')
  expect(clinic.outbox.sent).toHaveLength(3)
  await clinic.tell(7, 1)
  expect(clinic.outbox.sent, 'and counts').toHaveLength(3)
})

it('counts a message once, however often it is tried', async () => {
  await using clinic = await open({ sendCap: { perDay: 2 } })
  const { send } = clinic.outbox
  let failures = 2
  clinic.outbox.send = async (...args) => {
    if (failures-- > 0) throw new TransportError('busy', { outcome: 'transient', code: 'busy' })
    return send(...args)
  }
  await clinic.tell(7, 2)
  await clinic.clock.advanceTo('2024-09-20T13:00:00Z')
  expect(clinic.outbox.sent).toHaveLength(2)
})

it('has no cap where it is switched off', async () => {
  await using clinic = await open({ sendCap: false })
  await clinic.tell(7, 40)
  expect(clinic.outbox.sent).toHaveLength(40)
})
