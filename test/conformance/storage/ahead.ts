import { expect, it } from 'vitest'
import { minutes, type Starter, t0 } from './harness.ts'
import { newDelivery, organizationId, planCommand, planRow, queue } from './rows.ts'

const planned = (appointmentId: number, change = {}) =>
  planCommand({ plan: planRow({ appointmentId, ...change }), reminders: [] })

export function ahead({ migrated }: Starter): void {
  it('gives the active plans of an organization after a place and up to a time, by start', async () => {
    const { storage } = await migrated()
    await storage.plans.apply([
      planned(1, { startsAt: minutes(30) }),
      planned(2, { startsAt: minutes(20) }),
      planned(3, { startsAt: minutes(20) }),
      planned(4, { startsAt: minutes(10), organizationId: 'another' }),
      planned(5, { startsAt: minutes(10), status: 'cancelled' }),
      planned(6, { startsAt: t0 }),
      planned(7, { startsAt: minutes(31) }),
      planned(8, { startsAt: minutes(10) }),
    ])
    const begin = { startsAt: t0, id: 2 ** 31 - 1 }
    const query = { organizationId, until: minutes(30), after: begin }
    const all = await storage.plans.ahead({ ...query, limit: 10 })
    expect(all.map(({ plan }) => plan.appointmentId)).toEqual([8, 2, 3, 1])
    expect(all[1]?.plan).toEqual(planRow({ appointmentId: 2, startsAt: minutes(20) }))
    expect(all[1]?.place.startsAt).toEqual(minutes(20))
    expect(all[1]?.createdAt).toEqual(t0)
    // Page by page it is the same, also where a page ends between two that start together.
    const seen: unknown[] = []
    for (let after = begin; ; ) {
      const page = await storage.plans.ahead({ ...query, after, limit: 2 })
      seen.push(page.map(({ plan }) => plan.appointmentId).join(' '))
      const last = page.at(-1)
      if (last === undefined) break
      after = last.place
    }
    expect(seen).toEqual(['8 2', '3 1', ''])
    expect(await storage.plans.ahead({ ...query, until: t0, limit: 10 })).toEqual([])
    expect(await storage.plans.ahead({ ...query, organizationId: 'nobody', limit: 10 })).toEqual([])
  })

  it('gives the newest deliveries of several appointments, whatever became of them', async () => {
    const { storage } = await migrated()
    const notice = async (changes: Parameters<typeof newDelivery>[0]) =>
      (await queue(storage, [newDelivery(changes)]))[0]
    const first = await notice({ appointmentId: 1, dedupeKey: 'a', category: 'CONFIRMATION' })
    const second = await notice({ appointmentId: 1, dedupeKey: 'b', category: 'RESCHEDULE' })
    const third = await notice({ appointmentId: 2, dedupeKey: 'c' })
    await notice({ appointmentId: 1, dedupeKey: 'd', organizationId: 'another' })
    await notice({ appointmentId: 3, dedupeKey: 'e' })
    const places = [1, 2, 4].map((appointmentId) => ({ organizationId, appointmentId }))
    const found = await storage.deliveries.ofAppointments(places, 10)
    const idsOf = (rows: readonly { id: number }[]) => rows.map(({ id }) => id).sort((one, other) => one - other)
    expect(idsOf(found)).toEqual([first?.id, second?.id, third?.id])
    expect(found.find(({ id }) => id === second?.id)).toEqual(second)
    expect(idsOf(await storage.deliveries.ofAppointments(places, 1))).toEqual([second?.id, third?.id])
    expect(await storage.deliveries.ofAppointments([], 10)).toEqual([])
    expect(await storage.deliveries.ofAppointments(places, 10, { withCalendar: true })).toEqual([])
  })
}
