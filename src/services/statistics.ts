import type { DeliveryCount } from '../ports/storage.ts'
import { definedOnly } from '../schemas/defined.ts'
import type { Category, Channel } from '../schemas/vocabulary.ts'
import type { Context } from './context.ts'

export type StatisticsFilter = {
  /** Left out: all organizations. */
  readonly organizationId?: string | undefined
  /** UTC days, `YYYY-MM-DD`, both inclusive. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly channel?: Channel | undefined
  readonly category?: Category | undefined
}

/** Deliveries by outcome. `delivered` ones were sent too, but each delivery is counted once, under its last status. */
export type Outcomes = {
  readonly total: number
  readonly sent: number
  readonly delivered: number
  readonly failed: number
  readonly bounced: number
  readonly unknown: number
  readonly cancelled: number
  /** Of those that ended as sent, delivered, failed or bounced, the share that was sent or delivered; null if none did. */
  readonly successRate: number | null
}

export type StatisticsReport = Outcomes & {
  readonly organizationId: string | null
  readonly from: string | null
  readonly to: string | null
  readonly byChannel: Readonly<Record<Channel, Outcomes>>
  readonly byCategory: Readonly<Record<Category, Outcomes>>
  readonly byDay: readonly (Outcomes & { readonly day: string })[]
}

/** Reads the counters that are written when a delivery settles. */
export class Statistics {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  async read(filter: StatisticsFilter): Promise<StatisticsReport> {
    const { organizationId, from, to, channel, category } = filter
    const counted = await this.#context.options.storage.deliveries.counts(definedOnly({ organizationId, from, to }))
    const counts = counted.filter(
      (one) =>
        (channel === undefined || one.channel === channel) && (category === undefined || one.category === category),
    )
    const where = <Key extends keyof DeliveryCount>(key: Key, value: DeliveryCount[Key]) =>
      outcomesOf(counts.filter((one) => one[key] === value))
    const days = [...new Set(counts.map((one) => one.day))].sort()
    return {
      organizationId: organizationId ?? null,
      from: from ?? null,
      to: to ?? null,
      ...outcomesOf(counts),
      byChannel: { EMAIL: where('channel', 'EMAIL'), SMS: where('channel', 'SMS') },
      byCategory: {
        CONFIRMATION: where('category', 'CONFIRMATION'),
        REMINDER: where('category', 'REMINDER'),
        CANCELLATION: where('category', 'CANCELLATION'),
        RESCHEDULE: where('category', 'RESCHEDULE'),
        WAITLIST: where('category', 'WAITLIST'),
      },
      byDay: days.map((day) => ({ day, ...where('day', day) })),
    }
  }
}

function outcomesOf(counts: readonly DeliveryCount[]): Outcomes {
  const of = (status: DeliveryCount['status']): number =>
    counts.reduce((sum, one) => (one.status === status ? sum + one.count : sum), 0)
  const [sent, delivered, failed, bounced] = [of('SENT'), of('DELIVERED'), of('FAILED'), of('BOUNCED')]
  const [unknown, cancelled] = [of('UNKNOWN'), of('CANCELLED')]
  const ended = sent + delivered + failed + bounced
  return {
    total: ended + unknown + cancelled,
    sent,
    delivered,
    failed,
    bounced,
    unknown,
    cancelled,
    successRate: ended === 0 ? null : (sent + delivered) / ended,
  }
}
