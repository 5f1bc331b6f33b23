import { z } from 'zod'
import { NotificationError } from '../errors.ts'
import type { HostTransaction } from '../ports/storage.ts'
import { type Actor, actorSchema, serviceActor } from '../schemas/audit.ts'
import {
  type EntityId,
  type HostId,
  type HostRef,
  organizationId,
  parseField,
  parseInput,
  rowId,
} from '../schemas/common.ts'
import type { DirectoryAppointment } from '../schemas/directory.ts'
import {
  type HistoryFilter,
  historyFilter,
  type LifecycleOptions,
  type PageOptions,
  type ScheduleOptions,
  type SendOptions,
  scheduleOptions,
  type WaitlistOptions,
} from '../schemas/requests.ts'
import { type AppointmentOutcome, appointmentOutcomes } from '../schemas/vocabulary.ts'
import { explanationPage, reminderPage } from './insight/appointment-pages.ts'
import type { ExplanationLine, ExplanationPage } from './insight/explanation.ts'
import { idsOf, readHistory } from './insight/history.ts'
import { dryRun } from './planning/dry-run.ts'
import { forgetRecipient } from './planning/forget-recipient.ts'
import { NotificationTransaction } from './planning/notification-transaction.ts'
import type { Planner } from './planning/planner.ts'
import { requestNotice, requestWaitlistNotice } from './planning/request-notices.ts'
import { type BatchResult, scheduleInBatches } from './planning/schedule-batch.ts'
import { Scheduling } from './planning/scheduling.ts'
import type { Context } from './shared/context.ts'
import { readId, readRecipient } from './shared/ids.ts'
import { notificationNotFound } from './shared/not-found.ts'
import { isWithin, knownAppointment, type Scope } from './shared/owners.ts'
import {
  type CancelResult,
  type DryRun,
  type HistoryPage,
  type LifecycleResult,
  type Notification,
  type Reminder,
  type ReminderPage,
  type ScheduleResult,
  type SendResult,
  showNotification,
} from './shared/views.ts'

/**
 * Plans reminders, sends notices, and reports what was decided and what was sent.
 *
 * Besides the errors listed, every method may reject with NotificationError `invalid_input` for an invalid argument (`field`
 * names it), `directory_failed` or `directory_invalid` where it asks the directory (`issues` says what is wrong), and
 * `storage_busy`, `storage_failed`, `storage_closed` or `migration_missing`.
 */
export class NotificationService {
  readonly #context: Context
  readonly #planner: Planner
  readonly #actor: Actor
  readonly #scope: Scope
  readonly #scheduling: Scheduling

  constructor(context: Context, planner: Planner, actor: Actor = serviceActor, scope: Scope = null) {
    this.#context = context
    this.#planner = planner
    this.#actor = actor
    this.#scope = scope
    this.#scheduling = new Scheduling(context, planner, actor, scope)
  }

  /** The same service, acting for `actor` in the audit log: `as({ kind: 'staff', id: 7 })`. Checks no permissions. */
  as(actor: Actor): NotificationService {
    const by = parseInput(actorSchema, actor, 'actor')
    return new NotificationService(this.#context, this.#planner, by, this.#scope)
  }

  /**
   * The same service, restricted to one organization: appointments, waitlist entries and deliveries of others are not found.
   * Null: no restriction. To which organization an appointment belongs is decided by the directory at the time of the call.
   * `using()`, `appointmentDeleted()` and `recipientDeleted()` are not restricted.
   */
  within(id: string | null): NotificationService {
    const scope = parseField(organizationId.nullable(), id, 'organizationId')
    return new NotificationService(this.#context, this.#planner, this.#actor, scope)
  }

  /**
   * The planning calls inside a transaction of your own, so that your row and its reminders are committed together or not at
   * all. `transaction` is a Kysely `Transaction`, or the `pg` client or better-sqlite3 database on which your transaction is
   * open. It must be on the database that holds the library's tables.
   * @throws NotificationError `transaction_refused` for anything else, or if the storage cannot join a transaction.
   * @example
   * ```ts
   * const reminders = await db.transaction().execute(async (trx) => {
   *   const inside = notifications.using(trx)
   *   await inside.appointmentBooked(await book(trx))
   *   return inside
   * })
   * reminders.committed()
   * ```
   */
  using(transaction: HostTransaction): NotificationTransaction {
    const { storage } = this.#context.options
    if (storage.within === undefined) {
      throw new NotificationError(
        'transaction_refused',
        `The storage "${storage.name}" cannot take part in your transaction; make the calls after your commit instead.`,
      )
    }
    return new NotificationTransaction(this.#context, storage.within(transaction), this.#actor)
  }

  /**
   * Plans the reminders of an appointment, at the effective offsets of each recipient or at `customReminders`. Idempotent:
   * repeating it changes nothing unless the appointment, settings or preferences changed. Resolves with the reminders in
   * force, and with who gets none and why (`omitted`).
   * @throws NotificationError `appointment_not_found`; `appointment_not_active`: it is cancelled or over; `conflict`: other
   * changes to the same reminders kept coming in between.
   * @example
   * ```ts
   * const { reminders, omitted } = await notifications.scheduleReminders(42, { customReminders: ['1d@18:00', 2] })
   * ```
   */
  async scheduleReminders(appointmentId: HostId, options: ScheduleOptions = {}): Promise<ScheduleResult> {
    return this.#scheduling.schedule(appointmentId, options, 'reminders.scheduled')
  }

  /**
   * Plans many appointments in few database commands. Results are in the order of `appointmentIds`. An appointment that
   * fails does not stop the others: its result has the `error` with which `scheduleReminders()` would have rejected,
   * including errors of the directory and the storage. Idempotent.
   * @throws NotificationError only `invalid_input`, for an invalid list or options.
   */
  async scheduleMany(appointmentIds: readonly HostId[], options: ScheduleOptions = {}): Promise<BatchResult[]> {
    parseField(z.array(z.unknown()), appointmentIds, 'appointmentIds')
    const { customReminders } = parseInput(scheduleOptions, options, 'reminders')
    const rest = { customReminders, scope: this.#scope, ...this.#scheduling.audited('reminders.scheduled') }
    return scheduleInBatches(this.#planner, this.#context.options.ids, appointmentIds, rest)
  }

  /**
   * All reminders of an appointment, including cancelled ones, earliest first. Those not sent yet have a preview of their
   * text, which is empty while the directory does not respond.
   * @throws NotificationError `appointment_not_found`: neither the library nor the directory knows it.
   */
  async getReminders(appointmentId: HostId): Promise<readonly Reminder[]> {
    return (await reminderPage(this.#context, this.#appointmentId(appointmentId), this.#scope, null)).reminders
  }

  /**
   * As `getReminders()`, page by page, with what each recipient answered last.
   * @throws NotificationError `appointment_not_found`, `invalid_input`.
   */
  async remindersPage(appointmentId: HostId, options: PageOptions = {}): Promise<ReminderPage> {
    return reminderPage(this.#context, this.#appointmentId(appointmentId), this.#scope, options)
  }

  /**
   * Cancels the pending reminders of an appointment. Nothing is planned again until you ask for it. Works while the
   * directory is down, if reminders were ever planned. Idempotent. Messages counted in `inFlight` were being sent at that
   * moment, and may still arrive.
   * @throws NotificationError `appointment_not_found`: nothing was ever planned, and the directory does not know it.
   */
  async cancelReminders(appointmentId: HostId): Promise<CancelResult> {
    const result = await this.#scheduling.cancel(appointmentId)
    if (result !== null) return result
    await knownAppointment(this.#context, appointmentId, this.#scope)
    return { cancelled: 0, inFlight: 0 }
  }

  /**
   * Plans again after the appointment changed. The new time comes from the directory; `customReminders` given before stay in
   * force. Sends no notice: see `appointmentRescheduled()`. Idempotent.
   * @throws NotificationError as `scheduleReminders`.
   */
  async rescheduleReminders(appointmentId: HostId, options: ScheduleOptions = {}): Promise<ScheduleResult> {
    return this.#scheduling.schedule(appointmentId, options, 'reminders.rescheduled')
  }

  /**
   * Queues a notice for sending now, to all recipients of the appointment or to `recipients`. Resolves when it is queued,
   * not when it is sent: `events`, `history()` and `getNotification()` show the result. Not idempotent: each call sends
   * again, unless it has the `idempotencyKey` of an earlier call. `omitted` says who was left out, and by which rule.
   * @throws NotificationError `appointment_not_found`; `appointment_not_active`, except for the category `CANCELLATION`.
   * @example
   * ```ts
   * await notifications.sendAppointmentNotification(42, { category: 'CONFIRMATION', channel: 'EMAIL' })
   * ```
   */
  async sendAppointmentNotification(appointmentId: HostId, options: SendOptions): Promise<SendResult> {
    return requestNotice(this.#context, this.#actor, this.#scope, appointmentId, options)
  }

  /**
   * Queues a notice for sending now to the recipients of a waitlist entry. Not idempotent: each call sends again, unless it
   * has the `idempotencyKey` of an earlier call.
   * @throws NotificationError `waitlist_entry_not_found`; `options_invalid`: your directory has no `waitlistEntries()`;
   * `slot_started`: the slot has started; `offer_expired`.
   */
  async notifyWaitlist(waitlistEntryId: HostId, options: WaitlistOptions = {}): Promise<SendResult> {
    return requestWaitlistNotice(this.#context, this.#actor, this.#scope, waitlistEntryId, options)
  }

  /**
   * A dry run: what would be sent and when, for an appointment in your directory or for one that is not booked yet. Writes
   * nothing.
   * @throws NotificationError `appointment_not_found`, for an id.
   */
  async plan(appointment: HostId | DirectoryAppointment, options: ScheduleOptions = {}): Promise<DryRun> {
    const { customReminders } = parseInput(scheduleOptions, options, 'reminders')
    return dryRun(this.#context, await knownAppointment(this.#context, appointment, this.#scope), customReminders)
  }

  /**
   * Which messages of an appointment were planned, moved, skipped, merged, sent or refused, when, and by which rule, in
   * order of time. At the end, if it applies: why due messages have not been sent (the directory or TaskManager does not
   * respond); for an appointment that was never reported, a line `unreported` and what would be planned.
   * @throws NotificationError `appointment_not_found`: neither the library nor the directory knows it.
   * @example
   * ```ts
   * for (const { at, action, because } of await notifications.explain(42)) console.log(at.toISOString(), action, because)
   * ```
   */
  async explain(appointmentId: HostId): Promise<readonly ExplanationLine[]> {
    return (await explanationPage(this.#context, this.#appointmentId(appointmentId), this.#scope, null)).decisions
  }

  /**
   * As `explain()`, page by page, with what each recipient answered last.
   * @throws NotificationError `appointment_not_found`, `invalid_input`.
   */
  async explanationPage(appointmentId: HostId, options: PageOptions = {}): Promise<ExplanationPage> {
    return explanationPage(this.#context, this.#appointmentId(appointmentId), this.#scope, options)
  }

  /**
   * A page of notifications, newest first. Default: the first 50 with a final result, of all organizations.
   * @throws NotificationError `invalid_input`.
   */
  async history(filter: HistoryFilter = {}): Promise<HistoryPage> {
    const asked = parseInput(historyFilter, filter, 'history filter')
    const own = this.#scope === null ? {} : { organizationId: this.#scope }
    const { storage, ids } = this.#context.options
    return readHistory(storage, { ...asked, ...idsOf(ids, asked), ...own })
  }

  /**
   * One notification, in whatever state.
   * @throws NotificationError `notification_not_found`.
   */
  async getNotification(notificationId: number): Promise<Notification> {
    const id = parseField(rowId, notificationId, 'notificationId')
    const row = await this.#context.options.storage.deliveries.get(id)
    if (row !== null && isWithin(this.#scope, row)) return showNotification(row)
    throw notificationNotFound(id)
  }

  /**
   * Call it when an appointment was booked, after your commit: queues its confirmation and plans its reminders, in one
   * transaction. Idempotent: reporting the same booking again sends nothing. `notify: false` plans without a confirmation.
   * @throws NotificationError as `scheduleReminders`.
   * @example
   * ```ts
   * const { notifications: queued, reminders } = await notifications.appointmentBooked(42)
   * ```
   */
  async appointmentBooked(appointmentId: HostId, options: LifecycleOptions = {}): Promise<LifecycleResult> {
    return this.#scheduling.report('booked', appointmentId, options)
  }

  /**
   * Call it when an appointment was moved, or its place or practitioner changed, after your commit: moves its reminders and
   * queues a notice of what changed since the last one. A recipient who was added since gets a confirmation instead.
   * Idempotent.
   * @throws NotificationError as `scheduleReminders`.
   */
  async appointmentRescheduled(appointmentId: HostId, options: LifecycleOptions = {}): Promise<LifecycleResult> {
    return this.#scheduling.report('rescheduled', appointmentId, options)
  }

  /**
   * Call it when an appointment was cancelled, after your commit: cancels its reminders and queues a notice. Idempotent.
   * @throws NotificationError `appointment_not_found`; `conflict`: other changes to the same reminders kept coming in
   * between.
   */
  async appointmentCancelled(appointmentId: HostId, options: LifecycleOptions = {}): Promise<LifecycleResult> {
    return this.#scheduling.report('cancelled', appointmentId, options)
  }

  /**
   * Records the outcome of an appointment: `attended`, `no_show`, `cancelled_late` or `rescheduled`. If it is recorded more
   * than once, the last outcome counts. The reminder statistics relate outcomes to the reminders that were sent, and to how
   * long before it was booked (`bookedAt` of your directory, or else when it was first planned).
   * @throws NotificationError `appointment_not_found`.
   */
  async recordOutcome(appointmentId: HostId, outcome: AppointmentOutcome): Promise<void> {
    const known = parseField(z.enum(appointmentOutcomes), outcome, 'outcome')
    const { id, organizationId, start, bookedAt } = await knownAppointment(this.#context, appointmentId, this.#scope)
    const { storage, clock } = this.#context.options
    const { instant: startsAt, timeZone } = start
    const about = { organizationId, appointmentId: id, startsAt, timeZone, bookedAt }
    await storage.statistics.recordOutcome({ ...about, outcome: known, at: clock.now(), by: this.#actor })
  }

  /**
   * Call it when an appointment was deleted: cancels its pending messages; its history stays. Does not ask the directory.
   * Idempotent.
   */
  async appointmentDeleted(appointmentId: HostId): Promise<CancelResult> {
    return this.#scheduling.appointmentDeleted(appointmentId)
  }

  /**
   * Call it when a patient, client or practitioner was deleted: deletes the preferences and cancels pending messages; the
   * history stays (`privacy.eraseRecipient()` erases that too). Does not ask the directory. Idempotent.
   */
  async recipientDeleted(recipient: HostRef): Promise<CancelResult> {
    const ref = readRecipient(this.#context.options.ids, recipient, 'recipient')
    return forgetRecipient(this.#context, ref, this.#actor)
  }

  #appointmentId(id: HostId): EntityId {
    return readId(this.#context.options.ids, 'appointment', id, 'appointmentId')
  }
}
