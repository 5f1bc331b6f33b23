import { isNotificationError, NotificationError } from '../../errors.ts'
import type { EntityId } from '../../schemas/common.ts'
import { batchOrEach } from '../batch-or-each.ts'
import { cancelCommand } from '../cancel-command.ts'
import type { Context } from '../context.ts'
import { reconciledEntry } from '../plan-draft.ts'
import type { Planner, PlanResult } from '../planner.ts'
import type { Progress } from './progress.ts'
import type { Finding } from './report.ts'

export type Run = {
  readonly context: Context
  readonly planner: Planner
  readonly progress: Progress
  /** Asked before every step. Throws where the run must not go on. */
  readonly step: () => Promise<void>
  /** The run could go on from here: `count` appointments are dealt with. */
  readonly reached: (count: number) => Promise<void>
}

/** Appointments looked at in one step, which holds the event loop of a database in this process for less than 20 ms. */
const batchSize = 50
/** Plans or ids read in one step. */
const pageSize = 500

/** The plans, against what the host has. What the host no longer knows is noted. */
export async function checkPlans(run: Run): Promise<void> {
  const { context, progress, step, reached } = run
  const { storage, clock } = context.options
  /** Those of another organization by now have a new plan, on a later page. */
  const made = new Set<EntityId>()
  while (progress.phase === 'plans') {
    await step()
    const page = await storage.plans.upcoming(clock.now(), progress.cursor, pageSize)
    progress.plans += page.plans.length
    const ids = new Set(page.plans.map((plan) => plan.appointmentId).filter((id) => !made.has(id)))
    for await (const { appointmentId, found } of mend(run, [...ids])) {
      progress.tally.saw(found, appointmentId)
      if (found === 'gone') progress.gone.push(appointmentId)
      if (found === 'planned') made.add(appointmentId)
    }
    progress.cursor = page.cursor
    if (page.cursor === null) progress.phase = 'upcoming'
    await reached(page.plans.length)
  }
}

/** What the host has, against the plans: those that lie ahead were checked already. */
export async function findBookings(run: Run): Promise<void> {
  const { context, progress, step, reached } = run
  const cursors = new Set([progress.cursor])
  while (progress.phase === 'upcoming') {
    await step()
    const page = await context.host.upcoming(progress.cursor)
    for (const ids of inPieces([...new Set(page.ids)], pageSize)) {
      await step()
      for await (const { appointmentId, found } of mend(run, await unplanned(context, ids))) {
        // What has no plan and is gone by now needs none.
        if (found !== 'gone') progress.tally.saw(found, appointmentId)
      }
    }
    progress.tally.sawUnreadable(page.unreadable)
    if (page.cursor !== null && cursors.has(page.cursor)) throw sameCursor()
    cursors.add(page.cursor)
    progress.cursor = page.cursor
    if (page.cursor === null) progress.phase = 'gone'
    await reached(page.ids.length)
  }
}

async function unplanned({ options }: Context, ids: readonly EntityId[]): Promise<EntityId[]> {
  const { storage, clock } = options
  const now = clock.now()
  const plans = await storage.plans.find(ids)
  const planned = new Set(
    plans.filter(({ status, startsAt }) => status === 'active' && startsAt > now).map((plan) => plan.appointmentId),
  )
  return ids.filter((id) => !planned.has(id))
}

/** Cancels what is gone, if it still is: the directory is asked again, for some time has passed since. */
export async function cancelGone({ context, planner, progress, step, reached }: Run): Promise<void> {
  const { storage, clock } = context.options
  while (progress.gone.length > 0) {
    await step()
    const batch = progress.gone.slice(0, batchSize)
    // The plans first: one that was made anew after the directory said 'gone' must not be cancelled by it.
    const plans = await storage.plans.find(batch)
    const truthOf = await context.host.appointments(batch)
    const lost = plans.filter((plan) => plan.status === 'active' && truthOf(plan.appointmentId).kind === 'gone')
    const entry = reconciledEntry('cancelled')
    const commands = lost.map((plan) => cancelCommand(plan, 'appointment_gone', clock.now(), [entry]))
    const outcomes = await batchOrEach(commands, (some) => storage.plans.apply(some))
    const became = new Map<EntityId, Finding>()
    for (const [index, plan] of lost.entries()) {
      const outcome = outcomes[index]
      // Whoever changed the plan meanwhile knew more than this run.
      if (outcome === undefined || isNotificationError(outcome)) became.set(plan.appointmentId, 'failed')
      else if (outcome.status === 'applied') {
        became.set(plan.appointmentId, 'cancelled')
        planner.tellCancelled(outcome.cancelled)
      }
    }
    for (const appointmentId of batch) progress.tally.became(became.get(appointmentId) ?? 'unchanged', appointmentId)
    progress.gone.splice(0, batchSize)
    await reached(batch.length)
  }
}

/** Plans each anew, which is declarative: where nothing differs, nothing is written. */
async function* mend({ planner, step }: Run, ids: readonly EntityId[]) {
  for (const batch of inPieces(ids, batchSize)) {
    await step()
    const results = await planner.plan(
      batch.map((appointmentId) => ({ appointmentId, reactivate: false, reconciled: true })),
    )
    for (const [index, appointmentId] of batch.entries()) yield { appointmentId, found: findingOf(results[index]) }
  }
}

function findingOf(result: PlanResult | undefined): Finding | 'gone' {
  if (result === undefined) return 'failed'
  if (result.status === 'planned') return result.drift
  if (result.error.code === 'appointment_not_found') return 'gone'
  if (result.error.code === 'appointment_not_active') return 'unchanged'
  return result.error.code === 'directory_invalid' ? 'unreadable' : 'failed'
}

function* inPieces(ids: readonly EntityId[], size: number) {
  for (let first = 0; first < ids.length; first += size) yield ids.slice(first, first + size)
}

const sameCursor = () =>
  new NotificationError(
    'directory_invalid',
    'The directory method "upcoming" gave a cursor for the second time; each page must lead to the next one, and the last to null.',
  )
