import type { Category, Channel, DeliveryCount } from '../../../../src/index.ts'
import type { Tx } from './tx.ts'

type Counted = { readonly organizationId: string; readonly channel: Channel; readonly category: Category }

/** Gathers what a command counts, so that a batch of a thousand settles writes a handful of counters. */
export type Tally = {
  add(what: Counted, status: DeliveryCount['status'], at: Date | number, by?: number): void
  write(tx: Tx): void
}

const days = new Map<number, string>()

/** `YYYY-MM-DD` in UTC; a batch asks for the same day again and again. */
function dayOf(at: Date | number): string {
  const number = Math.floor(Number(at) / 86_400_000)
  let day = days.get(number)
  if (day === undefined) {
    if (days.size > 1000) days.clear()
    day = new Date(number * 86_400_000).toISOString().slice(0, 10)
    days.set(number, day)
  }
  return day
}

export function createTally(): Tally {
  const counts = new Map<string, DeliveryCount & { count: number }>()
  return {
    add({ organizationId, channel, category }, status, at, by = 1) {
      const day = dayOf(at)
      const key = `${day}|${channel}|${category}|${status}|${organizationId}`
      const entry = counts.get(key)
      if (entry === undefined) counts.set(key, { organizationId, day, channel, category, status, count: by })
      else counts.set(key, { ...entry, count: entry.count + by })
    },
    write(tx) {
      for (const { organizationId, count, ...rest } of counts.values()) {
        if (count !== 0) tx.statements.deliveries.count.run({ organization_id: organizationId, by: count, ...rest })
      }
    },
  }
}
