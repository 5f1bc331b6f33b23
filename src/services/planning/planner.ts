import type { Appointment } from '../../domain/appointment.ts'
import { isNotificationError, NotificationError } from '../../errors.ts'
import type { DeliveryRow, PlanRow, ReminderRow } from '../../ports/storage.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import { batchOrEach } from '../shared/batch-or-each.ts'
import { batched } from '../shared/batched.ts'
import type { PlanningContext } from '../shared/context.ts'
import { isDirectoryFault, type Lookups } from '../shared/directory/batch-reader.ts'
import type { Knowledge } from '../shared/knowledge.ts'
import { planByAppointment } from '../shared/owners.ts'
import { type Applied, type CancelRequest, cancelPlans } from './cancel-plans.ts'
import type { PlanDraft } from './plan-draft.ts'
import type { PlanDrift, PlanRequest } from './plan-row.ts'
import { emitCancelled, emitPlanned, missingProvider } from './planning-events.ts'
import { preparePlans } from './prepare-plans.ts'

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
      readonly omitted: readonly DecisionEntry[]
      /** `unchanged`: nothing was written. */
      readonly drift: PlanDrift | 'unchanged'
      /** The data it was decided with: good for showing the result, too old for another decision. */
      readonly knowledge: Knowledge
    }
  | { readonly status: 'failed'; readonly error: NotificationError }

type OnResult<Result = PlanResult> = (request: PlanRequest, result: Result) => void

export type PlanOptions = {
  /** True calls the directory even for organizations for which it failed a moment ago. Default false. */
  readonly eager?: boolean
  readonly onResult?: OnResult
}

/** How often a plan is drafted anew because it was changed meanwhile. */
const maxConflicts = 8

/** Makes the rows of appointments what they should be. Declarative: repeating a request changes nothing. */
export class Planner {
  readonly #context: PlanningContext
  readonly #planning: (request: PlanRequest) => Promise<PlanResult | 'held'>
  readonly #cancelling: (request: CancelRequest) => Promise<Applied | Error | null | 'held'>

  constructor(context: PlanningContext) {
    this.#context = context
    const { clock } = context.options
    this.#planning = batched({
      clock,
      run: (requests, done) =>
        this.#planTogether(requests, {
          eager: true,
          onResult: (request, result) => done(requests.indexOf(request), result),
        }),
      keyOf: (request) => request.appointmentId,
      // The directory has already been called in parts.
      mayGoAlone: (error) => !isDirectoryFault(error),
    })
    this.#cancelling = batched({
      clock,
      run: (requests) => cancelPlans(context, requests),
      keyOf: ({ appointmentId }) => appointmentId,
    })
  }

  /**
   * Plans one appointment, together with other requests made at the same time; alone if a transaction holds its rows for
   * long, so that the others do not wait too.
   */
  async planOne(request: PlanRequest): Promise<PlanResult> {
    this.#context.reported(request.appointmentId)
    const result = await this.#planning(request)
    return result === 'held' ? this.#planAlone(request, true) : result
  }

  /** Cancels the pending reminders of one appointment, together with other requests. Null if nothing was ever planned. */
  async cancelOne(request: CancelRequest): Promise<Applied | null> {
    const { appointmentId } = request
    this.#context.reported(appointmentId)
    const together = await this.#cancelling(request)
    const outcome = together === 'held' ? (await cancelPlans(this.#context, [request]))[0] : together
    if (outcome === undefined || outcome === 'held') throw held(appointmentId)
    if (outcome instanceof Error) throw outcome
    if (outcome !== null) emitCancelled(this.#context, outcome.cancelled)
    return outcome
  }

  /**
   * Plans each appointment on its own: one that fails does not stop the others. Results are in the order of the requests; `onResult`
   * is called with each as soon as it is known, so that no organization waits for another's directory.
   * @throws NotificationError `directory_failed` or `directory_invalid` if the directory fails for all of them.
   */
  async plan(requests: readonly PlanRequest[], { eager = false, onResult }: PlanOptions = {}): Promise<PlanResult[]> {
    const together = await this.#planTogether(requests, {
      eager,
      onResult: (request, result) => (result === 'held' ? undefined : onResult?.(request, result)),
    })
    const results: PlanResult[] = []
    let busy: PlanResult | undefined
    for (const [index, request] of requests.entries()) {
      let result = together[index] ?? 'held'
      if (result === 'held') {
        // A transaction that holds one appointment's rows for that long may hold others too: wait only once.
        result = busy ?? (await this.#planAlone(request, eager).catch(failure))
        if (result.status === 'failed' && result.error.code === 'storage_busy') busy = result
        onResult?.(request, result)
      }
      results.push(result)
    }
    return results
  }

  async #planAlone(request: PlanRequest, eager: boolean): Promise<PlanResult> {
    const [result] = await this.#planTogether([request], { eager, onResult: () => {} })
    return result === undefined || result === 'held' ? failed(held(request.appointmentId)) : result
  }

  /** `held`: this one of several must be planned alone. */
  async #planTogether(
    requests: readonly PlanRequest[],
    { eager, onResult }: { readonly eager: boolean; readonly onResult: OnResult<PlanResult | 'held'> },
  ): Promise<(PlanResult | 'held')[]> {
    const results = new Map<PlanRequest, PlanResult | 'held'>()
    const settle: OnResult<PlanResult | 'held'> = (request, result) => {
      results.set(request, result)
      onResult(request, result)
    }
    let open = requests
    for (let round = 0; open.length > 0 && round < maxConflicts; round++) open = await this.#round(open, eager, settle)
    return requests.map((request) => results.get(request) ?? failed(conflict(request.appointmentId)))
  }

  /** Returns the requests to try again: what they were planned from was changed meanwhile. */
  async #round(
    requests: readonly PlanRequest[],
    eager: boolean,
    settle: OnResult<PlanResult | 'held'>,
  ): Promise<PlanRequest[]> {
    const ids = requests.map((request) => request.appointmentId)
    const requestsOf = Map.groupBy(requests, (request) => request.appointmentId)
    // Plans are read before the directory: otherwise an outdated row could overwrite a newer plan.
    const planOf = planByAppointment(await this.#context.options.storage.plans.find(ids))
    const parts: Promise<PlanRequest[]>[] = []
    const lookupOf = await this.#context.host.appointments(ids, {
      eager,
      evenIfNone: true,
      organizationOf: (id) => planOf.get(id)?.organizationId ?? null,
      part: (some, lookups) => {
        const known = some.flatMap((id) => requestsOf.get(id) ?? [])
        const part = this.#part(known, planOf, lookups, settle)
        // Awaited below; until then a rejection must not count as unhandled.
        part.catch(() => {})
        parts.push(part)
      },
    })
    const again = (await Promise.all(parts)).flat()
    for (const request of requests) {
      const lookup = lookupOf(request.appointmentId)
      if (lookup.kind !== 'unanswered') continue
      if (parts.length === 0 && lookup.concerns === 'all') throw lookup.error
      settle(request, failed(lookup.error))
    }
    return again
  }

  /** Plans those for which the directory returned rows. */
  async #part(
    requests: readonly PlanRequest[],
    planOf: ReadonlyMap<EntityId, PlanRow>,
    lookupOf: Lookups<EntityId, Appointment>,
    settle: OnResult<PlanResult | 'held'>,
  ): Promise<PlanRequest[]> {
    const { drafts, failures } = await preparePlans(this.#context, requests, planOf, lookupOf)
    const results = new Map<PlanRequest, PlanResult>([...failures].map(([request, error]) => [request, failed(error)]))
    const commands = drafts.flatMap((one) => (one.command === null || one.request.dryRun === true ? [] : [one.command]))
    const outcomes = await batchOrEach(commands, (batch) => this.#context.options.storage.plans.apply(batch))
    let next = 0
    const again: PlanRequest[] = []
    for (const one of drafts) {
      if (one.request.dryRun === true) {
        results.set(one.request, planned(one, unchanged(one.live)))
        continue
      }
      const outcome = one.command === null ? unchanged(one.live) : outcomes[next++]
      if (isNotificationError(outcome)) results.set(one.request, failed(outcome))
      else if (outcome?.status === 'held') settle(one.request, 'held')
      else if (outcome === undefined || outcome.status === 'conflict') again.push(one.request)
      else results.set(one.request, this.#applied(one, outcome))
    }
    await this.#touchTasks(results)
    for (const [request, result] of results) settle(request, result)
    return again
  }

  /** Tasks of reminders that stay may hold outdated texts. Reconciliation leaves them to the check before they are due. */
  async #touchTasks(results: ReadonlyMap<PlanRequest, PlanResult>): Promise<void> {
    const { storage, clock, taskManager } = this.#context.options
    if (taskManager?.mode !== 'deliver') return
    const kept = [...results].flatMap(([request, result]) => {
      const isKept = result.status === 'planned' && result.kept.length > 0 && request.reconciled !== true
      return isKept ? [request.appointmentId] : []
    })
    if (kept.length === 0) return
    await storage.tasks.touch(kept, clock.now())
    this.#context.tasksTouched()
  }

  #applied(draft: PlanDraft, applied: Applied): PlanResult {
    const { dueAt, options } = this.#context
    const { appointment, plan, command } = draft
    const { created, kept, cancelled, notifications } = applied
    emitPlanned(this.#context, draft, { created, cancelled })
    const fault = command === null ? null : missingProvider(plan.entries)
    if (fault !== null) {
      const about = { organizationId: appointment.organizationId, appointmentId: appointment.id, fault }
      options.logger.warn('nothing planned for a recipient: no provider can send to them', about)
    }
    const times = [...created, ...kept].flatMap((row) => row.dueAt?.getTime() ?? [])
    if (times.length > 0) dueAt(new Date(Math.min(...times)))
    const noticeTimes = notifications.flatMap((row) => row.dueAt?.getTime() ?? [])
    if (noticeTimes.length > 0) dueAt(new Date(Math.min(...noticeTimes)))
    return planned(draft, applied)
  }
}

const planned = (
  { appointment, plan, refused, drift, knowledge }: PlanDraft,
  { created, kept, cancelled, inFlight, notifications }: Applied,
): PlanResult => ({
  status: 'planned',
  appointment,
  created,
  kept,
  cancelled,
  inFlight,
  notifications,
  omitted: [...plan.entries.filter((entry) => entry.action !== 'planned'), ...refused],
  drift,
  knowledge,
})

const unchanged = (live: readonly ReminderRow[]): Applied => ({
  status: 'applied',
  created: [],
  kept: live,
  cancelled: [],
  inFlight: 0,
  notifications: [],
})

const held = (appointmentId: EntityId): NotificationError =>
  new NotificationError(
    'storage_busy',
    `Another transaction has locked the reminders of appointment ${appointmentId}. Try again later.`,
  )

const conflict = (appointmentId: EntityId): NotificationError =>
  new NotificationError(
    'conflict',
    `The reminders of appointment ${appointmentId} were changed at the same time by other requests, several times in a row. Try again.`,
    { field: 'appointmentId' },
  )

const failed = (error: NotificationError): PlanResult => ({ status: 'failed', error })

function failure(error: unknown): PlanResult {
  if (!isNotificationError(error)) throw error
  return failed(error)
}
