import type { Appointment } from '../../domain/appointment.ts'
import type { Lookup } from '../../domain/due.ts'
import type { TransactionStore } from '../../records/store.ts'
import type { Actor } from '../../schemas/audit.ts'
import type { EntityId, HostId, HostRef } from '../../schemas/common.ts'
import type { DirectoryAppointment } from '../../schemas/directory.ts'
import type { LifecycleOptions, ScheduleOptions } from '../../schemas/requests.ts'
import type { Context, PlanningContext } from '../shared/context.ts'
import { DeferredEvents } from '../shared/events.ts'
import type { CancelResult, LifecycleResult, ScheduleResult } from '../shared/views.ts'
import { Planner } from './planner.ts'
import { Scheduling } from './scheduling.ts'

/**
 * The planning calls inside a transaction of your own: what they write is committed or rolled back with your rows. The
 * directory is not called, because it reads on another connection, which does not see your uncommitted changes. So calls
 * that need the appointment take it as your directory would return it, with its recipients. Texts in the results are
 * previews without the organization's name and language; the final text is rendered when it is sent.
 *
 * Await each call before your next statement. After your commit, call `committed()`.
 *
 * Besides the errors listed, calls reject with `transaction_refused` if the transaction is not open, `invalid_input` for an
 * appointment that is not valid as a row of your directory, and `storage_busy` if the database requires your transaction to
 * be retried. After any other error the transaction continues as if the call had not been made.
 */
export class NotificationTransaction {
  readonly #context: Context
  readonly #storage: TransactionStore
  readonly #actor: Actor
  readonly #deferred: DeferredEvents

  constructor(context: Context, storage: TransactionStore, actor: Actor) {
    this.#context = context
    this.#storage = storage
    this.#actor = actor
    this.#deferred = new DeferredEvents(context)
  }

  /**
   * As `NotificationService.scheduleReminders()`.
   * @throws NotificationError `appointment_not_active`.
   */
  async scheduleReminders(appointment: DirectoryAppointment, options: ScheduleOptions = {}): Promise<ScheduleResult> {
    const { id, scheduling } = this.#for(appointment)
    return scheduling.schedule(id, options, 'reminders.scheduled')
  }

  /**
   * As `NotificationService.rescheduleReminders()`, with the appointment as it is after the change.
   * @throws NotificationError `appointment_not_active`.
   */
  async rescheduleReminders(appointment: DirectoryAppointment, options: ScheduleOptions = {}): Promise<ScheduleResult> {
    const { id, scheduling } = this.#for(appointment)
    return scheduling.schedule(id, options, 'reminders.rescheduled')
  }

  /**
   * Cancels the pending reminders of an appointment. Does not check whether the appointment exists: without a plan it
   * cancels nothing. Idempotent.
   */
  async cancelReminders(appointmentId: HostId): Promise<CancelResult> {
    return (await this.#scheduling(null).cancel(appointmentId)) ?? { cancelled: 0, inFlight: 0 }
  }

  /**
   * Call it when you book an appointment: queues its confirmation and plans its reminders.
   * @throws NotificationError `appointment_not_active`.
   */
  async appointmentBooked(appointment: DirectoryAppointment, options: LifecycleOptions = {}): Promise<LifecycleResult> {
    const { id, scheduling } = this.#for(appointment)
    return scheduling.report('booked', id, options)
  }

  /**
   * Call it when you move an appointment, given as it is after the move: moves its reminders and queues a notice.
   * @throws NotificationError `appointment_not_active`.
   */
  async appointmentRescheduled(
    appointment: DirectoryAppointment,
    options: LifecycleOptions = {},
  ): Promise<LifecycleResult> {
    const { id, scheduling } = this.#for(appointment)
    return scheduling.report('rescheduled', id, options)
  }

  /** Call it when you cancel an appointment: cancels its reminders and queues a notice. */
  async appointmentCancelled(
    appointment: DirectoryAppointment,
    options: LifecycleOptions = {},
  ): Promise<LifecycleResult> {
    const { id, scheduling } = this.#for(appointment)
    return scheduling.report('cancelled', id, options)
  }

  /** Call it when you delete an appointment: cancels its pending messages; its history stays. */
  async appointmentDeleted(appointmentId: HostId): Promise<CancelResult> {
    return this.#scheduling(null).appointmentDeleted(appointmentId)
  }

  /**
   * Call it when you delete a patient, client or practitioner: deletes the preferences and cancels pending messages; the
   * history stays.
   */
  async recipientDeleted(recipient: HostRef): Promise<CancelResult> {
    return this.#scheduling(null).recipientDeleted(recipient)
  }

  /**
   * Call it after your commit: emits the events of the calls and wakes the dispatcher. Without it no reminder is lost, since
   * the next sweep finds it, but the events are never emitted. Do not call it after a rollback. Idempotent.
   */
  committed(): void {
    this.#deferred.release()
  }

  #for(row: DirectoryAppointment) {
    const appointment = this.#context.host.described(row)
    return { id: appointment.id, scheduling: this.#scheduling(appointment) }
  }

  #scheduling(appointment: Appointment | null): Scheduling {
    const { options, providers, languages, links, reported } = this.#context
    const context: PlanningContext = {
      options: { ...options, storage: this.#storage },
      providers,
      languages,
      links,
      reported,
      host: directoryOf(appointment),
      events: this.#deferred.events,
      dueAt: this.#deferred.dueAt,
      tasksTouched: this.#deferred.tasksTouched,
    }
    return new Scheduling(context, new Planner(context), this.#actor)
  }
}

/** Stands in for the directory, with one appointment or none. */
const directoryOf = (appointment: Appointment | null): PlanningContext['host'] => ({
  appointments: async (ids, options) => {
    const lookupOf = (id: EntityId): Lookup<Appointment> =>
      appointment !== null && id === appointment.id ? { kind: 'known', value: appointment } : { kind: 'gone' }
    options?.part?.(ids, lookupOf)
    return lookupOf
  },
  organizations: async () => () => ({ kind: 'gone' }),
})
