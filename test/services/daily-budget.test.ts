import { describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { type NotificationsOptions, TransportError } from '../../src/index.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'

const byMail = { ...ada, phone: null }

async function frugalClinic(
  dailyBudget: number,
  now = '2026-03-18T12:00:00Z',
  options: Partial<NotificationsOptions> = {},
) {
  const clinic = await openClinic(now, options)
  await clinic.settings.createOrganizationSettings(organizationId, {
    dailyBudget,
    quietHours: [],
    defaultEmailReminders: [24],
    defaultSmsReminders: [],
  })
  await clinic.start()
  return clinic
}

describe('the budget of a person and day', () => {
  it('is for what is nearest; the rest is left out, and explained', async () => {
    await using clinic = await frugalClinic(2)
    for (const [id, hour] of [
      [1, 13],
      [2, 14],
      [3, 15],
      [4, 16],
    ] as const) {
      clinic.host.book({ id, startsAt: `2026-03-20T${hour}:00:00Z`, recipients: [byMail] })
      await clinic.notifications.scheduleReminders(id)
    }
    // Due first that day, for the last of the appointments.
    await clinic.notifications.scheduleReminders(4, { customReminders: [30] })
    await clinic.clock.advanceTo('2026-03-20T03:00:00Z')
    expect(clinic.outbox.sent.map(({ text }) => /at (\d+:00 [AP]M)/.exec(text)?.[1])).toEqual(['9:00 AM', '10:00 AM'])
    for (const id of [3, 4]) {
      const lines = await clinic.notifications.explain(id)
      expect(lines.at(-1)).toMatchObject({ action: 'cancelled', rule: 'budget_spent' })
    }
  })

  it.each([
    [1, ['9:00 AM']],
    [2, ['9:00 AM', '11:00 AM']],
  ])('of %i is for as many of what is due at once', async (budget, starts) => {
    await using clinic = await frugalClinic(budget)
    for (const [id, hour] of [
      [1, 13],
      [2, 15],
    ] as const) {
      clinic.host.book({ id, startsAt: `2026-03-20T${hour}:00:00Z`, recipients: [byMail] })
      await clinic.notifications.scheduleReminders(id, { customReminders: [hour + 2] })
    }
    await clinic.clock.advanceTo('2026-03-19T23:00:00Z')
    expect(clinic.outbox.sent.map(({ text }) => /at (\d+:00 [AP]M)/.exec(text)?.[1])).toEqual(starts)
  })

  it('is anew on the next day by the clocks of the person; cancellations and reschedules are outside of it', async () => {
    await using clinic = await frugalClinic(1, '2026-03-18T23:00:00Z')
    clinic.host.book({ id: 1, startsAt: '2026-04-20T13:00:00Z', recipients: [byMail] })
    const send = async (category: 'CONFIRMATION' | 'RESCHEDULE') => {
      await clinic.notifications.sendAppointmentNotification(1, { category })
      await clinic.settle()
      return clinic.outbox.sent.length
    }
    expect([await send('CONFIRMATION'), await send('CONFIRMATION'), await send('RESCHEDULE')]).toEqual([1, 1, 2])
    // Midnight in UTC is none in New York.
    await clinic.clock.advanceTo('2026-03-19T03:59:59Z')
    expect(await send('CONFIRMATION')).toBe(2)
    await clinic.clock.advanceTo('2026-03-19T04:00:00Z')
    expect(await send('CONFIRMATION')).toBe(3)
    expect(await clinic.notifications.recipientDeleted({ type: 'PATIENT', id: ada.id })).toMatchObject({ inFlight: 0 })
  })

  it('counts all channels, and nobody else’s messages', async () => {
    await using clinic = await frugalClinic(1)
    clinic.host.book({
      id: 1,
      startsAt: '2026-04-20T13:00:00Z',
      recipients: [ada, { ...ada, type: 'CLIENT', email: 'c@example.org', phone: null }],
    })
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    await clinic.settle()
    expect(clinic.outbox.sent.map(({ channel, to }) => `${channel} ${to}`).toSorted()).toEqual([
      'EMAIL ada@example.org',
      'EMAIL c@example.org',
    ])
  })

  it('of whoever has room counts where a notice is for several with one address', async () => {
    await using clinic = await frugalClinic(1)
    const byron = { ...byMail, type: 'CLIENT', id: 5, name: 'Byron' } as const
    clinic.host.book({ id: 1, startsAt: '2026-04-20T13:00:00Z', recipients: [byMail] })
    clinic.host.book({ id: 2, startsAt: '2026-04-21T13:00:00Z', recipients: [byMail, byron] })
    const send = async (id: number) => {
      await clinic.notifications.sendAppointmentNotification(id, { category: 'CONFIRMATION' })
      await clinic.settle()
      return clinic.outbox.sent.length
    }
    expect([await send(1), await send(2), await send(2)]).toEqual([1, 2, 2])
  })

  it('has room for what takes the place of a message that counted', async () => {
    const refusal = new TransportError('Refused.', { outcome: 'permanent', code: 'refused' })
    const outbox = capture({ fail: ({ channel }) => (channel === 'EMAIL' ? refusal : null) })
    await using clinic = await frugalClinic(1, '2026-03-18T12:00:00Z', { transports: [outbox] })
    await clinic.settings.updateOrganizationSettings(organizationId, { fallback: [{ channels: [{ channel: 'SMS' }] }] })
    clinic.host.book({ id: 1, startsAt: '2026-03-20T13:00:00Z' })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo('2026-03-19T13:05:00Z')
    expect(outbox.sent.map(({ channel }) => channel)).toEqual(['SMS'])
  })

  it('is refused where TaskManager sends, which has each reminder long before its day', async () => {
    const taskManager = { url: 'https://tasks.example', mode: 'deliver' } as const
    await using clinic = await openClinic('2026-03-18T12:00:00Z', {
      taskManager,
      publicUrl: 'https://clinic.example/n',
    })
    const create = clinic.settings.createOrganizationSettings(organizationId, { dailyBudget: 2 })
    await expect(create).rejects.toMatchObject({ code: 'invalid_input', field: 'dailyBudget' })
  })
})
