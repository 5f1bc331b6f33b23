import type { Appointment, WaitlistEntry } from '../../domain/appointment.ts'
import {
  judgeNotice,
  judgeReminder,
  judgeWaitlistNotice,
  type Rivalry,
  resolveRivals,
  type Truth,
  type Verdict,
} from '../../domain/due.ts'
import type { PlanRow } from '../../ports/storage.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { Context } from '../context.ts'
import { Knowledge } from '../knowledge.ts'
import type { Subject } from '../notices.ts'
import type { AccountGate } from './account-gate.ts'
import { decideOne, type Evaluated, entryOf, type Surrounded } from './decide.ts'
import { parseSnapshot } from './snapshot.ts'
import { type DueWork, factsOf, mayHaveGoneOut, workOf } from './work.ts'

/** What is in neither found its account full, and is still due. */
export type Evaluation = {
  readonly evaluated: readonly Evaluated[]
  /** Appointments whose truth is another one than their plan: to be planned anew. */
  readonly toReplan: readonly EntityId[]
}

type Judged = { readonly due: DueWork; readonly verdict: Verdict; readonly subject: Subject | null }

/**
 * Asks the host for the truth about a batch of due work and decides what is to become of each.
 * @throws NotificationError `directory_failed` where the host cannot say: nothing was decided then.
 */
export async function evaluate(context: Context, gate: AccountGate, works: readonly DueWork[]): Promise<Evaluation> {
  const { storage, clock } = context.options
  const ids = idsOf(works, 'appointmentId')
  const waitlistIds = idsOf(works, 'waitlistEntryId')
  const [appointmentOf, waitlistOf, plans] = await Promise.all([
    context.host.appointments(ids),
    waitlistIds.length === 0 ? () => gone : context.host.waitlistEntries(waitlistIds),
    storage.plans.find(ids),
  ])
  const planOf = new Map(plans.map((plan) => [`${plan.organizationId} ${plan.appointmentId}`, plan]))
  const subjects = works.map((due) => subjectOf(due, appointmentOf, waitlistOf))
  const knowledge = await Knowledge.load(
    context,
    subjects.map((subject, index) => {
      const { organizationId } = factsOf(works[index] ?? never())
      return { organizationId, recipients: subject?.recipients ?? [] }
    }),
  )
  // The clock is read after the truth: a start that came meanwhile is past.
  const now = clock.now()
  const judged = works.map((due, index): Judged => {
    const { organizationId, appointmentId, waitlistEntryId } = factsOf(due)
    const surroundings = knowledge.surroundings(organizationId)
    const subject = subjects[index] ?? null
    const plan = planOf.get(`${organizationId} ${appointmentId}`) ?? null
    if (due.reminder !== null) {
      const truth = owned(appointmentOf(due.reminder.appointmentId), organizationId)
      return { due, subject, verdict: judgeReminder(due.reminder, truth, plan, surroundings, now) }
    }
    const snapshot = parseSnapshot(due.delivery.snapshot)
    const notice = { ...due.delivery, askedStatus: snapshot?.status ?? null }
    if (waitlistEntryId !== null) {
      const truth = owned(waitlistOf(waitlistEntryId), organizationId)
      return { due, subject, verdict: judgeWaitlistNotice(notice, truth, surroundings, now) }
    }
    const truth = appointmentId === null ? gone : owned(appointmentOf(appointmentId), organizationId)
    return { due, subject, verdict: judgeNotice(notice, truth, snapshot, surroundings, now) }
  })
  return decide({ context, gate, knowledge, judged, planOf, now })
}

type Decide = Surrounded & { readonly judged: readonly Judged[]; readonly planOf: ReadonlyMap<string, PlanRow> }

function decide(input: Decide): Evaluation {
  const { judged, planOf } = input
  const rivalry = rivalryOf(judged)
  const evaluated: Evaluated[] = []
  const toReplan = new Set<EntityId>()
  const commandOf = new Map<number, number>()
  const merged: { index: number; into: number }[] = []
  for (const [index, { due, verdict, subject }] of judged.entries()) {
    const { organizationId, appointmentId } = factsOf(due)
    const plan = planOf.get(`${organizationId} ${appointmentId}`) ?? null
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
    const one = decideOne(input, due, final, subject, plan)
    if (one === null) continue
    commandOf.set(index, evaluated.length)
    evaluated.push(one)
  }
  for (const { index, into } of merged) {
    const due = judged[index]?.due
    const place = commandOf.get(into)
    const winner = place === undefined ? undefined : evaluated[place]
    if (due === undefined || winner === undefined || place === undefined || winner.command.kind !== 'send') continue
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

/** The plan says active and one start, the host another: the whole appointment is planned anew, not only what is due. */
function changedBehindOurBack(verdict: Verdict, plan: PlanRow | null): boolean {
  if (verdict.kind === 'move') return true
  if (verdict.kind !== 'cancel' || plan?.status !== 'active') return false
  return verdict.rule === 'appointment_cancelled' || verdict.rule === 'appointment_ended'
}

function rivalryOf(judged: readonly Judged[]): Rivalry {
  const byAppointment = Map.groupBy(judged.keys(), (index) => {
    const facts = factsOf(judged[index]?.due ?? never())
    return `${facts.organizationId} ${facts.appointmentId}`
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

const gone = { kind: 'gone' } as const

/** An appointment that moved to another organization is not this organization's any more. */
const owned = <T extends { organizationId: string }>(truth: Truth<T>, organizationId: string): Truth<T> =>
  truth.kind === 'known' && truth.value.organizationId !== organizationId ? gone : truth

function subjectOf(
  due: DueWork,
  appointmentOf: (id: EntityId) => Truth<Appointment>,
  waitlistOf: (id: EntityId) => Truth<WaitlistEntry>,
): Subject | null {
  const { appointmentId, waitlistEntryId, category } = factsOf(due)
  const truth =
    appointmentId !== null
      ? appointmentOf(appointmentId)
      : waitlistEntryId !== null
        ? waitlistOf(waitlistEntryId)
        : gone
  if (truth.kind === 'known') return truth.value
  return category === 'CANCELLATION' ? parseSnapshot(due.delivery?.snapshot ?? null) : null
}

const idsOf = (works: readonly DueWork[], field: 'appointmentId' | 'waitlistEntryId'): EntityId[] => [
  ...new Set(works.flatMap((due) => factsOf(due)[field] ?? [])),
]

function never(): never {
  throw new Error('an index left its array')
}
