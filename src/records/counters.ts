import type { Channel } from '../channels/index.ts'
import { bucketOf } from '../domain/histogram.ts'
import type { Rows } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { DecisionEntry } from '../schemas/decision.ts'
import type { Category, Measure } from '../schemas/vocabulary.ts'

type Counter = Row<'notification_counters'>

type Counted = {
  readonly organizationId: string
  readonly channel?: Channel
  readonly category?: Category
  readonly provider?: string | null
  readonly detail?: string
}

/** What a duration is counted under. */
export const bucketed = (ms: number): string => String(bucketOf(ms))

/** Gathers what a command counts, so that a batch of a thousand settles writes a handful of counters. */
export type Tally = {
  add(what: Counted, measure: Measure, at: Date | number | string, by?: number): void
  /** A duration, for a histogram. */
  time(
    what: Omit<Counted, 'detail'>,
    measure: 'LATENESS' | 'DELIVERY_TIME' | 'EXECUTION_TIME',
    ms: number,
    at: Date | number,
  ): void
  write(rows: Rows): void
}

const days = new Map<number, string>()

/** `YYYY-MM-DD` in UTC; a batch asks for the same day again and again. */
export function dayOf(at: Date | number): string {
  const number = Math.floor(Number(at) / 86_400_000)
  let day = days.get(number)
  if (day === undefined) {
    if (days.size > 1000) days.clear()
    day = new Date(number * 86_400_000).toISOString().slice(0, 10)
    days.set(number, day)
  }
  return day
}

/** The organization under which a database that `rollsUp` keeps the sum of all. */
export const everybody = ''

export function createTally(): Tally {
  const counts = new Map<string, Counter>()
  const add: Tally['add'] = (what, measure, at, by = 1) => {
    const { organizationId, channel = '', category = '', detail = '' } = what
    const provider = what.provider ?? ''
    const day = typeof at === 'string' ? at : dayOf(at)
    const key = `${day}|${measure}|${channel}|${category}|${provider}|${detail}|${organizationId}`
    const entry = counts.get(key)
    if (entry !== undefined) entry.count += by
    else
      counts.set(key, { organization_id: organizationId, day, measure, channel, category, provider, detail, count: by })
  }
  return {
    add,
    time: (what, measure, ms, at) => add({ detail: bucketed(ms), ...what }, measure, at),
    write(rows) {
      const totals = new Map<string, Counter>()
      for (const entry of counts.values()) {
        if (entry.count === 0) continue
        rows.add(entry)
        if (!rows.rollsUp) continue
        const { day, measure, channel, category, provider, detail } = entry
        const key = `${day}|${measure}|${channel}|${category}|${provider}|${detail}`
        const total = totals.get(key)
        if (total !== undefined) total.count += entry.count
        else totals.set(key, { ...entry, organization_id: everybody })
      }
      for (const entry of totals.values()) rows.add(entry)
    },
  }
}

type Delivery = Pick<
  Row<'notification_history'>,
  'organization_id' | 'notification_type' | 'notification_category' | 'provider'
>

/** What a delivery is counted under. */
export const countedAs = (row: Delivery) => ({
  organizationId: row.organization_id,
  channel: row.notification_type,
  category: row.notification_category,
  provider: row.provider,
})

/** Who was left out when a message was planned or asked for, by rule. */
export function countSkipped(tally: Tally, organizationId: string, entries: readonly DecisionEntry[], at: Date): void {
  for (const { action, rule, category, channel } of entries) {
    if (action !== 'skipped' && action !== 'refused') continue
    tally.add({ organizationId, category, detail: rule, ...(channel === undefined ? {} : { channel }) }, 'SKIPPED', at)
  }
}

/** Carries out each command with one tally for all, which is written at the end. */
export const tallied =
  <Item, Outcome>(one: (rows: Rows, item: Item, tally: Tally) => Outcome) =>
  (rows: Rows, items: readonly Item[]): Outcome[] => {
    const tally = createTally()
    const outcomes = items.map((item) => one(rows, item, tally))
    tally.write(rows)
    return outcomes
  }
