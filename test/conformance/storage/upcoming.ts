import { expect, it } from 'vitest'
import type { Store } from '../../../src/records/store.ts'
import { minutes, type Starter, t0 } from './harness.ts'
import { planCommand, planRow } from './rows.ts'

const planned = (appointmentId: number, change = {}) =>
  planCommand({ plan: planRow({ appointmentId, ...change }), reminders: [] })

async function pages(storage: Store, limit: number, between: () => Promise<unknown> = async () => {}) {
  const sizes: number[] = []
  const seen: unknown[] = []
  let cursor: string | null = null
  do {
    const page = await storage.plans.upcoming(t0, cursor, limit)
    sizes.push(page.plans.length)
    seen.push(...page.plans.map((plan) => plan.appointmentId))
    cursor = page.cursor
    await between()
  } while (cursor !== null && sizes.length < 100)
  return { sizes, seen: seen.sort() }
}

export function upcoming({ migrated }: Starter): void {
  it('pages through the active plans that start later, of all organizations, each once', async () => {
    const { storage } = await migrated()
    await storage.plans.apply([
      ...[1, 2, 3, 4].map((id) => planned(id)),
      planned(5, { organizationId: 'another' }),
      planned(6, { startsAt: t0 }),
      planned(7, { startsAt: minutes(-1) }),
      planned(8, { status: 'cancelled' }),
      planned(9, { startsAt: minutes(1) }),
    ])
    const { sizes, seen } = await pages(storage, 4)
    expect(seen).toEqual([1, 2, 3, 4, 5, 9])
    expect(sizes).toEqual([4, 2])
    expect((await storage.plans.upcoming(t0, null, 1)).plans).toEqual([planRow({ appointmentId: 1 })])
  })

  it('ends where the pages come out even, and where nothing is planned', async () => {
    const { storage } = await migrated()
    expect((await pages(storage, 2)).seen).toEqual([])
    await storage.plans.apply([1, 2, 3, 4].map((id) => planned(id)))
    expect((await pages(storage, 2)).seen).toEqual([1, 2, 3, 4])
  })

  it('shows each plan once while plans before and after the cursor move', async () => {
    const { storage } = await migrated()
    await storage.plans.apply([1, 2, 3, 4, 5].map((id) => planned(id)))
    let revision = 1
    const { seen } = await pages(storage, 2, async () => {
      const commands = [1, 5].map((appointmentId) =>
        planCommand({
          expectedRevision: revision,
          plan: planRow({ appointmentId, startsAt: minutes(100 - revision), revision: revision + 1 }),
          reminders: [],
        }),
      )
      await storage.plans.apply(commands)
      revision += 1
    })
    expect(seen).toEqual([1, 2, 3, 4, 5])
    expect(revision).toBeGreaterThan(2)
  })
}
