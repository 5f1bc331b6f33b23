import { type Appointment, isActive } from '../domain/appointment.ts'
import { planReminders, type ReminderPlan, reminderKey } from '../domain/plan.ts'
import { isNotificationError, NotificationError } from '../errors.ts'
import type { DeliveryRow, PlanCommand, PlanOutcome, PlanRow, ReminderRow } from '../ports/storage.ts'
import type { Actor } from '../schemas/audit.ts'
import type { EntityId } from '../schemas/common.ts'
import type { DecisionEntry } from '../schemas/decision.ts'
import { type AppointmentCategory, channels, type Rule } from '../schemas/vocabulary.ts'
import type { Context } from './context.ts'
import { inPieces } from './in-pieces.ts'
import { Knowledge } from './knowledge.ts'
import { noAppointment } from './missing.ts'
import { buildNotices } from './notices.ts'
import { type PlanChange, planRowOf } from './plan-row.ts'

export type PlanRequest = PlanChange & {
  readonly appointmentId: EntityId
  /** A lifecycle notice to queue in the same transaction. */
  readonly notice?: AppointmentCategory
  /** Who caused the notice, for the audit log. Default: the library itself. */
  readonly by?: Actor
  /** Refuse with `appointment_not_active`, writing nothing, where the host says it is off. Default false: its reminders are cancelled. */
  readonly requireActive?: boolean
  /** Why rows that are no longer wanted are cancelled. Default: moved if the start changed, else replanned. */
  readonly supersededBy?: Rule
}

export type PlanResult =
  | {
      readonly status: 'planned'
      readonly appointment: Appointment
      readonly created: readonly ReminderRow[]
      readonly kept: readonly ReminderRow[]
      readonly cancelled: readonly ReminderRow[]
      readonly inFlight: number
      readonly notifications: readonly DeliveryRow[]
      /** What was left out, and why. */
      readonly left: readonly DecisionEntry[]
      /** What it was decided with: good for showing the result, too old for another decision. */
      readonly knowledge: Knowledge
    }
  | { readonly status: 'failed'; readonly error: NotificationError }

type Applied = Extract<PlanOutcome, { status: 'applied' }>
type Draft = {
  readonly request: PlanRequest
  readonly appointment: Appointment
  readonly plan: ReminderPlan
  /** Notices that were not queued, and why. */
  readonly refused: readonly DecisionEntry[]
  readonly knowledge: Knowledge
}
type Prepared = Draft & { readonly command: PlanCommand | null; readonly live: readonly ReminderRow[] }

/** How often a plan is drawn anew because somebody else changed it meanwhile. */
const maxConflicts = 8

/** Makes the rows of appointments what they should be. Declarative: asked twice, done once. */
export class Planner {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /** Plans each appointment on its own: one that fails does not stop the others. Results are in the order of the requests. */
  async plan(requests: readonly PlanRequest[]): Promise<PlanResult[]> {
    const results = new Map<PlanRequest, PlanResult>()
    let open = [...requests]
    for (let round = 0; open.length > 0 && round < maxConflicts; round++) {
      const prepared = await this.#prepare(open, results)
      const commands = prepared.flatMap((one) => (one.command === null ? [] : [one.command]))
      const outcomes = await inPieces(commands, (batch) => this.#context.options.storage.plans.apply(batch))
      let next = 0
      open = []
      for (const one of prepared) {
        const outcome = one.command === null ? unchanged(one.live) : outcomes[next++]
        if (isNotificationError(outcome)) results.set(one.request, { status: 'failed', error: outcome })
        else if (outcome === undefined || outcome.status === 'conflict') open.push(one.request)
        else results.set(one.request, this.#applied(one, outcome))
      }
    }
    return requests.map((request) => results.get(request) ?? failed('conflict', request.appointmentId))
  }

  async #prepare(requests: readonly PlanRequest[], results: Map<PlanRequest, PlanResult>): Promise<Prepared[]> {
    const { storage, clock } = this.#context.options
    const ids = requests.map((request) => request.appointmentId)
    const [truthOf, plans] = await Promise.all([this.#context.host.appointments(ids), storage.plans.find(ids)])
    // The first of an id, as the store tells them.
    const planOf = new Map(plans.toReversed().map((plan) => [plan.appointmentId, plan]))
    const known: { request: PlanRequest; appointment: Appointment; before: PlanRow | null }[] = []
    for (const request of requests) {
      const truth = truthOf(request.appointmentId)
      if (truth.kind === 'known' && request.requireActive && !isActive(truth.value.status)) {
        results.set(request, failed('appointment_not_active', request.appointmentId))
      } else if (truth.kind === 'known') {
        const before = planOf.get(request.appointmentId) ?? null
        const leftBehind = before !== null && before.organizationId !== truth.value.organizationId
        if (leftBehind) await this.#forget(before)
        known.push({ request, appointment: truth.value, before: leftBehind ? null : before })
      } else {
        const { appointmentId } = request
        const gone: PlanResult = { status: 'failed', error: noAppointment(appointmentId) }
        results.set(request, truth.kind === 'gone' ? gone : failed('directory_invalid', appointmentId))
      }
    }
    const knowledge = await Knowledge.load(
      this.#context,
      known.map((one) => one.appointment),
    )
    return Promise.all(
      known.map(async ({ request, appointment, before }) => {
        const rows = before === null ? [] : await storage.reminders.list(before.organizationId, before.appointmentId)
        return prepare(request, appointment, before, rows, knowledge, clock.now())
      }),
    )
  }

  /** What one organization planned does not follow the appointment to another. */
  async #forget({ appointmentId }: PlanRow): Promise<void> {
    const { storage, clock } = this.#context.options
    const entry = { action: 'cancelled', rule: 'appointment_gone', category: 'REMINDER' } as const
    const { cancelled } = await storage.plans.forgetAppointment(appointmentId, [entry], clock.now())
    this.tellCancelled(cancelled)
  }

  #applied({ appointment, plan, refused, knowledge, command }: Prepared, outcome: Applied): PlanResult {
    const { events, dueAt, options } = this.#context
    const at = options.clock.now()
    const { organizationId, id: appointmentId } = appointment
    for (const { recipient, channel, id: reminderId, offset, reminderTime } of outcome.created) {
      const about = { organizationId, appointmentId, recipient, channel, at, offset }
      events.emit('reminder.scheduled', { ...about, reminderId, reminderTime })
    }
    this.tellCancelled(outcome.cancelled)
    const skipped = plan.entries.filter((entry) => entry.action !== 'planned')
    const left = [...skipped, ...refused]
    if (command !== null) {
      for (const { recipient, channel, offset, rule } of skipped) {
        if (recipient === undefined || channel === undefined) continue
        events.emit('reminder.skipped', {
          organizationId,
          appointmentId,
          recipient,
          channel,
          at,
          offset: offset ?? null,
          rule,
        })
      }
    }
    const pending = [...outcome.created, ...outcome.kept].flatMap((row) => row.dueAt ?? [])
    const [first] = pending.toSorted((one, other) => one.getTime() - other.getTime())
    if (first !== undefined) dueAt(first)
    if (outcome.notifications.length > 0) dueAt(at)
    const { created, kept, cancelled, inFlight, notifications } = outcome
    return { status: 'planned', appointment, created, kept, cancelled, inFlight, notifications, left, knowledge }
  }

  tellCancelled(rows: readonly ReminderRow[]): void {
    const at = this.#context.options.clock.now()
    for (const { organizationId, appointmentId, recipient, channel, id: reminderId, offset, reason } of rows) {
      const about = { organizationId, appointmentId, recipient, channel, at, reminderId, offset }
      this.#context.events.emit('reminder.cancelled', { ...about, rule: reason ?? 'replanned' })
    }
  }
}

function prepare(
  request: PlanRequest,
  appointment: Appointment,
  before: PlanRow | null,
  rows: readonly ReminderRow[],
  knowledge: Knowledge,
  now: Date,
): Prepared {
  const after = planRowOf(request, appointment, before, now)
  const live = rows.filter((row) => row.status !== 'CANCELLED')
  const decided = rows.filter((row) => row.reason === 'nearer_reminder' || row.reason === 'same_address')
  const surroundings = knowledge.surroundings(appointment.organizationId)
  const wanted: ReminderPlan =
    after.status === 'cancelled'
      ? { reminders: [], entries: [] }
      : planReminders({
          appointment,
          surroundings,
          customReminders: after.customReminders,
          now,
          existing: new Set(live.map(reminderKey)),
          decided: new Set(decided.map(reminderKey)),
        })
  const wantedKeys = new Set(wanted.reminders.map(reminderKey))
  const liveKeys = new Set(live.map(reminderKey))
  const surplus = live.filter((row) => row.status === 'PENDING' && !wantedKeys.has(reminderKey(row)))
  const isNew = (key: string) => !liveKeys.has(key)
  const changed = before === null || after.revision !== before.revision
  const moved = before !== null && before.startsAt.getTime() !== after.startsAt.getTime()
  const supersededBy = after.cancelReason ?? request.supersededBy ?? (moved ? 'appointment_moved' : 'replanned')
  const notices =
    request.notice === undefined
      ? { deliveries: [], entries: [] }
      : buildNotices(
          {
            category: request.notice,
            subject: appointment,
            appointmentId: appointment.id,
            waitlistEntryId: null,
            rule: 'lifecycle',
            channels,
            recipients: null,
            dedupeKey: `${request.notice}:${appointment.id}:${after.lifecycleRevision}`,
            now,
          },
          knowledge,
        )
  const draft = { request, appointment, plan: wanted, refused: notices.entries, live, knowledge }
  const settled = !changed && surplus.length === 0 && ![...wantedKeys].some(isNew)
  if (settled && notices.deliveries.length === 0 && notices.entries.length === 0) return { ...draft, command: null }
  const fresh = settled ? [] : wanted.entries.filter((entry) => isNews(entry, appointment, liveKeys))
  const dropped = surplus.map((row): DecisionEntry => {
    const { recipient, channel, offset, id: reminderId } = row
    const action = supersededBy === 'appointment_moved' ? 'moved' : 'cancelled'
    return { action, rule: supersededBy, category: 'REMINDER', recipient, channel, offset, reminderId }
  })
  return {
    ...draft,
    command: {
      expectedRevision: before?.revision ?? null,
      plan: after,
      reminders: wanted.reminders,
      supersededBy,
      notifications: notices.deliveries,
      decision: [...dropped, ...fresh, ...notices.entries],
      at: now,
      ...(request.by === undefined ? {} : { by: request.by }),
    },
  }
}

/** A reminder that stands already was explained when it was planned. */
function isNews(entry: DecisionEntry, appointment: Appointment, liveKeys: ReadonlySet<string>): boolean {
  const { recipient, channel, offset } = entry
  if (recipient === undefined || channel === undefined || offset === undefined) return true
  return !liveKeys.has(reminderKey({ recipient, channel, offset, startsAt: appointment.start.instant }))
}

const unchanged = (live: readonly ReminderRow[]): Applied => ({
  status: 'applied',
  created: [],
  kept: live,
  cancelled: [],
  inFlight: 0,
  notifications: [],
})

const failures = {
  directory_invalid: 'The host application described in a way that cannot be used the appointment',
  appointment_not_active: 'Nothing is planned for what is cancelled or over, such as appointment',
  conflict: 'Others kept changing at the same time the reminders of appointment',
} as const

const failed = (code: keyof typeof failures, appointmentId: EntityId): PlanResult => ({
  status: 'failed',
  error: new NotificationError(code, `${failures[code]} ${appointmentId}.`, { field: 'appointmentId' }),
})
