import { type Actor, type PlanningAction, serviceActor } from '../../schemas/audit.ts'
import { type EntityId, type HostId, type HostRef, parseInput } from '../../schemas/common.ts'
import {
  type LifecycleOptions,
  lifecycleOptions,
  type ScheduleOptions,
  scheduleOptions,
} from '../../schemas/requests.ts'
import type { AppointmentCategory } from '../../schemas/vocabulary.ts'
import { previewBy } from '../messages/previews.ts'
import type { PlanningContext } from '../shared/context.ts'
import { readId, readRecipient } from '../shared/ids.ts'
import type { Scope } from '../shared/owners.ts'
import {
  type CancelResult,
  type LifecycleResult,
  type ScheduleResult,
  showNotification,
  showReminder,
} from '../shared/views.ts'
import type { PlanRequest } from './plan-row.ts'
import type { Planner, PlanResult } from './planner.ts'
import { emitCancelled } from './planning-events.ts'

/** The events that the host can report for an appointment, and what they mean for its plan. */
const lifecycle = {
  booked: { action: 'reminders.scheduled', notice: 'CONFIRMATION', rest: { reactivate: true, requireActive: true } },
  rescheduled: {
    action: 'reminders.rescheduled',
    notice: 'RESCHEDULE',
    rest: { reactivate: false, requireActive: true },
  },
  cancelled: {
    action: 'reminders.cancelled',
    notice: 'CANCELLATION',
    rest: { reactivate: false, cancelAs: 'appointment_cancelled' },
  },
} as const satisfies Record<string, { action: PlanningAction; notice: AppointmentCategory; rest: Rest }>

type Rest = Pick<PlanRequest, 'reactivate' | 'requireActive' | 'cancelAs' | 'by' | 'action'>
type Planned = Extract<PlanResult, { status: 'planned' }>

/** Plans and cancels reminders: the same calls for the library itself and inside a transaction of the host. */
export class Scheduling {
  readonly #context: PlanningContext
  readonly #planner: Planner
  readonly #actor: Actor
  readonly #scope: Scope

  constructor(context: PlanningContext, planner: Planner, actor: Actor, scope: Scope = null) {
    this.#context = context
    this.#planner = planner
    this.#actor = actor
    this.#scope = scope
  }

  async schedule(appointmentId: HostId, options: ScheduleOptions, action: PlanningAction): Promise<ScheduleResult> {
    const rest = { reactivate: true, requireActive: true, ...this.audited(action) }
    return shown(await this.#plan(this.#request(appointmentId, options, rest)))
  }

  /**
   * The fields for the audit log: empty for the host's own code, which is not audited, since it plans by the thousand
   * and should not wait for audit rows.
   */
  audited(action: PlanningAction): Pick<PlanRequest, 'by' | 'action'> {
    return this.#actor === serviceActor ? {} : { by: this.#actor, action }
  }

  async report(
    event: keyof typeof lifecycle,
    appointmentId: HostId,
    given: LifecycleOptions,
  ): Promise<LifecycleResult> {
    const { notify = true, ...options } = parseInput(lifecycleOptions, given, 'options')
    const { action, notice, rest } = lifecycle[event]
    const request = this.#request(appointmentId, options, { ...rest, ...this.audited(action) })
    const result = await this.#plan(notify ? { ...request, notice, by: this.#actor } : { ...request, silent: true })
    return { ...shown(result), notifications: result.notifications.map(showNotification) }
  }

  /** Null if nothing was ever planned. */
  async cancel(appointmentId: HostId): Promise<CancelResult | null> {
    const id = this.#appointmentId(appointmentId)
    const outcome = await this.#planner.cancelOne({
      appointmentId: id,
      scope: this.#scope,
      ...this.audited('reminders.cancelled'),
    })
    return outcome === null ? null : { cancelled: outcome.cancelled.length, inFlight: outcome.inFlight }
  }

  async appointmentDeleted(appointmentId: HostId): Promise<CancelResult> {
    const id = this.#appointmentId(appointmentId)
    this.#context.reported(id)
    const entry = { action: 'cancelled', rule: 'appointment_gone', category: 'REMINDER' } as const
    const { storage, clock } = this.#context.options
    const { cancelled, inFlight } = await storage.plans.forgetAppointment(
      id,
      [entry],
      clock.now(),
      undefined,
      this.audited('reminders.cancelled').by,
    )
    emitCancelled(this.#context, cancelled)
    return { cancelled: cancelled.length, inFlight }
  }

  async recipientDeleted(recipient: HostRef): Promise<CancelResult> {
    const { storage, clock, ids } = this.#context.options
    const ref = readRecipient(ids, recipient, 'recipient')
    const { cancelled, inFlight } = await storage.plans.forgetRecipient(ref, clock.now(), this.#actor)
    emitCancelled(this.#context, cancelled)
    return { cancelled: cancelled.length, inFlight }
  }

  async #plan(request: PlanRequest): Promise<Planned> {
    const result = await this.#planner.planOne(request)
    if (result.status === 'failed') throw result.error
    return result
  }

  #request(appointmentId: HostId, options: ScheduleOptions, rest: Rest): PlanRequest {
    const { customReminders } = parseInput(scheduleOptions, options, 'reminders')
    return { appointmentId: this.#appointmentId(appointmentId), customReminders, scope: this.#scope, ...rest }
  }

  #appointmentId(id: HostId): EntityId {
    return readId(this.#context.options.ids, 'appointment', id, 'appointmentId')
  }
}

function shown({ appointment, created, kept, cancelled, inFlight, omitted, knowledge }: Planned): ScheduleResult {
  const preview = previewBy(appointment, knowledge)
  const rows = [...created, ...kept].sort((one, other) => one.reminderTime.getTime() - other.reminderTime.getTime())
  return {
    appointmentId: appointment.id,
    organizationId: appointment.organizationId,
    reminders: rows.map((row) => showReminder(row, preview(row))),
    cancelled: cancelled.length,
    inFlight,
    omitted,
  }
}
