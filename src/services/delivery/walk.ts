import type { Verdict } from '../../domain/due.ts'
import { type Rivalry, resolveRivals } from '../../domain/rivals.ts'
import { isNotificationError } from '../../errors.ts'
import type { RenderedMessage } from '../../messages/index.ts'
import type { DeliveryRow, IntentCommand } from '../../ports/storage.ts'
import type { Store } from '../../records/store.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { Person } from '../../schemas/directory.ts'
import { renderFor } from '../messages/notices.ts'
import { batchOrEach } from '../shared/batch-or-each.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'
import { cancel, type Evaluated, entryOf, fail, hold, ruleOf } from './decisions.ts'
import { changedBehindOurBack, judge } from './judge.ts'
import { type Around, isRight, type Judged, type Judgement, type Right } from './judged.ts'
import type { WorkTruths } from './truths.ts'
import { type DueWork, factsForLog, factsOf, mayHaveGoneOut, workOf } from './work.ts'

/** Where messages go that are right: out of this process, or to TaskManager. */
export type Outlet = {
  /** The intent of one that is to be sent; null: not now, and it is due as before. */
  readonly send: (one: Right, around: Around) => Evaluated | null
  /** What becomes of one that cannot be decided now; null: it is due as before. */
  readonly wait: (one: Judged, verdict: Extract<Verdict, { kind: 'wait' }>, around: Around) => Evaluated | null
  /** Other verdicts, where the outlet knows better. Asked for with the verdicts on all of a batch. */
  readonly overrule?: (judgement: Judgement) => Promise<ReadonlyMap<DueWork, Verdict>>
  /** It is written; `delivery`: what is sent, handed over or given up. */
  readonly written: (one: Evaluated, delivery: DeliveryRow | null) => void
  /** It is not: what was taken for it is free again. */
  readonly unwritten: (one: Evaluated) => void
}

/** What became of a batch of due work. What is nowhere in it is due as before. */
export type Walked = {
  /** When it was decided. */
  readonly now: Date
  readonly written: readonly Evaluated[]
  /** Not written: somebody changed it meanwhile, or it is one of the next two. */
  readonly lost: readonly Evaluated[]
  /** Another transaction has its rows. */
  readonly held: readonly Evaluated[]
  /** To be put off by `putOffCapped`: the organization reached its daily cap. */
  readonly capped: readonly Evaluated[]
  /** Appointments whose truth is another one than their plan: to be planned anew. */
  readonly moved: ReadonlySet<EntityId>
}

/**
 * The way of all due work: judged by the truth (`known`, or else asked for), decided, and committed, if what it was decided
 * by still stands.
 * @throws NotificationError `directory_failed` or `directory_invalid` where the host cannot say.
 */
export async function walk(
  context: Context,
  works: readonly DueWork[],
  outlet: Outlet,
  known?: WorkTruths,
): Promise<Walked> {
  const { storage, clock, logger } = context.options
  const judgement = await judge(context, works, known)
  const overruled = outlet.overrule === undefined ? null : await outlet.overrule(judgement)
  const { evaluated, moved } = decideAll(judgement, outlet, overruled)
  const now = clock.now()
  const commands = evaluated.map(({ command }) => command)
  const outcomes = await commitIntents(storage, commands, now).catch((error) => {
    for (const one of evaluated) outlet.unwritten(one)
    throw error
  })
  const written: Evaluated[] = []
  const lost: Evaluated[] = []
  const held: Evaluated[] = []
  const capped: Evaluated[] = []
  for (const [index, one] of evaluated.entries()) {
    const outcome = outcomes[index]
    if (isNotificationError(outcome)) {
      logger.error('decision not written', { ...factsForLog(one.due), fault: outcome.code })
    } else if (outcome?.status === 'committed') {
      written.push(one)
      outlet.written(one, outcome.delivery)
      continue
    } else if (outcome?.status === 'held') held.push(one)
    else if (outcome?.status === 'capped') capped.push(one)
    lost.push(one)
    outlet.unwritten(one)
  }
  return { now, written, lost, held, capped, moved }
}

/** In the order of the commands. One that the database refuses stops no other. */
export const commitIntents = ({ deliveries }: Store, commands: readonly IntentCommand[], now: Date) =>
  batchOrEach(commands, (some) => deliveries.commitIntents(some, now))

/** What is to become of each, where those that stand for others are known. */
function decideAll(
  judgement: Judgement,
  outlet: Outlet,
  overruled: ReadonlyMap<DueWork, Verdict> | null,
): { readonly evaluated: readonly Evaluated[]; readonly moved: ReadonlySet<EntityId> } {
  const { judged, planOf, now } = judgement
  const { outdone, mergedInto } = rivalryOf(judged, now)
  const joins = (index: number) => {
    const due = judged[index]?.due
    return due !== undefined && mergedInto.has(index) && !mayHaveGoneOut(due)
  }
  /** By the one that stands for them. */
  const joining = Map.groupBy([...mergedInto.keys()].filter(joins), (index) => mergedInto.get(index))
  const evaluated: Evaluated[] = []
  const moved = new Set<EntityId>()
  for (const [index, judgedOne] of judged.entries()) {
    const { due, verdict } = judgedOne
    const { appointmentId } = factsOf(due)
    if (due.delivery?.state !== 'sending' && appointmentId !== null && changedBehindOurBack(verdict, planOf(due))) {
      moved.add(appointmentId)
      continue
    }
    if (joins(index)) continue
    const joined = (joining.get(index) ?? []).flatMap((other) => judged[other] ?? [])
    const others = [...judgedOne.others, ...joined.flatMap(recipientOf)]
    const final = overruled?.get(due) ?? (outdone.has(index) ? nearerReminder : verdict)
    const one = decide({ ...judgedOne, verdict: final, others }, judgement, outlet)
    if (one !== null) evaluated.push(joined.length === 0 ? one : standingFor(one, joined))
  }
  return { evaluated, moved }
}

/** What goes out for others too ends their reminders with it. */
function standingFor(one: Evaluated, others: readonly Judged[]): Evaluated {
  const { command } = one
  if (!('merged' in command)) return one
  const rule = 'same_address'
  const merged = others.map(({ due }) => ({ work: workOf(due), rule }) as const)
  const entries = [...command.decision.entries, ...others.map(({ due }) => entryOf(due, 'merged', rule))]
  return { ...one, command: { ...command, merged, decision: { ...command.decision, entries } } }
}

const nearerReminder = { kind: 'cancel', rule: 'nearer_reminder' } as const

function decide(one: Judged, around: Around, outlet: Outlet): Evaluated | null {
  const { due, verdict } = one
  if (isRight(one)) return outlet.send(one, around)
  if (verdict.kind === 'wait') return outlet.wait(one, verdict, around)
  const rule = ruleOf(verdict)
  // What may have reached somebody must not be recorded as never sent.
  if (mayHaveGoneOut(due)) return hold(due, rule)
  return verdict.kind === 'refuse' ? fail(due, 'refused', rule) : cancel(due, rule)
}

/** The text of a message as it stands at `now`; null: none can be made, for a reason of its own that stops no other. */
export function textOf(
  { options }: Context,
  { due, verdict, subject, others, changed }: Right,
  { knowledge }: Pick<Around, 'knowledge'>,
  now: Date,
): RenderedMessage | null {
  const { organizationId, channel, category } = factsOf(due)
  const { recipient } = verdict
  try {
    return renderFor({ organizationId, channel, category, subject, recipient, others, changed, now }, knowledge)
  } catch (error) {
    options.logger.error('message not rendered', { ...factsForLog(due), fault: faultOf(error) })
    return null
  }
}

/** Which reminder stands for which others. Those whose time is yet to come rival only what has the same time. */
function rivalryOf(judged: readonly Judged[], now: Date): Rivalry {
  const byAppointment = Map.groupBy(judged.entries(), ([, { due }]) => {
    const { organizationId, appointmentId } = factsOf(due)
    const time = due.reminder?.reminderTime.getTime() ?? 0
    return `${organizationId} ${appointmentId} ${time <= now.getTime() ? 'due' : time}`
  })
  const outdone = new Set<number>()
  const mergedInto = new Map<number, number>()
  for (const ones of byAppointment.values()) {
    if (ones.length < 2) continue
    const rivals = ones.flatMap(([key, { due, verdict }]) => {
      if (verdict.kind !== 'send' || due.reminder === null) return []
      const { recipient, channel, reminderTime, hoursBefore } = due.reminder
      return [{ key, recipient, channel, reminderTime, hoursBefore, address: verdict.address }]
    })
    const found = resolveRivals(rivals)
    for (const key of found.outdone) outdone.add(key)
    for (const [key, into] of found.mergedInto) mergedInto.set(key, into)
  }
  return { outdone, mergedInto }
}

const recipientOf = ({ verdict }: Judged): Person[] => (verdict.kind === 'send' ? [verdict.recipient] : [])
