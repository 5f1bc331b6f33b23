import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { dayMs, nobody, openClinic } from '../clinic.ts'
import { expectCount, type Figure, quantile } from '../measure.ts'
import { measures } from '../measures.ts'
import { openRaw } from '../raw.ts'
import { fileStore } from '../stores.ts'
import { silent } from '../transports.ts'
import type { World } from '../world.ts'

const organizations = 10
const days = 365
const rounds = 15
/** The organization that is asked for alone. */
const owner = 'clinic-3'

/** A year of history, spread over organizations, channels, kinds, providers and outcomes, in the library's own table. */
const historyOf = (deliveries: number) => `
  with recursive n(i) as (select 0 union all select i + 1 from n where i < ${deliveries - 1})
  insert into notification_history (notification_type, notification_category, recipient_type, recipient_id, message,
    status, sent_at, created_at, updated_at, organization_id, delivery_state, fence, attempts, unknown_outcomes,
    provider, idempotency_key, template_revision)
  select iif(i % 3 = 0, 'SMS', 'EMAIL'),
    iif(i % 5 < 3, 'REMINDER', iif(i % 5 = 3, 'CONFIRMATION', 'CANCELLATION')), 'PATIENT', i % 50000, 'text',
    iif(i % 50 = 0, 'FAILED', iif(i % 3 = 0, 'DELIVERED', 'SENT')),
    t + abs(random()) % 60000, t, t, 'clinic-' || (i / ${days} % ${organizations}), 'settled', 1, 1, 0,
    iif(i % 3 = 0, 'twilio', 'smtp'), i, 'default:1'
  from (select i, @start + (i % ${days}) * ${dayMs} + (i % 1440) * 60000 as t from n)`

/** What settling that history would have counted: statuses, and how late, by organization and for all of them. */
const counters = (owner: string) => `
  insert into notification_counters (organization_id, day, measure, channel, category, provider, detail, count)
  select ${owner}, date(created_at / 1000, 'unixepoch'), status, notification_type, notification_category, provider, '', count(*)
  from notification_history group by 1, 2, 3, 4, 5, 6
  union all
  select ${owner}, date(created_at / 1000, 'unixepoch'), 'LATENESS', notification_type, notification_category, provider,
    cast(ceil(2 * log2(max(1, sent_at - created_at))) as integer), count(*)
  from notification_history where status <> 'FAILED' group by 1, 2, 3, 4, 5, 6, 7`

/** Answers over a whole year of a million deliveries, and how long any of them keeps others from running. */
export async function statistics({ directory, deliveries }: World): Promise<Figure[]> {
  const place = await fileStore(directory).make()
  const database = openRaw(place.target)
  const start = Math.floor(Date.now() / dayMs) * dayMs - days * dayMs
  database.exec(historyOf(deliveries).replace('@start', String(start)))
  for (const counted of ['organization_id', `''`]) database.exec(counters(counted))
  const scanned = performance.now()
  database
    .prepare(
      'select notification_type, notification_category, status, count(*) from notification_history group by 1, 2, 3',
    )
    .all()
  const scanMs = performance.now() - scanned
  const found = database
    .prepare('select count(*) from notification_history where organization_id = ?')
    .pluck()
    .get(owner)
  const ofOwner = z.number().positive().parse(found)
  database.close()

  const library = await openClinic({
    storage: place.storage(),
    transport: silent,
    startOf: () => new Date(),
    hasPhone: nobody,
  })
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const measure = async (organizationId: string | undefined, wanted: number) => {
    const times: number[] = []
    for (let round = 0; round < rounds; round += 1) {
      await wait(20)
      const began = performance.now()
      const report = await library.statistics.read({ organizationId })
      times.push(performance.now() - began)
      expectCount('deliveries counted', report.total, wanted)
    }
    return quantile(times.slice(1), 0.5)
  }
  delay.enable()
  const one = await measure(owner, ofOwner)
  const all = await measure(undefined, deliveries)
  delay.disable()
  await library.stop()
  await place.drop()
  const note = `a year, ${deliveries} deliveries of ${organizations} organizations; bare: a scan of history`
  const line = { by: 'ours on SQLite', unit: 'ms', durability: '', cpuUs: null, note }
  return [
    { ...line, measure: measures.statisticsOfOne, value: one },
    { ...line, measure: measures.statisticsOfAll, value: all },
    { ...line, measure: measures.statisticsOfAll, by: 'bare better-sqlite3', value: scanMs },
    { ...line, measure: measures.blocked, value: delay.max / 1e6 },
  ]
}
