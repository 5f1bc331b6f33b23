import type { DeliveryStore, IntentCommand, IntentGuard, Work } from '../../../src/index.ts'
import { dayOf } from '../kysely/commands/counters.ts'
import { commitIntents } from '../kysely/commands/intents.ts'
import type { Engine, Session } from './engine.ts'
import { isUnknownCommit } from './errors.ts'
import type { Waiting } from './guard-loader.ts'
import { guardReads } from './guard-reads.ts'
import { type PlanKey, planIdentity } from './loader.ts'
import type { AdvisoryLock } from './locks.ts'
import { createPatience, type Patience } from './patience.ts'
import { type IdPool, type Loading, runCommand } from './transaction.ts'
import { guardedKey } from './working-set.ts'

type Guarded = Extract<IntentCommand, { kind: 'send' | 'hand_over' }>

const isGuarded = (command: IntentCommand): command is Guarded =>
  command.kind === 'send' || command.kind === 'hand_over'

/** Of a reminder: a delivery that waits has its row already. */
const makesDelivery: ReadonlySet<string> = new Set(['send', 'fail', 'hand_over', 'release'])

const worksOf = (command: IntentCommand): readonly Work[] => [
  command.work,
  ...(isGuarded(command) ? command.merged.map(({ work }) => work) : []),
]

const idsOf = (works: readonly Work[], kind: Work['kind']): number[] =>
  works.flatMap((work) => (work.kind === kind ? [work.id] : []))

const planKey = (plan: NonNullable<IntentGuard['plan']>, { ids }: Session): PlanKey => ({
  organization_id: plan.organizationId,
  appointment_id: ids('appointment', plan.appointmentId),
})

/** Locks for what is not there, on which these commands rest; each with what it was needed for. */
function locksOf(command: Guarded, session: Session): AdvisoryLock[] {
  const { plan, settings } = command.guard
  const locks = [...guardReads([command.guard], session).locks]
  if (command.cap !== null) locks.push({ kind: 'meters', identity: [settings.organizationId], shared: false })
  if (plan !== null && plan.revision === 0) {
    locks.push({ kind: 'plans', identity: [], shared: false })
    locks.push({ kind: 'plan of', identity: planIdentity(planKey(plan, session)), shared: true })
  }
  return locks
}

const nameOf = (key: PlanKey): string => JSON.stringify([key.organization_id, String(key.appointment_id)])

/** Whether something that a command needs is there, and another transaction has it. */
type IsHeld = (command: IntentCommand) => boolean

/** For rows, and for the locks of what is not there. */
type Patiences = { readonly rows: Waiting; readonly absences: Patience }

const without = (ids: readonly number[], loaded: { readonly get: (id: number) => unknown }): number[] =>
  ids.filter((id) => loaded.get(id) === undefined)

/** Says of each work whether its rows are there and could not be had; a delivery is not had without its reminder. */
async function workCheck(works: readonly Work[], { loader, set }: Loading): Promise<(work: Work) => boolean> {
  const { reminders, deliveries } = set
  const othersReminders = await loader.present('appointment_reminders', without(idsOf(works, 'reminder'), reminders))
  const othersDeliveries = await loader.present('notification_history', without(idsOf(works, 'delivery'), deliveries))
  return ({ kind, id }) => {
    if (kind === 'reminder') return othersReminders.has(id)
    const row = deliveries.get(id)
    if (row === undefined) return othersDeliveries.has(id)
    return row.reminder_id !== null && reminders.get(row.reminder_id) === undefined
  }
}

/** Loads and locks what these commands need, as far as it can be had. */
async function load(
  commands: readonly IntentCommand[],
  now: Date,
  { rows, absences }: Patiences,
  loading: Loading,
): Promise<IsHeld> {
  const { loader, session, set } = loading
  const guarded = commands.filter(isGuarded)
  const locks = new Map<IntentCommand, readonly AdvisoryLock[]>(guarded.map((one) => [one, locksOf(one, session)]))
  const all = [...locks.values()].flat()
  const missed = await absences.attempt(async (waiting) => {
    if (waiting === 'skip') return new Set(await loader.tryAdvisory(all))
    await loader.advisory(all)
    return new Set<AdvisoryLock>()
  })
  const { keys } = guardReads(
    guarded.map(({ guard }) => guard),
    session,
  )
  const heldGuards = await loader.guarded(keys, rows)
  const plans = guarded.flatMap(({ guard }) => (guard.plan === null ? [] : [planKey(guard.plan, session)]))
  await loader.plans(plans, 'share', rows)
  const loaded = new Set(set.plans.all().map(nameOf))
  const heldPlans = new Set((await loader.presentPlans(plans.filter((key) => !loaded.has(nameOf(key))))).map(nameOf))
  const metered = guarded.flatMap(({ cap, guard }) => (cap === null ? [] : [guard.settings.organizationId]))
  await loader.metered(metered, dayOf(now))
  const works = commands.flatMap(worksOf)
  await loader.reminders(idsOf(works, 'reminder'), idsOf(works, 'delivery'), rows)
  await loader.deliveries(idsOf(works, 'delivery'), rows)
  const isWorkHeld = await workCheck(works, loading)

  const isGuardHeld = ({ settings, preferences, plan }: IntentGuard): boolean =>
    heldGuards.has(guardedKey('ORGANIZATION', settings.organizationId)) ||
    (plan !== null && heldPlans.has(nameOf(planKey(plan, session)))) ||
    preferences.some(
      ({ recipient: { type, id } }) =>
        type !== 'PRACTITIONER' && heldGuards.has(guardedKey(type, session.ids('recipient', id))),
    )
  return (command) =>
    worksOf(command).some(isWorkHeld) ||
    (isGuarded(command) && isGuardHeld(command.guard)) ||
    (locks.get(command) ?? []).some((lock) => missed.has(lock))
}

/**
 * Claims what can be had at once, and leaves the rest: a row that a transaction of the host, or a worker that stands still,
 * has must not keep the others. Locks for what is not there are short where all is well, so those are waited for, in turn,
 * for a moment.
 */
export function claiming(engine: Engine, pool: IdPool): DeliveryStore['commitIntents'] {
  const absences = createPatience()
  /** Reminders whose claim may be committed although nobody was answered, and how long to wait for who has them. */
  const unsure = new Map<number, number>()

  const isUnsure = (id: number): boolean => {
    const isYet = (unsure.get(id) ?? 0) > performance.now()
    if (!isYet) unsure.delete(id)
    return isYet
  }

  return async (commands, now) => {
    if (commands.length === 0) return []
    const reminders = idsOf(commands.flatMap(worksOf), 'reminder')
    const rows: Waiting = reminders.some(isUnsure) ? 'wait' : 'skip'
    let isHeld: IsHeld = () => false
    try {
      return await runCommand(engine, pool, {
        needs: { notification_history: commands.filter(({ kind }) => makesDelivery.has(kind)).length },
        async load(loading) {
          isHeld = await load(commands, now, { rows, absences }, loading)
        },
        run(tx) {
          const free = commands.filter((command) => !isHeld(command))
          const outcomes = commitIntents(tx, free, now).values()
          return commands.map((one) =>
            isHeld(one) ? { status: 'held' } : (outcomes.next().value ?? { status: 'lost' }),
          )
        },
      })
    } catch (error) {
      if (isUnknownCommit(error)) {
        for (const id of reminders) unsure.set(id, performance.now() + engine.limits.busyTimeoutMs)
      }
      throw error
    }
  }
}
