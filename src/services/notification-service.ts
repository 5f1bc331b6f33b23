import { z } from 'zod'
import { appointmentOf, isActive } from '../domain/appointment.ts'
import { NotificationError } from '../errors.ts'
import type { PlanRow, ReminderRow } from '../ports/storage.ts'
import { type Actor, actorSchema, serviceActor } from '../schemas/audit.ts'
import { type EntityId, parseField, parseInput, type RecipientRef, recipientRef, rowId } from '../schemas/common.ts'
import { type DirectoryAppointment, directoryAppointment } from '../schemas/directory.ts'
import {
  type HistoryFilter,
  historyFilter,
  type LifecycleOptions,
  lifecycleOptions,
  type ScheduleOptions,
  type SendOptions,
  scheduleOptions,
  sendOptions,
  type WaitlistOptions,
  waitlistOptions,
} from '../schemas/requests.ts'
import { type AppointmentCategory, type AppointmentOutcome, appointmentOutcomes } from '../schemas/vocabulary.ts'
import { cancelCommand } from './cancel-command.ts'
import type { Context } from './context.ts'
import { dryRun } from './dry-run.ts'
import { type ExplanationLine, explainAppointment } from './explanation.ts'
import { readHistory } from './history.ts'
import { readId } from './ids.ts'
import { noAppointment, noNotification, noWaitlistEntry } from './missing.ts'
import { channelsOf } from './notices.ts'
import type { PlanRequest } from './plan-draft.ts'
import type { Planner, PlanResult } from './planner.ts'
import { Previews } from './previews.ts'
import { type BatchResult, scheduleInBatches } from './schedule-batch.ts'
import { sendNotices } from './send-notices.ts'
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

  constructor(context: Context, planner: Planner, actor: Actor = serviceActor) {
    this.#context = context
    this.#planner = planner
    this.#actor = actor
  }

  /** The same service, for the audit log on behalf of somebody: `as({ kind: 'staff', id: 7 })`. Checks no rights. */
  as(actor: Actor): NotificationService {
    return new NotificationService(this.#context, this.#planner, parseInput(actorSchema, actor, 'The actor'))
  }

  /**
   * Plans the reminders of an appointment by the effective offsets of each recipient, or by `customReminders`.
   * Declarative: called twice, done once.
   * @throws NotificationError `appointment_not_found`, `appointment_not_active`, `invalid_input`.
   */
  async scheduleReminders(appointmentId: EntityId, options: ScheduleOptions = {}): Promise<ScheduleResult> {
    return this.#schedule(this.#request(appointmentId, options, { reactivate: true, requireActive: true }))
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
    const id = this.#appointmentId(appointmentId)
    const plan = await this.#requirePlanOrAppointment(id)
    if (plan === null) return { cancelled: 0, inFlight: 0 }
    return this.#cancelByRequest(plan)
  }

  /** Plans anew after the appointment changed: needs no body, the directory tells the new time and the plan its offsets. */
  async rescheduleReminders(appointmentId: EntityId, options: ScheduleOptions = {}): Promise<ScheduleResult> {
    return this.#schedule(this.#request(appointmentId, options, { reactivate: true, requireActive: true }))
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
    return this.#lifecycle(appointmentId, options, 'CONFIRMATION', { reactivate: true, requireActive: true })
  }

  /** The host moved an appointment: move its reminders and tell. */
  async appointmentRescheduled(appointmentId: EntityId, options: LifecycleOptions = {}): Promise<LifecycleResult> {
    return this.#lifecycle(appointmentId, options, 'RESCHEDULE', { reactivate: false, requireActive: true })
  }

  /** The host cancelled an appointment: cancel its reminders and tell. Call it after your own commit. */
  async appointmentCancelled(appointmentId: EntityId, options: LifecycleOptions = {}): Promise<LifecycleResult> {
    return this.#lifecycle(appointmentId, options, 'CANCELLATION', {
      reactivate: false,
      cancelAs: 'appointment_cancelled',
    })
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
    const id = this.#appointmentId(appointmentId)
    const entry = { action: 'cancelled', rule: 'appointment_gone', category: 'REMINDER' } as const
    const { storage, clock } = this.#context.options
    const { cancelled, inFlight } = await storage.plans.forgetAppointment(id, [entry], clock.now())
    this.#planner.tellCancelled(cancelled)
    return { cancelled: cancelled.length, inFlight }
  }

  /** The host deleted a patient, client or practitioner: preferences go, what is pending is cancelled, history stays. */
  async recipientDeleted(recipient: RecipientRef): Promise<CancelResult> {
    const ref = parseInput(recipientRef, recipient, 'The recipient')
    const { storage, clock } = this.#context.options
    const { cancelled, inFlight } = await storage.plans.forgetRecipient(ref, clock.now(), this.#actor)
    this.#planner.tellCancelled(cancelled)
    return { cancelled: cancelled.length, inFlight }
  }

  async #lifecycle(
    appointmentId: EntityId,
    given: LifecycleOptions,
    notice: AppointmentCategory,
    rest: Pick<PlanRequest, 'reactivate' | 'requireActive' | 'cancelAs'>,
  ): Promise<LifecycleResult> {
    const { notify = true, ...options } = parseInput(lifecycleOptions, given, 'The options')
    const request = this.#request(appointmentId, options, rest)
    const result = await this.#planOne(notify ? { ...request, notice, by: this.#actor } : request)
    return { ...this.#shown(result), notifications: result.notifications.map(showNotification) }
  }

  async #schedule(request: PlanRequest): Promise<ScheduleResult> {
    return this.#shown(await this.#planOne(request))
  }

  async #planOne(request: PlanRequest): Promise<Planned> {
    const [result] = await this.#planner.plan([request])
    if (result === undefined) throw noAppointment(request.appointmentId)
    if (result.status === 'failed') throw result.error
    return result
  }

  #shown({ appointment, created, kept, cancelled, inFlight, left, knowledge }: Planned): ScheduleResult {
    const previews = Previews.of(appointment, knowledge)
    const rows = [...created, ...kept].sort((one, other) => one.reminderTime.getTime() - other.reminderTime.getTime())
    return {
      appointmentId: appointment.id,
      organizationId: appointment.organizationId,
      reminders: rows.map((row: ReminderRow) => showReminder(row, previews.of(row))),
      cancelled: cancelled.length,
      inFlight,
      left,
    }
  }

  async #cancelByRequest(plan: PlanRow): Promise<CancelResult> {
    const { storage, clock } = this.#context.options
    const [outcome] = await storage.plans.apply([cancelCommand(plan, 'cancelled_by_request', clock.now())])
    if (outcome === undefined || outcome.status === 'conflict') return this.cancelReminders(plan.appointmentId)
    this.#planner.tellCancelled(outcome.cancelled)
    return { cancelled: outcome.cancelled.length, inFlight: outcome.inFlight }
  }

  #request(
    appointmentId: EntityId,
    options: ScheduleOptions,
    rest: Pick<PlanRequest, 'reactivate' | 'requireActive' | 'cancelAs'>,
  ): PlanRequest {
    const { customReminders } = parseInput(scheduleOptions, options, 'The reminders')
    return { appointmentId: this.#appointmentId(appointmentId), customReminders, ...rest }
  }

  async #draft(appointment: EntityId | DirectoryAppointment) {
    if (typeof appointment === 'object') {
      return appointmentOf(parseInput(directoryAppointment, appointment, 'The appointment'))
    }
    const id = this.#appointmentId(appointment)
    const truth = (await this.#context.host.appointments([id]))(id)
    if (truth.kind === 'known') return truth.value
    throw noAppointment(id)
  }

  /** The plan, or null where the host knows the appointment but nothing was ever planned. */
  async #requirePlanOrAppointment(id: EntityId): Promise<PlanRow | null> {
    const [plan] = await this.#context.options.storage.plans.find([id])
    if (plan !== undefined) return plan
    await this.#draft(id)
    return null
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

type Planned = Extract<PlanResult, { status: 'planned' }>
