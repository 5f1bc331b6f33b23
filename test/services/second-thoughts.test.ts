import { describe, expect, it } from 'vitest'
import { ada, openClinic, organizationId } from '../support/clinic.ts'

const now = '2026-03-18T12:00:00Z'
const start = '2026-03-20T15:00:00Z'
const byMail = { ...ada, phone: null }
const minute = 60_000

/** Lifecycle events wait a minute, as they do unless somebody says otherwise. */
async function thoughtfulClinic(settleMs: number | undefined = undefined) {
  const clinic = await openClinic(now, { settleMs: settleMs ?? 60_000 })
  clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
  await clinic.start()
  return clinic
}

async function booked(settleMs?: number) {
  const clinic = await thoughtfulClinic(settleMs)
  await clinic.notifications.appointmentBooked(1)
  await clinic.clock.advance(2 * minute)
  return clinic
}

type Clinic = Awaited<ReturnType<typeof booked>>
const sent = ({ outbox }: Clinic) => outbox.sent.map(({ category }) => category)
const rules = async ({ notifications }: Clinic) =>
  (await notifications.explain(1)).map(({ action, rule }) => `${action} ${rule}`)

async function cancelled(clinic: Clinic) {
  clinic.host.change(1, { status: 'cancelled' })
  await clinic.notifications.appointmentCancelled(1)
}
async function reinstated(clinic: Clinic) {
  clinic.host.change(1, { status: 'scheduled' })
  await clinic.notifications.appointmentBooked(1)
}
async function moved(clinic: Clinic, startsAt: string) {
  clinic.host.change(1, { startsAt })
  await clinic.notifications.appointmentRescheduled(1)
}

describe('second thoughts', () => {
  it('a notice waits for them; what is asked for does not', async () => {
    await using clinic = await thoughtfulClinic()
    const { notifications } = await clinic.notifications.appointmentBooked(1)
    expect(notifications).toHaveLength(1)
    await clinic.clock.advance(minute - 1)
    expect(sent(clinic)).toEqual([])
    await clinic.clock.advance(1)
    expect(sent(clinic)).toEqual(['CONFIRMATION'])
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    await clinic.settle()
    expect(sent(clinic)).toHaveLength(2)
  })

  it('an organization may want none, or more; the last of its time is not spent waiting', async () => {
    await using clinic = await thoughtfulClinic()
    await clinic.settings.createOrganizationSettings(organizationId, { settleMs: 0, quietHours: [] })
    await clinic.notifications.appointmentBooked(1)
    await clinic.settle()
    expect(sent(clinic)).toEqual(['CONFIRMATION'])
    await clinic.settings.updateOrganizationSettings(organizationId, { settleMs: 5 * minute })
    await cancelled(clinic)
    await clinic.clock.advance(5 * minute - 1)
    expect(sent(clinic)).toHaveLength(1)
    await clinic.clock.advance(1)
    expect(sent(clinic)).toEqual(['CONFIRMATION', 'CANCELLATION'])
    clinic.host.book({ id: 2, startsAt: new Date(clinic.clock.now().getTime() + minute), recipients: [byMail] })
    await clinic.notifications.appointmentBooked(2, { notify: false })
    clinic.host.change(2, { status: 'cancelled' })
    await clinic.notifications.appointmentCancelled(2)
    await clinic.settle()
    expect(sent(clinic)).toEqual(['CONFIRMATION', 'CANCELLATION', 'CANCELLATION'])
  })

  it('cancelled by mistake and taken back: nothing', async () => {
    await using clinic = await booked()
    await cancelled(clinic)
    await reinstated(clinic)
    await clinic.clock.advance(2 * minute)
    expect(sent(clinic)).toEqual(['CONFIRMATION'])
    expect(await rules(clinic)).toEqual(expect.arrayContaining(['skipped mended', 'cancelled mended']))
    const [queued] = (await clinic.notifications.history({ state: 'cancelled' })).notifications
    expect([queued?.category, queued?.reason]).toEqual(['CANCELLATION', 'mended'])
  })

  it('cancelled, and taken back after the notice went out: told so', async () => {
    await using clinic = await booked()
    await cancelled(clinic)
    await clinic.clock.advance(2 * minute)
    await reinstated(clinic)
    await clinic.clock.advance(2 * minute)
    expect(sent(clinic)).toEqual(['CONFIRMATION', 'CANCELLATION', 'CONFIRMATION'])
    const [first, , last] = clinic.outbox.sent
    expect(first?.text).not.toContain('disregard')
    expect(last?.text).toContain('is confirmed. Please disregard the cancellation.')
    // Cancelled once more, before that is out: they know already.
    clinic.host.change(1, { startsAt: '2026-03-21T15:00:00Z' })
    await clinic.notifications.appointmentRescheduled(1)
    await clinic.clock.advance(2 * minute)
    expect(sent(clinic).at(-1)).toBe('RESCHEDULE')
  })

  it('taken back and cancelled again: nothing more', async () => {
    await using clinic = await booked()
    await cancelled(clinic)
    await clinic.clock.advance(2 * minute)
    await reinstated(clinic)
    await cancelled(clinic)
    await clinic.clock.advance(2 * minute)
    expect(sent(clinic)).toEqual(['CONFIRMATION', 'CANCELLATION'])
  })

  it('booked and cancelled: nothing, whatever the directory says by then', async () => {
    await using clinic = await thoughtfulClinic()
    await clinic.notifications.appointmentBooked(1)
    await clinic.notifications.appointmentCancelled(1)
    await clinic.clock.advance(2 * minute)
    expect(sent(clinic)).toEqual([])
  })

  it('the same call once more: nothing more', async () => {
    await using clinic = await thoughtfulClinic()
    await clinic.notifications.appointmentBooked(1)
    await cancelled(clinic)
    await cancelled(clinic)
    await clinic.clock.advance(2 * minute)
    expect(sent(clinic)).toEqual([])
    await reinstated(clinic)
    await clinic.clock.advance(2 * minute)
    expect(sent(clinic)).toEqual(['CONFIRMATION'])
    await cancelled(clinic)
    await reinstated(clinic)
    await clinic.notifications.appointmentBooked(1)
    await moved(clinic, '2026-03-21T15:00:00Z')
    await moved(clinic, start)
    await clinic.notifications.appointmentRescheduled(1)
    await clinic.clock.advance(2 * minute)
    expect(sent(clinic)).toEqual(['CONFIRMATION'])
  })

  it('booked and cancelled, then booked by somebody who said so: a cancellation is told, whoever notices it first', async () => {
    await using clinic = await thoughtfulClinic()
    await clinic.notifications.appointmentBooked(1)
    await cancelled(clinic)
    clinic.host.change(1, { status: 'scheduled' })
    await clinic.notifications.appointmentBooked(1, { notify: false })
    clinic.host.change(1, { status: 'cancelled' })
    await clinic.reconcile()
    await clinic.notifications.appointmentCancelled(1)
    await clinic.clock.advance(2 * minute)
    expect(sent(clinic)).toEqual(['CANCELLATION'])
  })

  it('moved and moved back: nothing; moved twice: one message with the last time', async () => {
    await using clinic = await booked()
    await moved(clinic, '2026-03-21T15:00:00Z')
    await moved(clinic, start)
    await clinic.clock.advance(2 * minute)
    expect(sent(clinic)).toEqual(['CONFIRMATION'])
    await moved(clinic, '2026-03-21T15:00:00Z')
    await moved(clinic, '2026-03-22T15:00:00Z')
    await clinic.clock.advance(2 * minute)
    expect(sent(clinic)).toEqual(['CONFIRMATION', 'RESCHEDULE'])
    expect(clinic.outbox.sent.at(-1)?.text).toContain('March 22')
  })

  it('booked and moved: one confirmation of the new time', async () => {
    await using clinic = await thoughtfulClinic()
    await clinic.notifications.appointmentBooked(1)
    await moved(clinic, '2026-03-21T15:00:00Z')
    await clinic.clock.advance(2 * minute)
    expect(sent(clinic)).toEqual(['CONFIRMATION'])
    expect(clinic.outbox.sent[0]?.text).toContain('March 21')
  })

  it('cancelled, then booked at another time: told of the move', async () => {
    await using clinic = await booked()
    await cancelled(clinic)
    clinic.host.change(1, { status: 'scheduled', startsAt: '2026-03-21T15:00:00Z' })
    await clinic.notifications.appointmentBooked(1)
    await clinic.clock.advance(2 * minute)
    expect(sent(clinic)).toEqual(['CONFIRMATION', 'RESCHEDULE'])
    expect(clinic.outbox.sent[1]?.text).toContain('March 21')
  })

  it('moved, and cancelled before that was told: named by the time that the person knows', async () => {
    await using clinic = await booked()
    await moved(clinic, '2026-03-20T18:00:00Z')
    await cancelled(clinic)
    await clinic.clock.advance(2 * minute)
    expect(sent(clinic)).toEqual(['CONFIRMATION', 'CANCELLATION'])
    expect(clinic.outbox.sent.at(-1)?.text).toContain('Time: 11:00 AM')
  })

  it('moved elsewhere, back, and elsewhere again: told of the last', async () => {
    await using clinic = await booked()
    const at = async (location: string) => {
      clinic.host.change(1, { location })
      await clinic.notifications.appointmentRescheduled(1)
    }
    const [before = null] = [clinic.host.appointmentRows.get(1)?.location]
    await at('Elsewhere 1')
    await at(String(before))
    await clinic.clock.advance(2 * minute)
    expect(sent(clinic)).toEqual(['CONFIRMATION'])
    await at('Elsewhere 1')
    await clinic.clock.advance(2 * minute)
    expect(sent(clinic)).toEqual(['CONFIRMATION', 'RESCHEDULE'])
    expect(clinic.outbox.sent.at(-1)?.text).toContain('Elsewhere 1')
  })
})
