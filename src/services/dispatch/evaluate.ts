import type { Verdict } from '../../domain/due.ts'
import { type Rivalry, resolveRivals } from '../../domain/rivals.ts'
import type { PlanRow } from '../../ports/storage.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { Person } from '../../schemas/directory.ts'
import type { Context } from '../context.ts'
import type { AccountGate } from './account-gate.ts'
import { decideOne, type Evaluated, entryOf } from './decide.ts'
import { changedBehindOurBack, type Judged, type Judgement, judge } from './judge.ts'
import type { WorkTruths } from './truths.ts'
import { type DueWork, factsOf, mayHaveGoneOut, workOf } from './work.ts'

/** What is in neither found its account full, and is still due. */
export type Evaluation = {
  readonly evaluated: readonly Evaluated[]
  /** Appointments whose truth is another one than their plan: to be planned anew. */
  readonly toReplan: readonly EntityId[]
}

/** Decides by the truth what is to become of each of a batch of due work. */
export async function evaluate(
  context: Context,
  gate: AccountGate,
  works: readonly DueWork[],
  truths: WorkTruths,
): Promise<Evaluation> {
  const judgement = await judge(context, works, truths)
  const surrounded = { context, gate, ...judgement }
  return decideAll(judgement, (one, plan) => decideOne(surrounded, one, plan))
}

/** Null: not now. */
export type DecideOne = (one: Judged, plan: PlanRow | null) => Evaluated | null

/** What is to become of each, where those that stand for others are known. */
export function decideAll({ judged, planOf, now }: Judgement, decideEach: DecideOne): Evaluation {
  const rivalry = rivalryOf(judged, now)
  const joins = (index: number) => !mayHaveGoneOut((judged[index] ?? never()).due)
  const joiningOf = Map.groupBy(
    [...rivalry.mergedInto.keys()].filter(joins),
    (index) => rivalry.mergedInto.get(index) ?? never(),
  )
  const evaluated: Evaluated[] = []
  const toReplan = new Set<EntityId>()
  const commandOf = new Map<number, number>()
  const merged: { index: number; into: number }[] = []
  for (const [index, judgedOne] of judged.entries()) {
    const { due, verdict } = judgedOne
    const { appointmentId } = factsOf(due)
    const plan = planOf(due)
    if (due.delivery?.state !== 'sending' && appointmentId !== null && changedBehindOurBack(verdict, plan)) {
      toReplan.add(appointmentId)
      continue
    }
    const into = rivalry.mergedInto.get(index)
    if (into !== undefined && !mayHaveGoneOut(due)) {
      merged.push({ index, into })
      continue
    }
    const outdone = rivalry.outdone.has(index)
    const final: Verdict = outdone ? { kind: 'cancel', rule: 'nearer_reminder' } : verdict
    const others = [...judgedOne.others, ...(joiningOf.get(index) ?? []).flatMap((other) => recipientOf(judged[other]))]
    const one = decideEach({ ...judgedOne, verdict: final, others }, plan)
    if (one === null) continue
    commandOf.set(index, evaluated.length)
    evaluated.push(one)
  }
  for (const { index, into } of merged) {
    const due = judged[index]?.due
    const place = commandOf.get(into)
    const winner = place === undefined ? undefined : evaluated[place]
    if (due === undefined || winner === undefined || place === undefined || !('merged' in winner.command)) continue
    const entry = entryOf(due, 'merged', 'same_address')
    evaluated[place] = {
      ...winner,
      command: {
        ...winner.command,
        merged: [...winner.command.merged, { work: workOf(due), rule: 'same_address' }],
        decision: { ...winner.command.decision, entries: [...winner.command.decision.entries, entry] },
      },
    }
  }
  return { evaluated, toReplan: [...toReplan] }
}

/** Which reminder stands for which others. Those whose time is yet to come rival only what has the same time. */
function rivalryOf(judged: readonly Judged[], now: Date): Rivalry {
  const byAppointment = Map.groupBy(judged.keys(), (index) => {
    const { due } = judged[index] ?? never()
    const { organizationId, appointmentId } = factsOf(due)
    const time = due.reminder?.reminderTime.getTime() ?? 0
    return `${organizationId} ${appointmentId} ${time <= now.getTime() ? 'due' : time}`
  })
  const outdone = new Set<number>()
  const mergedInto = new Map<number, number>()
  for (const indexes of byAppointment.values()) {
    if (indexes.length < 2) continue
    const rivals = indexes.flatMap((key) => {
      const one = judged[key]
      if (one === undefined || one.verdict.kind !== 'send' || one.due.reminder === null) return []
      const { recipient, channel, reminderTime, hoursBefore } = one.due.reminder
      return [{ key, recipient, channel, reminderTime, hoursBefore, address: one.verdict.address }]
    })
    const found = resolveRivals(rivals)
    for (const key of found.outdone) outdone.add(key)
    for (const [key, into] of found.mergedInto) mergedInto.set(key, into)
  }
  return { outdone, mergedInto }
}

const recipientOf = (one: Judged | undefined): Person[] => (one?.verdict.kind === 'send' ? [one.verdict.recipient] : [])

function never(): never {
  throw new Error('an index left its array')
}
