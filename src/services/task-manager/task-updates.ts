import { type ErrorCode, isNotificationError, type NotificationError } from '../../errors.ts'
import type { DeliveryContent, DeliveryRow, ReminderRow, TaskCommand, TaskRow } from '../../ports/storage.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import { type Rule, ruleTable } from '../../schemas/rules.ts'
import type { Task, TaskDraft } from '../../schemas/task-manager.ts'
import type { DecisionAction } from '../../schemas/vocabulary.ts'
import type { Callbacks } from '../delivery/callbacks.ts'
import type { Checked, CheckedBatch } from '../delivery/checked.ts'
import { entryOf as entryOfWork } from '../delivery/decisions.ts'
import { emitEnding } from '../delivery/delivery-events.ts'
import { type DueWork, deliveryWork, startByRows } from '../delivery/work.ts'
import type { Planner } from '../planning/planner.ts'
import { sendersOf } from '../shared/accounts/senders.ts'
import type { Context } from '../shared/context.ts'
import type { TaskManagerClient } from './client/client.ts'
import { isOfSetUp, neverSent } from './client/failures.ts'
import { deliverDraft, type SendBody } from './draft.ts'
import type { CreationRate } from './limits.ts'
import type { ResolvedTaskManagerOptions } from './options.ts'
import type { TaskWriter } from './task-writer.ts'

/** What the parts of the integration share. */
export type TaskContext = {
  readonly context: Context
  readonly planner: Planner
  readonly callbacks: Pick<Callbacks, 'url'>
  readonly client: TaskManagerClient
  readonly settings: ResolvedTaskManagerOptions
  readonly writer: TaskWriter
  readonly rate: CreationRate
}

/** Called before each batch. False: stop here, because of `stop()` or because another worker now has the job. */
export type ShouldContinue = () => Promise<boolean>

/** A task with its reminder and delivery, as read together. */
export type Case = {
  readonly task: TaskRow
  readonly reminder: ReminderRow | null
  readonly delivery: DeliveryRow | null
  /** The check against the current state; null if it was not needed or the directory failed. */
  readonly current: { readonly checkedBatch: CheckedBatch; readonly checked: Checked } | null
}
/** A case in which TaskManager sends the message. */
export type DeliverCase = Case & { readonly delivery: DeliveryRow }

/** `concernsAll`: TaskManager refuses all requests. */
export type Refusal = { readonly message: string; readonly concernsAll: boolean }

type Rest<C> = C extends TaskCommand ? Omit<C, 'task' | 'at' | 'entries'> : never

const firstWaitMs = 2000
const longestWaitMs = 5 * 60_000

/** What the steps for a task have in common. Every step returns whether it wrote something. */
export class TaskUpdates {
  readonly shared: TaskContext
  #refusal: Refusal | null = null

  constructor(shared: TaskContext) {
    this.shared = shared
  }

  /** What TaskManager refused last; null once it has accepted something. */
  get refusal(): Refusal | null {
    return this.#refusal
  }

  get now(): Date {
    return this.shared.context.options.clock.now()
  }

  later(ms: number): Date {
    return new Date(this.now.getTime() + ms)
  }

  write({ task }: Pick<Case, 'task'>, rest: Rest<TaskCommand>, ...entries: readonly DecisionEntry[]): Promise<boolean> {
    if (rest.kind === 'registered') this.#refusal = null
    return this.shared.writer.write({ task, at: this.now, entries, ...rest })
  }

  /** Checks the task again at `nextAt`; there was nothing to send. */
  wait(one: Pick<Case, 'task'>, nextAt: Date): Promise<boolean> {
    return this.write(one, { kind: 'later', nextAt, unsent: false, errorCode: null })
  }

  /**
   * Puts off a task after a failed call. A call that was announced by `calling` may have arrived all the same, unless it
   * was refused or there was no connection.
   */
  async putOff(one: Case, error: unknown, isCalled: boolean): Promise<boolean> {
    if (!isTaskManagerError(error)) throw error
    const { failures } = one.task
    const isRefused = error.code === 'task_manager_refused'
    const half = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(failures, 20)) / 2
    const { random, logger } = this.shared.context.options
    // If it does not respond, the client logs that.
    if (error.code !== 'task_manager_unavailable') {
      this.#refusal = { message: error.message, concernsAll: isOfSetUp(error) }
      logger.warn('TaskManager did not take a task', { code: error.code, reason: error.message })
    }
    const waitMs = Math.max(half * (1 + random()), error.retryAfterMs ?? 0, isRefused ? longestWaitMs / 5 : 0)
    return this.write(one, {
      kind: 'later',
      nextAt: this.later(waitMs),
      unsent: isCalled && (isRefused || error.code === 'task_manager_conflict' || neverSent(error)),
      errorCode: error.code,
      ...(isRefused ? { event: 'refused' } : {}),
    })
  }

  /** When a registered task is checked next: shortly before its time, and when it is overdue. */
  nextLook(scheduledAt: Date): Date {
    const { checkBeforeMs, overdueAfterMs } = this.shared.settings
    const time = scheduledAt.getTime()
    const check = new Date(time - checkBeforeMs)
    return checkBeforeMs > 0 && check > this.now ? check : new Date(Math.max(time, this.now.getTime()) + overdueAfterMs)
  }

  /** For a task that TaskManager accepted late, the time counts from then on. */
  isOverdue({ task }: Case): boolean {
    const since = Math.max(task.scheduledAt.getTime(), task.acknowledgedAt?.getTime() ?? 0)
    return this.now.getTime() >= since + this.shared.settings.overdueAfterMs
  }

  /** Nothing is sent after the start. */
  isTooLate(one: DeliverCase): boolean {
    const start = startByRows(workRefOf(one))
    return start !== null && start <= this.now
  }

  /** The option `overdue` allows it, it is not too late, and the organization has an account here. */
  async canSendLocally(one: DeliverCase): Promise<boolean> {
    const { context, settings } = this.shared
    if (settings.overdue !== 'sendLocally' || this.isTooLate(one)) return false
    const senderOf = await sendersOf(context, [one.delivery.organizationId])
    return senderOf(one.delivery) !== null
  }

  /** With the links of the message, which work from then on. */
  async draft(one: DeliverCase, body?: SendBody): Promise<TaskDraft> {
    const { task, delivery } = one
    const { callbacks, settings } = this.shared
    const { facts, scheduledAt } = body ?? task
    const [kind, id] =
      task.reminderId === null ? (['notification', delivery.id] as const) : (['reminder', task.reminderId] as const)
    return deliverDraft({
      task: { facts, scheduledAt },
      delivery,
      content: await this.#withLinks(one, body?.content ?? delivery),
      callbackUrl: callbacks.url(kind, id, scheduledAt),
      maxRetries: settings.maxRetries,
    })
  }

  /** What is stored has masks in place of the tokens, whatever TaskManager has. */
  async #withLinks(one: DeliverCase, content: DeliveryContent): Promise<DeliveryContent> {
    const { links, options } = this.shared.context
    const { organizationId, recipient, appointmentId, channel, category, idempotencyKey: messageKey } = one.delivery
    if (recipient.type === 'PRACTITIONER') return content
    const startsAt = startByRows(workRefOf(one))
    const whose = { organizationId, recipient, readers: [recipient] } as const
    const about = { ...whose, appointmentId, channel, category, startsAt, messageKey, now: this.now }
    const filled = links.fill({ subject: content.subject, text: content.message, html: null, template: null }, about)
    if (filled.links.length === 0) return content
    await options.storage.links.add(filled.links)
    return { ...content, subject: filled.message.subject, message: filled.message.text }
  }

  /**
   * The library sends the message instead of TaskManager. Only if the message is overdue, `canSendLocally`, and TaskManager cannot
   * have sent it: it was never called for it (`create`), or says that the task is gone, cancelled or never ran (`askOutcome`).
   * Reminders that could not be handed over in time are released by `HandOver.release`.
   */
  async takeOver(one: DeliverCase, rule: Extract<Rule, 'task_overdue' | 'task_manager_away'>): Promise<boolean> {
    const isWritten = await this.write(one, { kind: 'taken_over' }, entryOf(one, 'taken_over', rule))
    if (isWritten) this.shared.context.dueAt(this.now)
    return isWritten
  }

  /** Holds a message of which it is unknown whether it was sent. */
  async hold(one: DeliverCase, code: ErrorCode | 'task_manager_silent', nextAt: Date | null): Promise<boolean> {
    const message = `Outcome unknown: ${ruleTable.task_manager_silent}.`
    const entry = entryOf(one, 'held', 'task_manager_silent', code)
    const isWritten = await this.write(one, { kind: 'held', code, message, nextAt }, entry)
    if (!isWritten) return false
    // A reminder that was cancelled before stays cancelled.
    const reminder = one.reminder?.status === 'PENDING' ? one.reminder : null
    emitEnding(this.shared.context, one.delivery, reminder, { kind: 'unknown', code })
    return true
  }
}

export const workRefOf = ({ delivery, reminder }: DeliverCase): DueWork => deliveryWork(delivery, reminder)

export const entryOf = (one: DeliverCase, action: DecisionAction, rule: Rule, detail?: string): DecisionEntry =>
  entryOfWork(workRefOf(one), action, rule, detail)

/** The idempotency key of a creation. A lost task is created anew under another key. */
export const keyOf = ({ delivery, task }: DeliverCase): string =>
  task.generation === 0 ? delivery.idempotencyKey : `${delivery.idempotencyKey}:${task.generation}`

/**
 * TaskManager reports that the task never began. One that began may have been sent, even if it is pending again: the service may
 * have died in the middle and not know either.
 */
export const isUnexecuted = ({ attempts, startedAt, executionId }: Task): boolean =>
  attempts === null ? startedAt === null && executionId === null : attempts === 0

export const isTaskManagerError = (error: unknown): error is NotificationError =>
  isNotificationError(error) && error.code.startsWith('task_manager_')
