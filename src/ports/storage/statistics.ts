import type { Channel } from '../../channels/index.ts'
import type { Actor } from '../../schemas/audit.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { AppointmentOutcome, Category, Measure } from '../../schemas/vocabulary.ts'

/** What was counted, summed over days and organizations. */
export type Count = {
  readonly measure: Measure
  /** Null where it is about none. */
  readonly channel: Channel | null
  readonly category: Category | null
  /** The transport; '' where none was chosen. */
  readonly provider: string
  /** The rule, the bucket of `domain/histogram.ts`, the key of `domain/attendance.ts`, or the account; '' where there is none. */
  readonly detail: string
  readonly count: number
}
/** A count of one UTC day. */
export type DayCount = {
  /** `YYYY-MM-DD` in UTC. */
  readonly day: string
  readonly measure: Measure
  readonly count: number
}

/** Which counts to read. */
export type CountQuery = {
  /** Left out: all organizations. */
  readonly organizationId?: string
  /** Days, inclusive. */
  readonly from?: string
  readonly to?: string
  readonly channel?: Channel
  readonly category?: Category
  readonly provider?: string
}

/** The outcome of an appointment, to be recorded. */
export type OutcomeCommand = {
  readonly organizationId: string
  readonly appointmentId: EntityId
  readonly outcome: AppointmentOutcome
  /** Of the appointment, as the host knows it now: reminders of this start are the ones that count. */
  readonly startsAt: Date
  readonly timeZone: string
  /** When the host says it was booked; null: when its plan was made, which without one nobody knows. */
  readonly bookedAt: Date | null
  readonly at: Date
  readonly by?: Actor
}

/** Reads the counters of the statistics. */
export interface StatisticsQueries {
  /** Answers within milliseconds whatever the number of deliveries, and never blocks the event loop for long. */
  counts(query: CountQuery): Promise<Count[]>
  /** The statuses of deliveries only, by day, in order. */
  countsByDay(query: CountQuery): Promise<DayCount[]>
}

/**
 * Counters, written by the commands that change rows, in their transactions: statistics are read, never computed by a scan of history. Commands of
 * `src/records`, which `Storage.carry` carries out.
 */
export interface StatisticsCommands {
  /**
   * Records what became of an appointment, with the reminders to its patients and clients that were sent before; replaces
   * what was recorded. Counted on the UTC day of the start, and audited.
   */
  recordOutcome(command: OutcomeCommand): Promise<void>
}
export type StatisticsStore = StatisticsQueries & StatisticsCommands
