import { describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import type { Transport } from '../../src/index.ts'
import { organizationId as blocked, openClinic, otherOrganizationId as quiet } from '../support/clinic.ts'

const start = new Date('2026-03-21T12:00:00Z')
const due = '2026-03-20T12:00:00Z'
const patientOf = (id: number) => ({ type: 'PATIENT', id, email: `p${id}@example.org` }) as const

/** E-mail through an account of each organization; the host of `blocked` accepts and never answers. */
function accounts(concurrency: number) {
  const outbox = capture()
  const smtp: Transport = {
    ...outbox,
    name: 'smtp',
    channels: ['EMAIL'],
    needsAccount: true,
    concurrency,
    send: (message, context) =>
      message.organizationId === blocked ? new Promise(() => {}) : outbox.send(message, context),
  }
  return { outbox, smtp }
}

const settingsOf = (organization: string) => ({
  emailSmtpHost: `smtp.${organization}.example`,
  emailFromAddress: 'clinic@example.org',
  defaultEmailReminders: [24],
})

describe('an organization whose mail server never answers', () => {
  it('delays nobody else, however much of it is due', async () => {
    const { outbox, smtp } = accounts(3)
    await using clinic = await openClinic('2026-03-19T12:00:00Z', { transports: [smtp] })
    for (const organization of [blocked, quiet]) {
      await clinic.settings.createOrganizationSettings(organization, settingsOf(organization))
    }
    // More than one read holds, all of it due before the others'.
    for (let id = 1; id <= 700; id += 1) clinic.host.book({ id, startsAt: start, recipients: [patientOf(id)] })
    const others = [1001, 1002, 1003, 1004, 1005]
    for (const [index, id] of others.entries()) {
      const startsAt = new Date(start.getTime() + (index + 1) * 1000)
      clinic.host.book({ id, startsAt, organizationId: quiet, recipients: [patientOf(id)] })
    }
    await clinic.notifications.scheduleMany([...clinic.host.appointmentRows.keys()])
    await clinic.start()
    await clinic.clock.advanceTo(due)
    for (const [index, id] of others.entries()) {
      await clinic.clock.advance(1000)
      expect(outbox.sent.map((message) => message.to)).toContain(`p${id}@example.org`)
      expect(outbox.sent).toHaveLength(index + 1)
    }
    // Beside those that are still under way, the last outcome waits a moment for others.
    await clinic.clock.advance(10)
    const queued = await clinic.notifications.history({ state: 'sending', limit: 100 })
    expect(queued.notifications).toHaveLength(3)
  })

  it('keeps its notices behind it from nobody either', async () => {
    const { outbox, smtp } = accounts(1)
    await using clinic = await openClinic('2026-03-19T12:00:00Z', { transports: [smtp] })
    for (const organization of [blocked, quiet]) {
      await clinic.settings.createOrganizationSettings(organization, settingsOf(organization))
    }
    await clinic.start()
    for (let id = 1; id <= 600; id += 1) clinic.host.book({ id, startsAt: start, recipients: [patientOf(id)] })
    clinic.host.book({ id: 1001, startsAt: start, organizationId: quiet, recipients: [patientOf(1001)] })
    for (const id of clinic.host.appointmentRows.keys()) {
      await clinic.notifications.sendAppointmentNotification(id, { category: 'CONFIRMATION' })
    }
    await clinic.settle()
    expect(outbox.sent.map((message) => message.to)).toEqual(['p1001@example.org'])
  })
})

describe('organizations that send through one account', () => {
  it('take turns, whoever has more due', async () => {
    const outbox = capture()
    await using clinic = await openClinic('2026-03-19T12:00:00Z', { transports: [{ ...outbox, concurrency: 1 }] })
    for (let id = 1; id <= 30; id += 1) clinic.host.book({ id, startsAt: start, recipients: [patientOf(id)] })
    for (const id of [101, 102]) {
      clinic.host.book({ id, startsAt: start, organizationId: quiet, recipients: [patientOf(id)] })
    }
    await clinic.notifications.scheduleMany([...clinic.host.appointmentRows.keys()], { customReminders: [24] })
    await clinic.start()
    await clinic.clock.advanceTo(due)
    expect(outbox.sent).toHaveLength(32)
    const places = outbox.sent.flatMap((message, place) => (message.organizationId === quiet ? [place] : []))
    expect(Math.max(...places)).toBeLessThan(5)
  })

  it('and a group that is larger than the free places is not passed by for ever', async () => {
    const outbox = capture()
    const ends: (() => void)[] = []
    const busy: Transport = {
      ...outbox,
      concurrency: 10,
      send: async (message, context) => {
        const answer = await outbox.send(message, context)
        await new Promise<void>((resolve) => ends.push(resolve))
        return answer
      },
    }
    await using clinic = await openClinic('2026-03-19T12:00:00Z', { transports: [busy] })
    for (let id = 1; id <= 60; id += 1) clinic.host.book({ id, startsAt: start, recipients: [patientOf(id)] })
    const group = [101, 102, 103, 104, 105, 106, 107].map(patientOf)
    const aSecondLater = new Date(start.getTime() + 1000)
    clinic.host.book({ id: 101, startsAt: aSecondLater, organizationId: quiet, recipients: group })
    await clinic.notifications.scheduleMany([...clinic.host.appointmentRows.keys()], { customReminders: [24] })
    await clinic.start()
    await clinic.clock.advanceTo(due)
    await clinic.clock.advance(1000)
    // One send ends at a time, so that there is never room for seven by itself.
    while (outbox.sent.length < 67) {
      ends.shift()?.()
      await clinic.clock.advance(20)
    }
    const places = outbox.sent.flatMap((message, place) => (message.organizationId === quiet ? [place] : []))
    expect(Math.max(...places)).toBeLessThan(30)
    for (const end of ends) end()
  })

  it('pain 9: and each channel waits for itself only', async () => {
    const outbox = capture()
    const slow: Transport = {
      ...outbox,
      name: 'slow',
      channels: ['EMAIL'],
      concurrency: 1,
      send: () => new Promise(() => {}),
    }
    const texts: Transport = { ...outbox, name: 'texts', channels: ['SMS'] }
    await using clinic = await openClinic('2026-03-19T12:00:00Z', { transports: [slow, texts] })
    for (const id of [1, 2, 3]) {
      const phone = `+1415555010${id}`
      clinic.host.book({ id, startsAt: start, recipients: [{ ...patientOf(id), phone }] })
    }
    await clinic.notifications.scheduleMany([1, 2, 3], { customReminders: [24] })
    await clinic.start()
    await clinic.clock.advanceTo(due)
    expect(outbox.sent.map((message) => message.channel)).toEqual(['SMS', 'SMS', 'SMS'])
  })
})
