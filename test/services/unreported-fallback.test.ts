/** When another channel takes over from a message that was sent and not reported as delivered. */
import { describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import type { OrganizationSettingsInput } from '../../src/index.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { ManualClock } from '../support/manual-clock.ts'

const now = '2026-03-18T12:00:00Z'
const startsAt = '2026-03-20T15:00:00Z'
const sentAt = '2026-03-19T15:00:30Z'
const inTime = '2026-03-19T15:20:00Z'
const later = '2026-03-19T15:31:00Z'

const half: OrganizationSettingsInput = {
  defaultEmailReminders: [],
  defaultSmsReminders: [24],
  fallback: [{ channels: [{ channel: 'EMAIL', unreportedMinutes: 30 }] }],
}

/** Appointments 1 to 3, each of another person, of whom all get a text at the same time. */
async function openWith(settings: OrganizationSettingsInput = {}) {
  const clock = new ManualClock(now)
  const outbox = capture({ clock })
  const clinic = await openClinic(now, { clock, transports: [outbox] })
  await clinic.settings.createOrganizationSettings(organizationId, { ...half, ...settings })
  await clinic.start()
  const start = async (id: number, at = startsAt, sharing: readonly { id: number; email: string }[] = []) => {
    const person = { ...ada, id, email: `p${id}@example.org`, phone: `+1415555010${id}` }
    clinic.host.book({ id, startsAt: at, recipients: [person, ...sharing.map((other) => ({ ...person, ...other }))] })
    await clinic.notifications.scheduleReminders(id)
  }
  for (const id of [1, 2, 3]) await start(id)
  const rows = async () => (await clinic.notifications.history({ state: 'all', limit: 100 })).notifications
  const report = async (appointmentId: number, outcome: 'delivered' | 'failed', transient = false) => {
    const text = (await rows()).find((row) => row.appointmentId === appointmentId && row.channel === 'SMS')
    await clinic.recordReceipt(text?.id ?? 0, {
      outcome,
      transient,
      ...(outcome === 'failed' ? { code: '30005' } : {}),
    })
    await clinic.settle()
  }
  return {
    ...clinic,
    clock,
    start,
    report,
    texts: () => outbox.sent.filter(({ channel }) => channel === 'SMS').map(({ to }) => to),
    mails: () => outbox.sent.filter(({ channel }) => channel === 'EMAIL').map(({ to }) => to),
    waiting: async () =>
      (await rows()).flatMap(({ channel, reason }) => (channel === 'EMAIL' ? [reason] : [])).toSorted(),
    rows,
  }
}

describe('a text that is not reported in time', () => {
  it('has a mail in its place while others of its account are reported, and none that was reported', async () => {
    await using clinic = await openWith()
    await clinic.clock.advanceTo(sentAt)
    await clinic.report(2, 'delivered')
    await clinic.report(3, 'delivered')
    await clinic.clock.advanceTo(inTime)
    expect(clinic.mails()).toEqual([])
    await clinic.clock.advanceTo(later)
    expect(clinic.mails()).toEqual(['p1@example.org'])
    const rows = await clinic.rows()
    const text = rows.find(({ channel, appointmentId }) => channel === 'SMS' && appointmentId === 1)
    expect(rows.find(({ channel, status }) => channel === 'EMAIL' && status === 'SENT')?.fallbackOf).toBe(text?.id)
    const rules = (await clinic.notifications.explain(1)).map(({ rule }) => rule)
    expect(rules).toContain('fallback_if_unreported')
  })

  it('has one for each of several people with one number', async () => {
    await using clinic = await openWith()
    await clinic.start(4, startsAt, [{ id: 14, email: 'p14@example.org' }])
    await clinic.clock.advanceTo(sentAt)
    for (const id of [1, 2, 3]) await clinic.report(id, 'delivered')
    await clinic.clock.advanceTo(later)
    expect(clinic.mails().toSorted()).toEqual(['p14@example.org', 'p4@example.org'])
    await clinic.report(4, 'failed')
    expect(clinic.mails()).toHaveLength(2)
  })

  it('has none where no webhook comes any more, so that nobody gets everything twice', async () => {
    await using clinic = await openWith()
    await clinic.start(4, '2026-03-20T14:00:00Z')
    await clinic.clock.advanceTo('2026-03-19T14:01:00Z')
    await clinic.report(4, 'delivered')
    // From here on the webhook is broken.
    await clinic.clock.advanceTo('2026-03-20T16:00:00Z')
    expect(clinic.mails()).toEqual([])
    expect(await clinic.waiting()).toEqual(['fallback_needless', ...Array(3).fill('fallback_unproven')])
  })

  it('has its mail at once, and only one, where it is reported as failed before', async () => {
    await using clinic = await openWith()
    await clinic.clock.advanceTo(sentAt)
    await clinic.report(1, 'failed')
    await clinic.clock.advanceTo(inTime)
    expect(clinic.mails()).toEqual(['p1@example.org'])
    await clinic.report(2, 'delivered')
    await clinic.report(3, 'delivered')
    await clinic.clock.advanceTo('2026-03-20T16:00:00Z')
    expect(clinic.mails()).toHaveLength(1)
  })

  it('has its mail when it is reported as failed later than that, even if nothing said so when it was due', async () => {
    await using clinic = await openWith()
    await clinic.clock.advanceTo(later)
    expect(clinic.mails()).toEqual([])
    expect(await clinic.waiting()).toEqual(Array(3).fill('fallback_unproven'))
    await clinic.report(1, 'failed')
    await clinic.clock.advance(1000)
    expect(clinic.mails()).toEqual(['p1@example.org'])
    await clinic.report(1, 'failed')
    await clinic.clock.advanceTo('2026-03-20T16:00:00Z')
    expect(clinic.mails()).toHaveLength(1)
  })

  it('has none while it is tried again, and waits anew from then on', async () => {
    await using clinic = await openWith()
    await clinic.clock.advanceTo('2026-03-19T15:29:00Z')
    await clinic.report(2, 'delivered')
    await clinic.report(1, 'failed', true)
    await clinic.clock.advanceTo(later)
    expect(clinic.mails()).toEqual(['p3@example.org'])
    await clinic.clock.advanceTo('2026-03-19T15:50:00Z')
    expect(clinic.texts().filter((to) => to === '+14155550101')).toHaveLength(2)
    expect(clinic.mails()).toEqual(['p3@example.org'])
    await clinic.start(4, '2026-03-20T15:51:00Z')
    await clinic.clock.advanceTo('2026-03-19T15:52:00Z')
    await clinic.report(4, 'delivered')
    await clinic.clock.advanceTo('2026-03-19T16:30:00Z')
    expect(clinic.mails()).toEqual(['p3@example.org', 'p1@example.org'])
  })

  it('has none after the start, nor once the organization no longer wants it, nor where what may have arrived is held', async () => {
    await using late = await openWith({ fallback: [{ channels: [{ channel: 'EMAIL', unreportedMinutes: 24 * 60 }] }] })
    await late.clock.advanceTo(sentAt)
    await late.report(2, 'delivered')
    await late.clock.advanceTo('2026-03-20T16:00:00Z')
    expect(late.mails()).toEqual([])
    await using off = await openWith()
    await off.clock.advanceTo(sentAt)
    await off.report(2, 'delivered')
    await off.settings.updateOrganizationSettings(organizationId, { fallback: [{ channels: [{ channel: 'EMAIL' }] }] })
    await off.clock.advanceTo(later)
    expect(off.mails()).toEqual([])
    await using holding = await openWith({ unknownOutcome: 'hold' })
    await holding.clock.advanceTo(sentAt)
    expect(await holding.waiting()).toEqual([])
  })
})
