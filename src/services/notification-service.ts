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
 * Beside the errors it names, every method may throw a NotificationError `invalid_input` for an argument that is not
 * valid (`field` names it), `directory_failed` or `directory_invalid` where it asks the directory (`issues` says what cannot be
 * used), and `storage_busy`, `storage_failed`, `storage_closed` or `migration_missing`.
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
   * The same service for one organization: appointments, waitlist entries and deliveries of others count as missing. Null: for all
   * organizations. The directory decides at the time of the call which organization an appointment belongs to. Does not restrict
   * `using()`, `appointmentDeleted()` and `recipientDeleted()`.
   */
  within(id: string | null): NotificationService {
    const scope = parseField(organizationId.nullable(), id, 'organizationId')
    return new NotificationService(this.#context, this.#planner, this.#actor, scope)
  }

  /**
   * The planning calls, made within a transaction of your own, so that your row and its reminders are committed
   * together or not at all. `transaction` is a Kysely `Transaction`, or the `pg` client or better-sqlite3 database on
   * which the transaction is open; it must be of the database that holds the library's tables.
   *
   * ```ts
   * const reminders = await db.transaction().execute(async (trx) => {
   *   const inside = notifications.using(trx)
   *   await inside.appointmentBooked(await book(trx))
   *   return inside
   * })
   * reminders.committed()
   * ```
   * @throws NotificationError `transaction_refused` for anything else, or if the storage cannot join a transaction.
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
   * Plans the reminders of an appointment, at the effective offsets of each recipient or at `customReminders`. Calling
   * it again changes nothing unless something else has changed.
   * @throws NotificationError `appointment_not_found`; `appointment_not_active`: it is cancelled or over; `conflict`:
   * others kept changing the same reminders.
   */
  async scheduleReminders(appointmentId: HostId, options: ScheduleOptions = {}): Promise<ScheduleResult> {
    return this.#scheduling.schedule(appointmentId, options, 'reminders.scheduled')
  }

  /**
   * Plans many appointments in few commands. Results are in the order of `appointmentIds`. An appointment that fails
   * does not stop the others: its result holds the error that `scheduleReminders` would have thrown, of the directory
   * and the storage too.
   * @throws NotificationError only `invalid_input`, for a list or options that are not valid.
   */
  async scheduleMany(appointmentIds: readonly HostId[], options: ScheduleOptions = {}): Promise<BatchResult[]> {
    parseField(z.array(z.unknown()), appointmentIds, 'appointmentIds')
    const { customReminders } = parseInput(scheduleOptions, options, 'reminders')
    const rest = { customReminders, scope: this.#scope, ...this.#scheduling.audited('reminders.scheduled') }
    return scheduleInBatches(this.#planner, this.#context.options.ids, appointmentIds, rest)
  }

  /**
   * All reminders of the appointment, including cancelled ones, earliest first; those not sent yet with a preview of
   * their text, empty while the directory does not answer.
   * @throws NotificationError `appointment_not_found`: neither the library nor the directory knows it.
   */
  async getReminders(appointmentId: HostId): Promise<readonly Reminder[]> {
    return (await reminderPage(this.#context, this.#appointmentId(appointmentId), this.#scope, null)).reminders
  }

  /** The same, a page at a time. @throws NotificationError `appointment_not_found`, `invalid_input`. */
  async remindersPage(appointmentId: HostId, options: PageOptions = {}): Promise<ReminderPage> {
    return reminderPage(this.#context, this.#appointmentId(appointmentId), this.#scope, options)
  }

  /**
   * Cancels the pending reminders; where some were ever planned, this works even while the directory is down. Nothing
   * is planned again until you ask for it.
   * @throws NotificationError `appointment_not_found`: nothing was ever planned, and the directory does not know it.
   */
  async cancelReminders(appointmentId: HostId): Promise<CancelResult> {
    const result = await this.#scheduling.cancel(appointmentId)
    if (result !== null) return result
    await knownAppointment(this.#context, appointmentId, this.#scope)
    return { cancelled: 0, inFlight: 0 }
  }

  /**
   * Plans again after the appointment changed. Needs no details: the new time comes from the directory, and
   * `customReminders` given before stay in force.
   * @throws NotificationError as `scheduleReminders`.
   */
  async rescheduleReminders(appointmentId: HostId, options: ScheduleOptions = {}): Promise<ScheduleResult> {
    return this.#scheduling.schedule(appointmentId, options, 'reminders.rescheduled')
  }

  /**
   * Queues a notice now, to everybody who takes part in the appointment or to `recipients`. Each call sends it again,
   * unless both calls give the same `idempotencyKey`. Who was left out, and by which rule, is in `omitted`.
   * @throws NotificationError `appointment_not_found`;
   * `appointment_not_active`, except for the category `CANCELLATION`.
   */
  async sendAppointmentNotification(appointmentId: HostId, options: SendOptions): Promise<SendResult> {
    return requestNotice(this.#context, this.#actor, this.#scope, appointmentId, options)
  }

  /**
   * Queues a notice to the recipients of a waitlist entry now. Each call sends it again, unless both calls give the
   * same `idempotencyKey`.
   * @throws NotificationError `waitlist_entry_not_found`; `options_invalid`: the directory has no `waitlistEntries`;
   * `slot_started`: the slot has started; `offer_expired`.
   */
  async notifyWaitlist(waitlistEntryId: HostId, options: WaitlistOptions = {}): Promise<SendResult> {
    return requestWaitlistNotice(this.#context, this.#actor, this.#scope, waitlistEntryId, options)
  }

  /**
   * A dry run: what would be sent and when, for a known appointment or for one not booked yet. Writes nothing.
   * @throws NotificationError `appointment_not_found`, for a known one.
   */
  async plan(appointment: HostId | DirectoryAppointment, options: ScheduleOptions = {}): Promise<DryRun> {
    const { customReminders } = parseInput(scheduleOptions, options, 'reminders')
    return dryRun(this.#context, await knownAppointment(this.#context, appointment, this.#scope), customReminders)
  }

  /**
   * Which messages of an appointment were planned, moved, skipped, merged, sent or refused, when, and by which rule; in
   * the order of time. Last, why messages that are due have not been sent, where the directory or TaskManager does not
   * answer; of an appointment that you never reported, that it is `unreported`, and what would be planned.
   * @throws NotificationError `appointment_not_found`: neither the library nor the directory knows it.
   */
  async explain(appointmentId: HostId): Promise<readonly ExplanationLine[]> {
    return (await explanationPage(this.#context, this.#appointmentId(appointmentId), this.#scope, null)).decisions
  }

  /** The same, a page at a time. @throws NotificationError `appointment_not_found`, `invalid_input`. */
  async explanationPage(appointmentId: HostId, options: PageOptions = {}): Promise<ExplanationPage> {
    return explanationPage(this.#context, this.#appointmentId(appointmentId), this.#scope, options)
  }

  /** A page of deliveries, newest first. Default: 50 settled ones of all organizations. */
  async history(filter: HistoryFilter = {}): Promise<HistoryPage> {
    const asked = parseInput(historyFilter, filter, 'history filter')
    const own = this.#scope === null ? {} : { organizationId: this.#scope }
    const { storage, ids } = this.#context.options
    return readHistory(storage, { ...asked, ...idsOf(ids, asked), ...own })
  }

  /** One delivery, whatever its state. @throws NotificationError `notification_not_found`. */
  async getNotification(notificationId: number): Promise<Notification> {
    const id = parseField(rowId, notificationId, 'notificationId')
    const row = await this.#context.options.storage.deliveries.get(id)
    if (row !== null && isWithin(this.#scope, row)) return showNotification(row)
    throw notificationNotFound(id)
  }

  /**
   * An appointment was booked: queues its confirmation and plans its reminders, in one transaction. Reporting the same
   * booking twice does this once.
   * @throws NotificationError as `scheduleReminders`.
   */
  async appointmentBooked(appointmentId: HostId, options: LifecycleOptions = {}): Promise<LifecycleResult> {
    return this.#scheduling.report('booked', appointmentId, options)
  }

  /**
   * An appointment was moved, or its place or practitioner changed: moves its reminders and queues a notice that says what
   * changed since the last one. Whoever was added since gets a confirmation instead.
   * @throws NotificationError as `scheduleReminders`.
   */
  async appointmentRescheduled(appointmentId: HostId, options: LifecycleOptions = {}): Promise<LifecycleResult> {
    return this.#scheduling.report('rescheduled', appointmentId, options)
  }

  /**
   * An appointment was cancelled: cancels its reminders and queues a notice. Call it after your own commit.
   * @throws NotificationError `appointment_not_found`; `conflict`: others kept changing the same reminders.
   */
  async appointmentCancelled(appointmentId: HostId, options: LifecycleOptions = {}): Promise<LifecycleResult> {
    return this.#scheduling.report('cancelled', appointmentId, options)
  }

  /**
   * Records what became of an appointment: `attended`, `no_show`, `cancelled_late` or `rescheduled`. If it is recorded
   * more than once, the last outcome counts. The reminder statistics relate it to the reminders that were sent, and to how long before it
   * was booked (`bookedAt` of your directory, else when it was first planned).
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

  /** An appointment was deleted: what is pending is cancelled, the history stays. Does not ask the directory. */
  async appointmentDeleted(appointmentId: HostId): Promise<CancelResult> {
    return this.#scheduling.appointmentDeleted(appointmentId)
  }

  /**
   * A patient, client or practitioner was deleted: the preferences are removed, what is pending is cancelled, the
   * history stays. Does not ask the directory.
   */
  async recipientDeleted(recipient: HostRef): Promise<CancelResult> {
    const ref = readRecipient(this.#context.options.ids, recipient, 'recipient')
    return forgetRecipient(this.#context, ref, this.#actor)
  }

  #appointmentId(id: HostId): EntityId {
    return readId(this.#context.options.ids, 'appointment', id, 'appointmentId')
  }
}
