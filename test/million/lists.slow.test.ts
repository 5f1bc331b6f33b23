/** Pages and totals of every question of `questions.ts`, beside what a query without any art finds in the same rows. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readHistory } from '../../src/services/insight/history.ts'
import { openDatabase } from '../support/postgres-server.ts'
import { type Place, postgresPlace, sqlitePlace } from './places.ts'
import { type Filter, filtersOf } from './questions.ts'
import { type Dialect, paged, type Size } from './rows.ts'

/** Just more than are counted, and without the first instant just as many. */
const size: Size = { rows: 10_499, now: Date.parse('2031-03-11T12:00:00Z'), organizations: 40 }
const at = (days: number) => new Date(size.now + days * 86_400_000)

const columns = {
  organizationId: 'organization_id',
  recipientType: 'recipient_type',
  recipientId: 'recipient_id',
  appointmentId: 'appointment_id',
  waitlistEntryId: 'waitlist_entry_id',
  channel: 'notification_type',
  category: 'notification_category',
  status: 'status',
} as const

function queryOf(dialect: Dialect, { state = 'settled', startDate, endDate, ...asked }: Filter): string {
  const conditions = Object.entries(columns).flatMap(([field, column]) =>
    Object.entries(asked).flatMap(([name, value]) => (name === field ? [`${column} = '${value}'`] : [])),
  )
  if (state !== 'all') conditions.push(`delivery_state = '${state}'`)
  if (startDate !== undefined) conditions.push(`created_at >= ${dialect.instant(String(startDate.getTime()))}`)
  if (endDate !== undefined) conditions.push(`created_at <= ${dialect.instant(String(endDate.getTime()))}`)
  const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`
  return `select id from notification_history ${where} order by created_at desc, id desc`
}

describe.each([
  ['SQLite', () => sqlitePlace(size, paged)],
  ['Postgres', async () => postgresPlace(size, (await openDatabase()).url, paged)],
] as const)('lists on %s', (_, make) => {
  let place: Place
  beforeAll(async () => {
    place = await make()
  })
  afterAll(() => place[Symbol.asyncDispose]())

  const pageOf = async (filter: Filter) => {
    const { notifications, ...page } = await readHistory(place.storage, filter)
    return { ...page, ids: notifications.map(({ id }) => id) }
  }

  it('finds the rows of each filter, and counts them as far as that is promised', async () => {
    for (const [name, filter] of Object.entries(filtersOf(at, size.rows))) {
      const { cursor, offset = 0, ...asked } = filter
      const all = await place.idsOf(queryOf(place.dialect, asked))
      const { ids, total, totalIsExact } = await pageOf(filter)
      expect({ name, total, totalIsExact }).toEqual({
        name,
        total: Math.min(all.length, 10_000),
        totalIsExact: all.length <= 10_000,
      })
      if (cursor === undefined) expect({ name, ids }).toEqual({ name, ids: all.slice(offset, offset + 50) })
    }
  })

  it('goes on by cursor through all pages, each row once, and by offset through the same', async () => {
    const filter: Filter = { channel: 'SMS', state: 'all', startDate: at(-170), endDate: at(-120) }
    const all = await place.idsOf(queryOf(place.dialect, filter))
    expect(all.length).toBeGreaterThan(400)
    const seen: number[] = []
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await pageOf({ ...filter, limit: 200, ...(cursor === undefined ? {} : { cursor }) })
      expect(page).toMatchObject({ total: all.length, totalIsExact: true })
      seen.push(...page.ids)
      cursor = page.nextCursor
    }
    expect(seen).toEqual(all)
    const last = await pageOf({ ...filter, offset: all.length - 10 })
    expect(last).toMatchObject({ ids: all.slice(-10), total: all.length, nextCursor: null })
  })

  it('counts exactly up to ten thousand, and says where there are more', async () => {
    expect(await pageOf({ state: 'all' })).toMatchObject({ total: 10_000, totalIsExact: false })
    const second = new Date(at(-300).getTime() + 500 * Math.floor((300 * 86_400_000) / size.rows))
    expect(await place.idsOf(queryOf(place.dialect, { state: 'all', startDate: second }))).toHaveLength(10_000)
    expect(await pageOf({ state: 'all', startDate: second })).toMatchObject({ total: 10_000, totalIsExact: true })
  })

  it('lists the audit log by action and time, and goes on from a row', async () => {
    const organizationId = '0f1e2d3c-4b5a-4978-8695-000000000000'
    const { dialect, storage } = place
    const queried = (where: string) =>
      place.idsOf(
        `select id from notification_audit where organization_id = '${organizationId}' ${where} order by at desc, id desc`,
      )
    const listed = async (query: Partial<Parameters<typeof storage.audit.list>[0]>) =>
      (await storage.audit.list({ organizationId, limit: 40, ...query })).map(({ id }) => id)
    const all = await queried('')
    expect(await listed({})).toEqual(all.slice(0, 40))
    expect(await listed({ before: all[39] ?? 0 })).toEqual(all.slice(40, 80))
    const updated = await queried(`and action = 'templates.updated'`)
    expect(updated.length).toBeGreaterThan(80)
    expect(await listed({ action: 'templates.updated', before: updated[39] ?? 0 })).toEqual(updated.slice(40, 80))
    expect(await listed({ to: at(-298), limit: 5000 })).toEqual(
      await queried(`and at <= ${dialect.instant(String(at(-298).getTime()))}`),
    )
    expect(await listed({ action: 'preferences.deleted' })).toEqual([])
  })

  it('reads the plans that lie ahead, behind more of appointments that are over than it looks at for a page', async () => {
    const ahead = await place.idsOf(`select appointment_id as id from reminder_plans
      where starts_at > ${place.dialect.instant(String(size.now))} order by id`)
    expect(ahead[0]).toBeGreaterThan(1000)
    const seen: unknown[] = []
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await place.storage.plans.upcoming(at(0), cursor ?? null, 1000)
      seen.push(...page.plans.map(({ appointmentId }) => appointmentId))
      cursor = page.cursor
    }
    expect(seen).toEqual(ahead)
  })
})
