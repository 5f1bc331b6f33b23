import { z } from 'zod'
import { isActive } from '../domain/appointment.ts'
import { NotificationError } from '../errors.ts'
import type { HostTransaction } from '../ports/storage.ts'
import { type Actor, actorSchema, serviceActor } from '../schemas/audit.ts'
import { type EntityId, parseField, parseInput, type RecipientRef, rowId } from '../schemas/common.ts'
import type { DirectoryAppointment } from '../schemas/directory.ts'
import {
  type HistoryFilter,
  historyFilter,
  type LifecycleOptions,
  type ScheduleOptions,
  type SendOptions,
  scheduleOptions,
  sendOptions,
  type WaitlistOptions,
  waitlistOptions,
} from '../schemas/requests.ts'
import { type AppointmentOutcome, appointmentOutcomes } from '../schemas/vocabulary.ts'
import type { Context } from './context.ts'
import { dryRun } from './dry-run.ts'
import { type ExplanationLine, explainAppointment } from './explanation.ts'
import { readHistory } from './history.ts'
import { readId } from './ids.ts'
import { noAppointment, noNotification, noWaitlistEntry } from './missing.ts'
import { channelsOf } from './notices.ts'
import { NotificationTransaction } from './notification-transaction.ts'
import type { Planner } from './planner.ts'
import { Previews } from './previews.ts'
import { type BatchResult, scheduleInBatches } from './schedule-batch.ts'
import { Scheduling } from './scheduling.ts'
import { sendNotices } from './send-notices.ts'
import { toldAppointment } from './told-appointment.ts'
import {
  type CancelResult,
  type DryRun,
  type HistoryPage,
  type LifecycleResult,
  type Notification,
  type Reminder,
  type ScheduleResult,
  type SendResult,
  showNotification,
  showReminder,
} from './views.ts'

/** Plans reminders, sends notices, and tells what was decided and what came of it. */
export class NotificationService {
  readonly #context: Context
  readonly #planner: Planner
  readonly #actor: Actor
  readonly #scheduling: Scheduling

  constructor(context: Context, planner: Planner, actor: Actor = serviceActor) {
    this.#context = context
    this.#planner = planner
    this.#actor = actor
    this.#scheduling = new Scheduling(context, planner, actor)
  }

  /** The same service, for the audit log on behalf of somebody: `as({ kind: 'staff', id: 7 })`. Checks no rights. */
  as(actor: Actor): NotificationService {
    return new NotificationService(this.#context, this.#planner, parseInput(actorSchema, actor, 'The actor'))
  }

  /**
   * The calls of planning inside a transaction of your own, so that your row and its reminders are committed together or not
   * at all: a Kysely `Transaction`, or the `pg` client or better-sqlite3 database it is open on, of the database that holds the
   * library's tables.
   *
   * ```ts
   * const reminders = await db.transaction().execute(async (trx) => {
   *   const inside = notifications.using(trx)
   *   await inside.appointmentBooked(await book(trx))
   *   return inside
   * })
   * reminders.committed()
   * ```
   * @throws NotificationError `transaction_refused` for anything else, and where the storage has no transactions to share.
   */
  using(transaction: HostTransaction): NotificationTransaction {
    const { storage } = this.#context.options
    if (storage.within === undefined) {
      throw new NotificationError(
        'transaction_refused',
        `The storage "${storage.name}" cannot write into a transaction of yours; make the calls after your commit instead.`,
      )
    }
    return new NotificationTransaction(this.#context, storage.within(transaction), this.#actor)
  }

  /**
   * Plans the reminders of an appointment by the effective offsets of each recipient, or by `customReminders`.
   * Declarative: called twice, done once.
   * @throws NotificationError `appointment_not_found`, `appointment_not_active`, `invalid_input`.
   */
  async scheduleReminders(appointmentId: EntityId, options: ScheduleOptions = {}): Promise<ScheduleResult> {
    return this.#scheduling.schedule(appointmentId, options)
  }

  /** Plans many appointments in few commands. One that fails does not stop the others: its error stands in its place. */
  async scheduleMany(appointmentIds: readonly EntityId[], options: ScheduleOptions = {}): Promise<BatchResult[]> {
    parseField(z.array(z.unknown()), appointmentIds, 'appointmentIds')
    const { customReminders } = parseInput(scheduleOptions, options, 'The reminders')
    return scheduleInBatches(this.#planner, this.#context.options.ids, appointmentIds, customReminders)
  }

  /** All rows of the appointment, cancelled ones too, with a preview of the text where nothing went out yet. */
  async getReminders(appointmentId: EntityId): Promise<readonly Reminder[]> {
    const id = this.#appointmentId(appointmentId)
    const rows = await this.#context.options.storage.reminders.list(await this.#organizationOf(id), id)
    const previews = await Previews.forAppointment(this.#context, id)
    return rows.map((row) => showReminder(row, previews.of(row)))
  }

  /** Cancels what is pending; works also while the directory is away. Nothing is planned again until the host asks for it. */
  async cancelReminders(appointmentId: EntityId): Promise<CancelResult> {
    const result = await this.#scheduling.cancel(appointmentId)
    if (result !== null) return result
    await this.#draft(appointmentId)
    return { cancelled: 0, inFlight: 0 }
  }

  /** Plans anew after the appointment changed: needs no body, the directory tells the new time and the plan its offsets. */
  async rescheduleReminders(appointmentId: EntityId, options: ScheduleOptions = {}): Promise<ScheduleResult> {
    return this.#scheduling.schedule(appointmentId, options)
  }

  /**
   * Queues a notice now, to everybody of the appointment or to `recipients`; asked for again, it is sent again, unless both
   * name the same `idempotencyKey`.
   */
  async sendAppointmentNotification(appointmentId: EntityId, options: SendOptions): Promise<SendResult> {
    const id = this.#appointmentId(appointmentId)
    const { category, channel, recipients, idempotencyKey } = parseInput(sendOptions, options, 'The notification')
    const truth = (await this.#context.host.appointments([id]))(id)
    if (truth.kind !== 'known') throw noAppointment(id)
    if (category !== 'CANCELLATION' && !isActive(truth.value.status)) {
      throw new NotificationError(
        'appointment_not_active',
        `Appointment ${id} is ${truth.value.status}: no ${category.toLowerCase()} is sent for it.`,
        { field: 'category' },
      )
    }
    return sendNotices(this.#context, this.#actor, {
      category,
      subject: truth.value,
      appointmentId: id,
      waitlistEntryId: null,
      channels: channelsOf(channel),
      recipients: recipients ?? null,
      idempotencyKey,
    })
  }

  /** Tells the recipients of a waitlist entry, now; again each time, unless under the same `idempotencyKey`. */
  async notifyWaitlist(waitlistEntryId: EntityId, options: WaitlistOptions = {}): Promise<SendResult> {
    const id = readId(this.#context.options.ids, 'waitlistEntry', waitlistEntryId, 'waitlistEntryId')
    const { channel, idempotencyKey } = parseInput(waitlistOptions, options, 'The notification')
    const truth = (await this.#context.host.waitlistEntries([id]))(id)
    if (truth.kind !== 'known') throw noWaitlistEntry(id)
    return sendNotices(this.#context, this.#actor, {
      category: 'WAITLIST',
      subject: truth.value,
      appointmentId: null,
      waitlistEntryId: id,
      channels: channelsOf(channel),
      recipients: null,
      idempotencyKey,
    })
  }

  /** A dry run: what would be sent when, for a known appointment or for one not booked yet. Writes nothing. */
  async plan(appointment: EntityId | DirectoryAppointment, options: ScheduleOptions = {}): Promise<DryRun> {
    const { customReminders } = parseInput(scheduleOptions, options, 'The reminders')
    return dryRun(this.#context, await this.#draft(appointment), customReminders)
  }

  /** Which message was planned, moved, skipped, merged, sent or refused, when, and by which rule. */
  async explain(appointmentId: EntityId): Promise<readonly ExplanationLine[]> {
    const id = this.#appointmentId(appointmentId)
    const { storage } = this.#context.options
    const organizationId = await this.#organizationOf(id)
    return explainAppointment(storage, organizationId, id)
  }

  /** Deliveries, newest first. */
  async history(filter: HistoryFilter = {}): Promise<HistoryPage> {
    return readHistory(this.#context.options.storage, parseInput(historyFilter, filter, 'The history filter'))
  }

  /** @throws NotificationError `notification_not_found`. */
  async getNotification(notificationId: number): Promise<Notification> {
    const id = parseField(rowId, notificationId, 'notificationId')
    const row = await this.#context.options.storage.deliveries.get(id)
    if (row !== null) return showNotification(row)
    throw noNotification(id)
  }

  /** The host booked an appointment: confirm it and plan its reminders, in one transaction. The same booking twice is once. */
  async appointmentBooked(appointmentId: EntityId, options: LifecycleOptions = {}): Promise<LifecycleResult> {
    return this.#scheduling.tell('booked', appointmentId, options)
  }

  /** The host moved an appointment: move its reminders and tell. */
  async appointmentRescheduled(appointmentId: EntityId, options: LifecycleOptions = {}): Promise<LifecycleResult> {
    return this.#scheduling.tell('rescheduled', appointmentId, options)
  }

  /** The host cancelled an appointment: cancel its reminders and tell. Call it after your own commit. */
  async appointmentCancelled(appointmentId: EntityId, options: LifecycleOptions = {}): Promise<LifecycleResult> {
    return this.#scheduling.tell('cancelled', appointmentId, options)
  }

  /**
   * Records what became of an appointment: `attended`, `no_show`, `cancelled_late` or `rescheduled`. Recorded again, the last
   * one counts. The reminder statistics set it beside the reminders that went out.
   * @throws NotificationError `appointment_not_found`, `invalid_input`.
   */
  async recordOutcome(appointmentId: EntityId, outcome: AppointmentOutcome): Promise<void> {
    const known = parseField(z.enum(appointmentOutcomes), outcome, 'outcome')
    const { id, organizationId, start } = await this.#draft(this.#appointmentId(appointmentId))
    const { storage, clock } = this.#context.options
    const about = { organizationId, appointmentId: id, startsAt: start.instant }
    await storage.statistics.recordOutcome({ ...about, outcome: known, at: clock.now(), by: this.#actor })
  }

  /** The host deleted an appointment: what is pending is cancelled, history stays. */
  async appointmentDeleted(appointmentId: EntityId): Promise<CancelResult> {
    return this.#scheduling.appointmentDeleted(appointmentId)
  }

  /** The host deleted a patient, client or practitioner: preferences go, what is pending is cancelled, history stays. */
  async recipientDeleted(recipient: RecipientRef): Promise<CancelResult> {
    return this.#scheduling.recipientDeleted(recipient)
  }

  async #draft(appointment: EntityId | DirectoryAppointment) {
    if (typeof appointment === 'object') return toldAppointment(this.#context.options.ids, appointment)
    const id = this.#appointmentId(appointment)
    const truth = (await this.#context.host.appointments([id]))(id)
    if (truth.kind === 'known') return truth.value
    throw noAppointment(id)
  }

  /** Also of an appointment that the host deleted: what was sent for it stays explained. */
  async #organizationOf(id: EntityId): Promise<string> {
    const { storage } = this.#context.options
    const [plan] = await storage.plans.find([id])
    if (plan !== undefined) return plan.organizationId
    const { rows } = await storage.deliveries.list({ appointmentId: id, limit: 1, offset: 0 })
    return rows[0]?.organizationId ?? (await this.#draft(id)).organizationId
  }

  #appointmentId(id: EntityId): EntityId {
    return readId(this.#context.options.ids, 'appointment', id, 'appointmentId')
  }
}
