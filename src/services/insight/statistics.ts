import { z } from 'zod'
import { channels } from '../../channels/index.ts'
import { readAttendanceKey } from '../../domain/attendance.ts'
import { type AttendanceReport, attendanceReport, type CountedAttendance } from '../../domain/attendance-report.ts'
import { type Percentiles, percentilesOf } from '../../domain/histogram.ts'
import type { Count, TaskEvent } from '../../ports/storage.ts'
import { type ByChannel, byChannel } from '../../schemas/channel-fields.ts'
import { organizationId, parseInput } from '../../schemas/common.ts'
import { definedOnly } from '../../schemas/defined.ts'
import { isInRange, rangeWords } from '../../schemas/instant.ts'
import { type Category, type CountedReport, categories, type Measure } from '../../schemas/vocabulary.ts'
import type { Context } from '../shared/context.ts'

const day = z.iso.date().refine((text) => isInRange(new Date(text)), rangeWords)

const statisticsFilter = z.strictObject({
  /** Only this organization. Default: all together. */
  organizationId: organizationId.optional(),
  /** First UTC day, `YYYY-MM-DD`, inclusive. Default: no limit. */
  from: day.optional(),
  /** Last UTC day, `YYYY-MM-DD`, inclusive. Default: no limit. */
  to: day.optional(),
  /** Only this channel. Default: every channel. */
  channel: z.enum(channels).optional(),
  /** Only this kind of message. Default: every kind. */
  category: z.enum(categories).optional(),
  /** Only messages given to the transport with this name. Default: every transport. */
  provider: z.string().min(1).optional(),
})
/** Which messages to count. */
export type StatisticsFilter = z.infer<typeof statisticsFilter>

const remindersFilter = statisticsFilter.omit({ category: true })

/**
 * Number of deliveries by outcome. Each delivery is counted once, under its last status: one that was delivered is not in
 * `sent` too.
 */
export type Outcomes = {
  readonly total: number
  readonly sent: number
  readonly delivered: number
  readonly failed: number
  readonly bounced: number
  readonly unknown: number
  readonly cancelled: number
  /** Share (0 to 1) of sent and delivered messages among those sent, delivered, failed or bounced; null: there were none. */
  readonly successRate: number | null
}

/** What was planned, sent, delivered and refused in a period. */
export type StatisticsReport = Outcomes & {
  readonly organizationId: string | null
  readonly from: string | null
  readonly to: string | null
  /** Reminders planned and notices queued in the period. */
  readonly planned: number
  /** Reminders withdrawn and notices cancelled before they were sent, by rule. */
  readonly cancelledByReason: Readonly<Record<string, number>>
  /** Messages left out at planning or on request, by rule. */
  readonly skippedByReason: Readonly<Record<string, number>>
  /** Time from when a reminder was due, or a notice requested, until the provider accepted it; in ms. */
  readonly dueToSent: Percentiles
  /** Time from acceptance by the provider to delivery, in ms; only of providers that report deliveries. */
  readonly sentToDelivered: Percentiles
  /** `EMAIL` and `SMS` always, other channels where they were used. */
  readonly byChannel: ByChannel<Outcomes>
  readonly byCategory: Readonly<Record<Category, Outcomes>>
  readonly byProvider: Readonly<Record<string, Outcomes>>
  readonly byDay: readonly (Outcomes & { readonly day: string })[]
  /** Events of TaskManager's tasks, and the time between schedule and execution. */
  readonly tasks: TaskCounts
  /** What providers reported beyond the status. */
  readonly reported: {
    readonly byChannel: ByChannel<Reported>
    readonly byCategory: Readonly<Record<Category, Reported>>
  }
  /**
   * Recipients who disabled a channel or category (`byChannel`, `byCategory`), and addresses that providers reported as
   * opted out or invalid (`suppressedByChannel`).
   */
  readonly optOuts: {
    readonly byChannel: ByChannel<number>
    readonly byCategory: Readonly<Record<Category, number>>
    readonly suppressedByChannel: ByChannel<number>
  }
}

/**
 * Number of messages by what providers reported beyond the status. `unreported`: accepted by a provider that reports
 * deliveries, but not reported on in the usual time.
 */
export type Reported = Readonly<Record<CountedReport, number>>

/** Number of events of TaskManager's tasks, and how long after its scheduled time a task was executed (ms). */
export type TaskCounts = Readonly<Record<Exclude<TaskEvent, 'taken_over'> | 'takenOver', number>> & {
  readonly executionTime: Percentiles
}

/** Reads the counters that are written when rows change. */
export class Statistics {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /** What was planned, sent, delivered and refused. @throws NotificationError `invalid_input`. */
  async read(filter: StatisticsFilter = {}): Promise<StatisticsReport> {
    return (await this.#read(parseInput(statisticsFilter, filter, 'filter'))).report
  }

  /**
   * The same for reminders only, with the outcomes of appointments (`recordOutcome`), by the reminders that were
   * sent and by how long before the start they were booked.
   * @throws NotificationError `invalid_input`.
   */
  async reminders(
    filter: Omit<StatisticsFilter, 'category'> = {},
  ): Promise<StatisticsReport & { readonly attendance: AttendanceReport }> {
    const checked = parseInput(remindersFilter, filter, 'filter')
    const { report, counts } = await this.#read({ ...checked, category: 'REMINDER' })
    return { ...report, attendance: attendanceReport(attendanceOfCounts(counts)) }
  }

  async #read(filter: StatisticsFilter): Promise<{ report: StatisticsReport; counts: readonly Count[] }> {
    const { statistics } = this.#context.options.storage
    const query = definedOnly(filter)
    const counts = await statistics.counts(query)
    const byDay = Map.groupBy(await statistics.countsByDay(query), (row) => row.day)
    const ofMeasure = (...measures: Measure[]) => counts.filter((one) => measures.includes(one.measure))
    const statuses = counts.filter((one) => one.provider !== '')
    const providers = [...new Set(statuses.map((one) => one.provider))].sort()
    const withdrawn = [
      ...ofMeasure('WITHDRAWN'),
      ...ofMeasure('CANCELLED').filter((one) => one.category !== 'REMINDER'),
    ]
    const counted = channels.filter((one) => counts.some(({ channel }) => channel === one))
    const perChannel = <T>(of: (rows: (one: Count) => boolean) => T) =>
      byChannel(counted, (channel) => of((one) => one.channel === channel))
    const perCategory = <T>(of: (rows: (one: Count) => boolean) => T) => ({
      CONFIRMATION: of((one) => one.category === 'CONFIRMATION'),
      REMINDER: of((one) => one.category === 'REMINDER'),
      CANCELLATION: of((one) => one.category === 'CANCELLATION'),
      RESCHEDULE: of((one) => one.category === 'RESCHEDULE'),
      WAITLIST: of((one) => one.category === 'WAITLIST'),
    })
    const outcomes = (rows: (one: Count) => boolean) => outcomesOf(counts.filter(rows))
    const optedOut = (rows: (one: Count) => boolean) => sum(ofMeasure('OPT_OUT').filter(rows))
    const reported = (rows: (one: Count) => boolean) => reportedOf(ofMeasure('REPORTED').filter(rows))
    const report = {
      organizationId: filter.organizationId ?? null,
      from: filter.from ?? null,
      to: filter.to ?? null,
      ...outcomesOf(counts),
      planned: sum(ofMeasure('PLANNED')),
      cancelledByReason: byDetail(withdrawn),
      skippedByReason: byDetail(ofMeasure('SKIPPED')),
      dueToSent: percentilesOf(buckets(ofMeasure('LATENESS'))),
      sentToDelivered: percentilesOf(buckets(ofMeasure('DELIVERY_TIME'))),
      byChannel: perChannel(outcomes),
      byCategory: perCategory(outcomes),
      byProvider: Object.fromEntries(
        providers.map((name) => [name, outcomesOf(statuses.filter((one) => one.provider === name))]),
      ),
      byDay: [...byDay].map(([day, rows]) => ({ day, ...outcomesOf(rows) })),
      tasks: tasksOf(ofMeasure('TASK'), ofMeasure('EXECUTION_TIME')),
      reported: { byChannel: perChannel(reported), byCategory: perCategory(reported) },
      optOuts: {
        byChannel: perChannel(optedOut),
        byCategory: perCategory(optedOut),
        suppressedByChannel: perChannel((rows) => sum(ofMeasure('SUPPRESSED').filter(rows))),
      },
    }
    return { report, counts }
  }
}

type Counted = Pick<Count, 'measure' | 'count'>

const sum = (rows: readonly Counted[]): number => rows.reduce((total, row) => total + row.count, 0)

function reportedOf(rows: readonly Count[]): Reported {
  const of = (report: CountedReport) => sum(rows.filter(({ detail }) => detail === report))
  return { read: of('read'), complained: of('complained'), unreported: of('unreported') }
}

function tasksOf(events: readonly Count[], times: readonly Count[]): TaskCounts {
  const of = (event: TaskEvent): number => sum(events.filter((one) => one.detail === event))
  return {
    created: of('created'),
    updated: of('updated'),
    cancelled: of('cancelled'),
    lost: of('lost'),
    refused: of('refused'),
    takenOver: of('taken_over'),
    held: of('held'),
    executionTime: percentilesOf(buckets(times)),
  }
}

function byDetail(rows: readonly Count[]): Record<string, number> {
  const sums = new Map<string, number>()
  for (const { detail, count } of rows) sums.set(detail, (sums.get(detail) ?? 0) + count)
  return Object.fromEntries([...sums].sort(([, one], [, other]) => other - one))
}

function buckets(rows: readonly Count[]): ReadonlyMap<number, number> {
  const sums = new Map<number, number>()
  for (const { detail, count } of rows) sums.set(Number(detail), (sums.get(Number(detail)) ?? 0) + count)
  return sums
}

function outcomesOf(counts: readonly Counted[]): Outcomes {
  const of = (measure: Measure): number => sum(counts.filter((one) => one.measure === measure))
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

function attendanceOfCounts(counts: readonly Count[]): CountedAttendance[] {
  return counts.flatMap(({ measure, detail, count }) => {
    const key = measure === 'OUTCOME' ? readAttendanceKey(detail) : null
    return key === null ? [] : [{ ...key, count }]
  })
}
