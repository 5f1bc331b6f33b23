import type { DeliveryStore, IntentCommand, IntentGuard, Work } from '../../../src/index.ts'
import { dayOf } from '../kysely/commands/counters.ts'
import { commitIntents } from '../kysely/commands/intents.ts'
import type { Engine, Session } from './engine.ts'
import { isUnknownCommit } from './errors.ts'
import type { Waiting } from './guard-loader.ts'
import { guardReads } from './guard-reads.ts'
import { type PlanKey, planIdentity } from './loader.ts'
import { nameOfLock } from './locks.ts'
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

/** What the guards of these commands rest on: rows, and locks for what is not there. */
function readsOf(commands: readonly Guarded[], session: Session) {
  const { locks, keys } = guardReads(
    commands.map(({ guard }) => guard),
    session,
  )
  const all = [...locks]
  for (const { guard, cap } of commands) {
    const { plan, settings } = guard
    if (cap !== null) all.push({ kind: 'meters', identity: [settings.organizationId], shared: false })
    if (plan === null || plan.revision > 0) continue
    all.push({ kind: 'plans', identity: [], shared: false })
    all.push({ kind: 'plan of', identity: planIdentity(planKey(plan, session)), shared: true })
  }
  return { keys, locks: all }
}

const nameOf = (key: PlanKey): string => `${key.appointment_id} ${key.organization_id}`

/** For rows, and for the locks of what is not there. */
type Patiences = { readonly rows: Waiting; readonly absences: Patience }

/** What is there, and another transaction has. */
type Others = {
  readonly locks: ReadonlySet<string>
  readonly guards: ReadonlySet<string>
  readonly plans: ReadonlySet<string>
  readonly reminders: ReadonlySet<number>
  readonly deliveries: ReadonlySet<number>
}

const without = (ids: readonly number[], loaded: { readonly get: (id: number) => unknown }): number[] =>
  ids.filter((id) => loaded.get(id) === undefined)

/** Loads and locks what these commands need, as far as it can be had, and says what could not. */
async function load(
  commands: readonly IntentCommand[],
  now: Date,
  { rows, absences }: Patiences,
  { loader, session, set }: Loading,
): Promise<Others> {
  const guarded = commands.filter(isGuarded)
  const { keys, locks } = readsOf(guarded, session)
  const missed = await absences.attempt(async (waiting) => {
    if (waiting === 'skip') return loader.tryAdvisory(locks)
    await loader.advisory(locks)
    return []
  })
  const guards = await loader.guarded(keys, rows)
  const planKeys = guarded.flatMap(({ guard }) => (guard.plan === null ? [] : [planKey(guard.plan, session)]))
  await loader.plans(planKeys, 'share', rows)
  const loaded = new Set(set.plans.all().map(nameOf))
  const plans = await loader.presentPlans(planKeys.filter((key) => !loaded.has(nameOf(key))))
  const metered = guarded.flatMap(({ cap, guard }) => (cap === null ? [] : [guard.settings.organizationId]))
  await loader.metered(metered, dayOf(now))
  const works = commands.flatMap(worksOf)
  const [reminderIds, deliveryIds] = [idsOf(works, 'reminder'), idsOf(works, 'delivery')]
  await loader.reminders(reminderIds, deliveryIds, rows)
  await loader.deliveries(deliveryIds, rows)
  const reminders = await loader.present('appointment_reminders', without(reminderIds, set.reminders))
  const deliveries = await loader.present('notification_history', without(deliveryIds, set.deliveries))
  for (const id of deliveryIds) {
    // A delivery is not to be had without its reminder.
    const reminderId = set.deliveries.get(id)?.reminder_id ?? null
    if (reminderId !== null && set.reminders.get(reminderId) === undefined) deliveries.add(id)
  }
  return { locks: new Set(missed.map(nameOfLock)), guards, plans: new Set(plans.map(nameOf)), reminders, deliveries }
}

/** The commands that need something of this. Mostly there is nothing. */
function heldOf(commands: readonly IntentCommand[], others: Others, session: Session): ReadonlySet<IntentCommand> {
  if (Object.values(others).every((one) => one.size === 0)) return new Set()
  const isWorkHeld = ({ kind, id }: Work): boolean =>
    kind === 'reminder' ? others.reminders.has(id) : others.deliveries.has(id)
  const isGuardHeld = ({ settings, preferences, plan }: IntentGuard): boolean =>
    others.guards.has(guardedKey('ORGANIZATION', settings.organizationId)) ||
    (plan !== null && others.plans.has(nameOf(planKey(plan, session)))) ||
    preferences.some(
      ({ recipient: { type, id } }) =>
        type !== 'PRACTITIONER' && others.guards.has(guardedKey(type, session.ids('recipient', id))),
    )
  const isHeld = (command: IntentCommand): boolean =>
    worksOf(command).some(isWorkHeld) ||
    (isGuarded(command) &&
      (isGuardHeld(command.guard) ||
        readsOf([command], session).locks.some((lock) => others.locks.has(nameOfLock(lock)))))
  return new Set(commands.filter(isHeld))
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
    const rows: Waiting = unsure.size > 0 && reminders.some(isUnsure) ? 'wait' : 'skip'
    let held: ReadonlySet<IntentCommand> = new Set()
    try {
      return await runCommand(engine, pool, {
        needs: { notification_history: commands.filter(({ kind }) => makesDelivery.has(kind)).length },
        async load(loading) {
          held = heldOf(commands, await load(commands, now, { rows, absences }, loading), loading.session)
        },
        run(tx) {
          if (held.size === 0) return commitIntents(tx, commands, now)
          const free = commands.filter((command) => !held.has(command))
          const outcomes = commitIntents(tx, free, now).values()
          return commands.map((one) => (held.has(one) ? { status: 'held' } : (outcomes.next().value ?? lost)))
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

const lost = { status: 'lost' } as const
