import type { Appointment } from '../../domain/appointment.ts'
import type { Truth } from '../../domain/due.ts'
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
 * The calls of planning inside a transaction of yours: what they write is committed or rolled back with your own rows. The
 * directory is never asked, because it reads on another connection, which does not see what you have not committed: a call
 * that needs the appointment takes it as your directory would answer it, with its recipients. Texts in the answers are drafts
 * without the organization's name and language; what is sent is rendered when it is sent.
 *
 * Await each call before your next statement. After your commit call `committed()`.
 *
 * Beside the errors named, calls reject with `transaction_refused` where no transaction is open (any more), with `invalid_input` for
 * an appointment that is not described as a directory would, and with `storage_busy` where the database needs your
 * transaction to be run again. After any other error the transaction goes on as if the call had not been made.
 */
export class NotificationTransaction {
  readonly #context: Context
  readonly #storage: TransactionStore
  readonly #actor: Actor
  readonly #news: DeferredEvents

  constructor(context: Context, storage: TransactionStore, actor: Actor) {
    this.#context = context
    this.#storage = storage
    this.#actor = actor
    this.#news = new DeferredEvents(context)
  }

  /**
   * As `NotificationService.scheduleReminders`.
   * @throws NotificationError `appointment_not_active`.
   */
  async scheduleReminders(appointment: DirectoryAppointment, options: ScheduleOptions = {}): Promise<ScheduleResult> {
    const { id, scheduling } = this.#knowing(appointment)
    return scheduling.schedule(id, options, 'reminders.scheduled')
  }

  /**
   * As `NotificationService.rescheduleReminders`: the appointment is described as it is after the change.
   * @throws NotificationError `appointment_not_active`.
   */
  async rescheduleReminders(appointment: DirectoryAppointment, options: ScheduleOptions = {}): Promise<ScheduleResult> {
    const { id, scheduling } = this.#knowing(appointment)
    return scheduling.schedule(id, options, 'reminders.rescheduled')
  }

  /** Cancels what is pending. Where nothing was ever planned, nothing is cancelled: whether there is such an appointment is not asked. */
  async cancelReminders(appointmentId: HostId): Promise<CancelResult> {
    return (await this.#scheduling(null).cancel(appointmentId)) ?? { cancelled: 0, inFlight: 0 }
  }

  /**
   * You book an appointment: confirm it and plan its reminders.
   * @throws NotificationError `appointment_not_active`.
   */
  async appointmentBooked(appointment: DirectoryAppointment, options: LifecycleOptions = {}): Promise<LifecycleResult> {
    const { id, scheduling } = this.#knowing(appointment)
    return scheduling.tell('booked', id, options)
  }

  /**
   * You move an appointment, described as it is after the move: move its reminders and tell.
   * @throws NotificationError `appointment_not_active`.
   */
  async appointmentRescheduled(
    appointment: DirectoryAppointment,
    options: LifecycleOptions = {},
  ): Promise<LifecycleResult> {
    const { id, scheduling } = this.#knowing(appointment)
    return scheduling.tell('rescheduled', id, options)
  }

  /** You cancel an appointment: cancel its reminders and tell. */
  async appointmentCancelled(
    appointment: DirectoryAppointment,
    options: LifecycleOptions = {},
  ): Promise<LifecycleResult> {
    const { id, scheduling } = this.#knowing(appointment)
    return scheduling.tell('cancelled', id, options)
  }

  /** You delete an appointment: what is pending is cancelled, history stays. */
  async appointmentDeleted(appointmentId: HostId): Promise<CancelResult> {
    return this.#scheduling(null).appointmentDeleted(appointmentId)
  }

  /** You delete a patient, client or practitioner: preferences go, what is pending is cancelled, history stays. */
  async recipientDeleted(recipient: HostRef): Promise<CancelResult> {
    return this.#scheduling(null).recipientDeleted(recipient)
  }

  /**
   * Your transaction is committed: emits the events of its calls and wakes what sends. Called again, it does nothing. Without
   * it no reminder is lost, the next sweep finds it; but the events of these calls are never emitted. Not for a rollback:
   * there is nothing to tell then.
   */
  committed(): void {
    this.#news.release()
  }

  #knowing(told: DirectoryAppointment) {
    const appointment = this.#context.host.described(told)
    return { id: appointment.id, scheduling: this.#scheduling(appointment) }
  }

  #scheduling(appointment: Appointment | null): Scheduling {
    const { options, providers, reported } = this.#context
    const { clock, ids, logger, taskManager } = options
    const context: PlanningContext = {
      options: { clock, ids, logger, taskManager, storage: this.#storage },
      providers,
      reported,
      host: hostKnowing(appointment),
      events: this.#news.events,
      dueAt: this.#news.dueAt,
      tasksTouched: this.#news.tasksTouched,
    }
    return new Scheduling(context, new Planner(context), this.#actor)
  }
}

/** Answers for one appointment, in place of the directory. */
const hostKnowing = (appointment: Appointment | null): PlanningContext['host'] => ({
  appointments: async (ids, lookUp) => {
    const truthOf = (id: EntityId): Truth<Appointment> =>
      appointment !== null && id === appointment.id ? { kind: 'known', value: appointment } : { kind: 'gone' }
    lookUp?.part?.(ids, truthOf)
    return truthOf
  },
  organizations: async () => () => ({ kind: 'gone' }),
})
