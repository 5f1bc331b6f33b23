/** What a waitlist offers must still be there to take. */
import { describe, expect, it } from 'vitest'
import { ask, service } from '../../conformance/http/world.ts'
import { ada, openClinic, organizationId } from '../../support/clinic.ts'

const minute = 60_000
const now = '2026-03-18T12:00:00Z'
const at = (ms: number) => new Date(Date.parse(now) + ms)

async function clinicWith(entry: { readonly startsAt?: Date | null; readonly expiresAt?: Date }) {
  const clinic = await openClinic(now, { authenticate: () => service })
  const place = { id: 7, organizationId, timeZone: 'America/New_York', recipients: [{ ...ada, phone: null }] }
  clinic.host.waitlistRows.set(7, { ...place, ...entry })
  await clinic.start()
  return clinic
}

const offer = { method: 'POST', path: '/send/waitlist/7', body: {}, caller: service }

describe('an offer of a waitlist', () => {
  it.for([
    ['a minute ago', -minute],
    ['this very moment', 0],
  ] as const)('is refused for a slot that started %s', async ([, ms]) => {
    await using clinic = await clinicWith({ startsAt: at(ms) })
    const refused = { code: 'slot_started', field: 'waitlistEntryId' }
    await expect(clinic.notifications.notifyWaitlist(7)).rejects.toMatchObject(refused)
    expect(await ask(clinic, offer)).toMatchObject({ status: 409, answer: { code: 'slot_started' } })
    await clinic.settle()
    expect(clinic.outbox.sent).toEqual([])
    expect((await clinic.notifications.history({ state: 'cancelled' })).total).toBe(0)
  })

  it('is refused once it has expired', async () => {
    await using clinic = await clinicWith({ startsAt: at(60 * minute), expiresAt: at(-1) })
    await expect(clinic.notifications.notifyWaitlist(7)).rejects.toMatchObject({ code: 'offer_expired' })
    expect(await ask(clinic, offer)).toMatchObject({ status: 409, answer: { code: 'offer_expired' } })
  })

  it.for([{ startsAt: at(1) }, { startsAt: null }, { expiresAt: at(1) }])('goes out before that: %o', async (entry) => {
    await using clinic = await clinicWith(entry)
    expect(await ask(clinic, offer)).toMatchObject({ status: 201 })
    await clinic.settle()
    expect(clinic.sentTo()).toEqual([`EMAIL ${ada.email}`])
  })

  it('that waits for the host is not made after its slot has started, though it expires later', async () => {
    await using clinic = await clinicWith({ startsAt: at(minute), expiresAt: at(60 * minute) })
    await clinic.notifications.notifyWaitlist(7)
    clinic.host.fault = new Error('away')
    await clinic.clock.advance(2 * minute)
    clinic.host.fault = null
    await clinic.clock.advance(30 * minute)
    expect(clinic.outbox.sent).toEqual([])
    expect((await clinic.notifications.history()).notifications).toMatchObject([{ status: 'FAILED' }])
  })
})
