import { expect, it } from 'vitest'
import type { ReplanScope } from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'
import { minutes, type Starter, t0 } from './harness.ts'
import { client, noPreferences, noSettings, organizationId, patient, planCommand, planRow } from './rows.ts'

const everybody: ReplanScope = { organizationId, recipient: null }

const planMany = (storage: Store, count: number) =>
  storage.plans.apply(
    Array.from({ length: count }, (_, index) =>
      planCommand({
        plan: planRow({ appointmentId: index + 1, recipients: index % 2 === 0 ? [patient] : [client] }),
        reminders: [],
      }),
    ),
  )

/** Follows the job to its end as a worker does; gives the appointments in the order seen. */
async function work(storage: Store, limit: number): Promise<unknown[]> {
  const seen: unknown[] = []
  for (let pages = 0; pages < 100; pages += 1) {
    const page = await storage.plans.nextReplanPage(t0, limit)
    if (page === null) return seen
    seen.push(...page.plans.map((plan) => plan.appointmentId))
    await storage.plans.advanceReplan(page.jobId, page.plans.length === 0 ? null : page.cursor)
  }
  throw new Error('the job does not end')
}

export function replans({ migrated }: Starter): void {
  it('pages through the future active appointments of an organization, each once, to the end', async () => {
    const { storage } = await migrated()
    await planMany(storage, 7)
    await storage.plans.apply([
      planCommand({ plan: planRow({ appointmentId: 50, startsAt: minutes(-1) }), reminders: [] }),
      planCommand({ plan: planRow({ appointmentId: 51, status: 'cancelled' }), reminders: [] }),
      planCommand({ plan: planRow({ appointmentId: 52, organizationId: 'another' }), reminders: [] }),
    ])
    expect(await storage.plans.nextReplanPage(t0, 3)).toBeNull()
    await storage.settings.create(organizationId, noSettings, everybody, t0)
    const seen = await work(storage, 3)
    expect([...seen].sort()).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(await storage.plans.nextReplanPage(t0, 3)).toBeNull()
  })

  it('ends also where the pages come out even, or nothing is planned', async () => {
    const { storage } = await migrated()
    await storage.settings.create(organizationId, noSettings, everybody, t0)
    expect(await work(storage, 3)).toEqual([])
    await planMany(storage, 6)
    await storage.settings.update(organizationId, { emailEnabled: false }, everybody, t0)
    expect(await work(storage, 3)).toHaveLength(6)
  })

  it('finds the appointments of one recipient', async () => {
    const { storage } = await migrated()
    await planMany(storage, 7)
    const scope: ReplanScope = { organizationId, recipient: client }
    await storage.preferences.create(organizationId, client, noPreferences, scope, t0)
    expect(await work(storage, 2)).toEqual([2, 4, 6])
    await storage.plans.apply([
      planCommand({
        expectedRevision: 1,
        plan: planRow({ appointmentId: 2, recipients: [patient], revision: 2 }),
        reminders: [],
      }),
      planCommand({
        expectedRevision: 1,
        plan: planRow({ appointmentId: 3, recipients: [client], revision: 2 }),
        reminders: [],
      }),
    ])
    await storage.preferences.update(client, { emailEnabled: false }, scope, t0)
    expect((await work(storage, 2)).sort()).toEqual([3, 4, 6])
  })

  it('does not miss an appointment that moves while the job runs', async () => {
    const { storage } = await migrated()
    await planMany(storage, 4)
    await storage.settings.create(organizationId, noSettings, everybody, t0)
    const first = await storage.plans.nextReplanPage(t0, 2)
    if (first === null) throw new Error('expected a page')
    await storage.plans.advanceReplan(first.jobId, first.cursor)
    const rest = [1, 2, 3, 4].filter((id) => !first.plans.some((plan) => plan.appointmentId === id))
    await storage.plans.apply(
      rest.map((appointmentId) =>
        planCommand({
          expectedRevision: 1,
          plan: planRow({ appointmentId, startsAt: minutes(1), revision: 2 }),
          reminders: [],
        }),
      ),
    )
    expect((await work(storage, 10)).sort()).toEqual(rest)
  })

  it('does not go back for a slower worker', async () => {
    const { storage } = await migrated()
    await planMany(storage, 6)
    await storage.settings.create(organizationId, noSettings, everybody, t0)
    const first = await storage.plans.nextReplanPage(t0, 2)
    if (first === null) throw new Error('expected a page')
    expect(await storage.plans.nextReplanPage(t0, 2)).toEqual(first)
    await storage.plans.advanceReplan(first.jobId, first.cursor)
    const second = await storage.plans.nextReplanPage(t0, 2)
    await storage.plans.advanceReplan(second?.jobId ?? 0, second?.cursor ?? null)
    await storage.plans.advanceReplan(first.jobId, first.cursor)
    expect((await storage.plans.nextReplanPage(t0, 2))?.plans).toHaveLength(2)
    expect(await work(storage, 2)).toHaveLength(2)
  })

  it('starts anew when the scope is asked for again, whatever an older worker says', async () => {
    const { storage } = await migrated()
    await planMany(storage, 4)
    await storage.settings.create(organizationId, noSettings, everybody, t0)
    const old = await storage.plans.nextReplanPage(t0, 2)
    if (old === null) throw new Error('expected a page')
    await storage.settings.update(organizationId, { emailEnabled: false }, everybody, minutes(1))
    await storage.plans.advanceReplan(old.jobId, old.cursor)
    await storage.plans.advanceReplan(old.jobId, null)
    expect(await work(storage, 3)).toHaveLength(4)
  })

  it('queues nothing for a change that was not made', async () => {
    const { storage } = await migrated()
    await planMany(storage, 1)
    expect(await storage.settings.update(organizationId, { emailEnabled: false }, everybody, t0)).toBeNull()
    expect(await storage.preferences.update(patient, { emailEnabled: false }, everybody, t0)).toBeNull()
    expect(await storage.plans.nextReplanPage(t0, 3)).toBeNull()
  })
}
