import { bucketOf, type Category, type Channel, type DecisionEntry, type Measure } from '../../../../src/index.ts'
import type { RecordOf } from '../query.ts'
import type { CounterArgs } from '../statements/statistics.ts'
import type { Tx } from './tx.ts'

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
  time(what: Counted, measure: 'LATENESS' | 'DELIVERY_TIME' | 'EXECUTION_TIME', ms: number, at: Date | number): void
  write(tx: Tx): void
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
  const counts = new Map<string, CounterArgs>()
  const add: Tally['add'] = (what, measure, at, by = 1) => {
    const { organizationId, channel = '', category = '', detail = '' } = what
    const provider = what.provider ?? ''
    const day = typeof at === 'string' ? at : dayOf(at)
    const key = `${day}|${measure}|${channel}|${category}|${provider}|${detail}|${organizationId}`
    const entry = counts.get(key)
    if (entry !== undefined) entry.by += by
    else counts.set(key, { organization_id: organizationId, day, measure, channel, category, provider, detail, by })
  }
  return {
    add,
    time: (what, measure, ms, at) => add({ ...what, detail: bucketed(ms) }, measure, at),
    write(tx) {
      const totals = new Map<string, CounterArgs>()
      for (const entry of counts.values()) {
        if (entry.by === 0) continue
        tx.statements.statistics.count.run(entry)
        if (!tx.rollsUp) continue
        const { day, measure, channel, category, provider, detail } = entry
        const key = `${day}|${measure}|${channel}|${category}|${provider}|${detail}`
        const total = totals.get(key)
        if (total !== undefined) total.by += entry.by
        else totals.set(key, { ...entry, organization_id: everybody })
      }
      for (const entry of totals.values()) tx.statements.statistics.count.run(entry)
    },
  }
}

type Delivery = Pick<
  RecordOf<'notification_history'>,
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
