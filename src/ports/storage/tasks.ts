import type { Channel } from '../../channels/index.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import type { Rule } from '../../schemas/rules.ts'
import type { Category, DeliveryStatus } from '../../schemas/vocabulary.ts'
import type { DeliveryContent, DeliveryRow, Fallback } from './delivery-rows.ts'
import type { DuePage, DueQuery } from './due.ts'
import type { ReminderRow } from './reminders.ts'

/**
 * `task_manager_tasks`: one row a task that TaskManager has, may have or is to have, until nothing is left to be done about
 * it. It says what TaskManager was last known to have; what it should have follows from the reminder and the delivery.
 */
export type TaskRow = {
  readonly id: number
  readonly organizationId: string
  readonly channel: Channel
  readonly category: Category
  /** Null: of an immediate notification. */
  readonly reminderId: number | null
  /** The delivery that was handed over. Null: only an alarm, the library sends by itself. */
  readonly notificationId: number | null
  /** TaskManager's id; null until it is known. */
  readonly taskId: string | null
  /** Grows when a lost task is made anew: part of the key under which it is created. */
  readonly generation: number
  /** What its body holds beside the delivery's own columns, as JSON: the appointment's date, time and practitioner. */
  readonly facts: string
  readonly scheduledAt: Date
  /** When it is next looked at. */
  readonly nextAt: Date
  /** Calls that may have created or changed it and were not answered. */
  readonly attempts: number
  /** Consecutive calls that failed, for the next wait. */
  readonly failures: number
  /** Of the last fault. */
  readonly errorCode: string | null
  /** Grows whenever the reminder or delivery changed in a way that concerns the task. */
  readonly touched: number
  readonly acknowledgedAt: Date | null
  readonly createdAt: Date
}

/** What TaskManager is to send and when: text and address are those of the delivery. */
export type TaskBody = {
  /** Null: only an alarm. */
  readonly content: DeliveryContent | null
  readonly facts: string
  readonly scheduledAt: Date
}

/** How tasks are counted in statistics. */
export const taskEvents = ['created', 'updated', 'cancelled', 'lost', 'refused', 'taken_over', 'held'] as const
/** What happened to a task of TaskManager, as statistics count it. */
export type TaskEvent = (typeof taskEvents)[number]

/** The error code of a task after a reported failure, until TaskManager was queried whether it tries again. */
export const reportedFailed = 'reported_failed'

/**
 * What became of a task, each an atomic step of its own; false where nothing was changed.
 * - `registered`: TaskManager acknowledged it under this id, with this body. The id and the text that TaskManager has now are written to
 *   reminder and delivery, even where the row is gone because a report was faster. After a `reportedFailed` that was faster, it stays due.
 * - `rewritten`: no creation was tried yet, and its body is another one by now.
 * - `calling`: TaskManager is about to be asked to create or change it; from here on that may have arrived. False where the message
 *   was recalled or settled, or its task created meanwhile: then it must not be asked.
 * - `later`: looked at again at `nextAt`; `unsent` takes back one `calling`, of a call that surely changed nothing.
 * - `recall`: it should not be sent any more: the reminder is CANCELLED and the delivery marked with the rule, and TaskManager
 *   is still to be told.
 * - `withdrawn`: TaskManager said that it will not run it: the delivery is cancelled, the row removed.
 * - `lost`: TaskManager has it no more and it is not due yet: to be created anew, under the next generation. The row of an alarm is
 *   removed, and its reminder is among `withoutAlarm` again.
 * - `taken_over`: TaskManager said that it did not and will not run it: the delivery is queued, due at `at`, for the library to send.
 *   False where it was recalled meanwhile.
 * - `held`: nobody can say whether it was sent: the delivery is unknown, its reminder FAILED. Asked about again at `nextAt`, or never.
 * - `forget`: the row is removed, nothing else changes.
 */
export type TaskCommand = {
  readonly task: Pick<TaskRow, 'id' | 'reminderId' | 'notificationId' | 'touched' | 'taskId'>
  readonly at: Date
  /** Written with it. */
  readonly entries: readonly DecisionEntry[]
} & (
  | {
      readonly kind: 'registered'
      readonly taskId: string
      readonly executionId: string | null
      /** Null: as it was. */
      readonly body: TaskBody | null
      /** Not kept where the row was touched since it was read: it is looked at again at once. */
      readonly nextAt: Date
      readonly event: Extract<TaskEvent, 'created' | 'updated'> | null
    }
  | {
      readonly kind: 'later'
      readonly nextAt: Date
      readonly unsent: boolean
      readonly errorCode: string | null
      readonly event?: Extract<TaskEvent, 'refused'>
    }
  | { readonly kind: 'calling' }
  | { readonly kind: 'rewritten'; readonly body: TaskBody }
  | { readonly kind: 'recall'; readonly rule: Rule }
  | { readonly kind: 'withdrawn'; readonly rule: Rule }
  | { readonly kind: 'lost' }
  | { readonly kind: 'taken_over' }
  | { readonly kind: 'held'; readonly code: string; readonly message: string; readonly nextAt: Date | null }
  | { readonly kind: 'forget' }
)

/** An alarm that TaskManager took: of a reminder that the library sends itself. */
export type AlarmCommand = {
  readonly reminderId: number
  readonly taskId: string
  readonly scheduledAt: Date
  /** When to see whether it rang. Where the reminder waits no more, it is looked at at once. */
  readonly nextAt: Date
  readonly at: Date
}

/**
 * What TaskManager reports of a delivery, or says when it is asked. Of one handed over it is the outcome: the reminder,
 * counters, audit log and decisions change with it, and the task's row is removed. One that was withdrawn meanwhile and sent all the same is
 * recorded as sent, its reminder stays CANCELLED. One that was taken over and not begun is settled, so that nothing is sent again. Of
 * any other the rules of `DeliveryStore.recordReceipt` hold.
 */
export type TaskReport = {
  readonly notificationId: number
  readonly status: DeliveryStatus
  readonly at: Date
  readonly deliveredAt: Date | null
  readonly providerMessageId: string | null
  readonly taskId: string | null
  readonly executionId: string | null
  /** How long TaskManager took for it, where it is known. */
  readonly executionMs: number | null
  readonly errorCode: string | null
  readonly errorMessage: string | null
  /** Where it makes a failure of it: queued with it on another channel. */
  readonly fallback?: Fallback | null
}
/** `settled`: the outcome; `received`: news of one that was settled before; `ignored`: nothing changed. */
export type TaskReportOutcome = 'settled' | 'received' | 'ignored'

/** How many tasks wait for TaskManager, and since when. */
export type TaskSummary = {
  /** Tasks that TaskManager has not acknowledged, and what is still to be handed over; counted up to 10,000. */
  readonly pending: number
  /** Since when the oldest unacknowledged task has been waiting. */
  readonly oldestPendingAt: Date | null
  /** The fault of the unacknowledged task that was looked at last. */
  readonly lastErrorCode: string | null
}

/** A place in the order of due times. */
export type DuePlace = { readonly dueAt: Date; readonly id: number }

/** Reads tasks of TaskManager, and messages to hand over to it. */
export interface TaskQueries {
  /** PENDING reminders that no delivery has, due up to `until` (null: all), after `after`, by (dueAt, id). Costs the same however many there are. */
  waiting(until: Date | null, after: DuePlace | null, limit: number): Promise<ReminderRow[]>
  /** As `waiting`, of those that have no alarm. */
  withoutAlarm(until: Date, after: DuePlace | null, limit: number): Promise<ReminderRow[]>
  /** Queued notices that were never handed over nor taken over, due at or before `now`, earliest first. */
  waitingNotices(now: Date, after: DuePlace | null, limit: number): Promise<DeliveryRow[]>
  /** As `DeliveryStore.due`, of those alone that the library took over; they are few, and no queue is looked for behind them. */
  dueTakenOver(query: DueQuery): Promise<DuePage<DeliveryRow>>
  nextTakenOverDueAt(after?: Date): Promise<Date | null>
  /** Rows to look at, earliest first. */
  due(now: Date, limit: number): Promise<TaskRow[]>
  find(of: { readonly reminderId: number } | { readonly notificationId: number }): Promise<TaskRow | null>
  /** Has the tasks of these appointments looked at at once: their texts may have changed. */
  touch(appointmentIds: readonly ReminderRow['appointmentId'][], at: Date): Promise<void>
  summary(): Promise<TaskSummary>
}

/**
 * Everything here is used only where the option `taskManager` is set. Commands of
 * `src/records`, which `Storage.carry` carries out.
 */
export interface TaskCommands {
  /** In the order of the commands; false also where another transaction has its rows, which keeps none of the others. */
  apply(commands: readonly TaskCommand[]): Promise<boolean[]>
  /** Leaves out what another transaction has the reminder of: it is found again by `withoutAlarm`. */
  addAlarms(commands: readonly AlarmCommand[]): Promise<void>
  report(report: TaskReport): Promise<TaskReportOutcome>
}
export type TaskStore = TaskQueries & TaskCommands
