import type { Appointment, WaitlistEntry } from '../../domain/appointment.ts'
import { judgeNotice, judgeReminder, judgeWaitlistNotice, type Truth, type Verdict } from '../../domain/due.ts'
import type { PlanRow } from '../../ports/storage.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { Context } from '../context.ts'
import { Knowledge } from '../knowledge.ts'
import type { Subject } from '../notices.ts'
import { parseSnapshot } from './snapshot.ts'
import { type DueWork, factsOf } from './work.ts'

export type Judged = { readonly due: DueWork; readonly verdict: Verdict; readonly subject: Subject | null }

/** A batch of work against the truth, with what it was judged by. */
export type Judgement = {
  /** In the order of the work. */
  readonly judged: readonly Judged[]
  readonly knowledge: Knowledge
  readonly planOf: (due: DueWork) => PlanRow | null
  readonly now: Date
}

/**
 * Asks the host for the truth about a batch of work, and judges each by it.
 * @throws NotificationError `directory_failed` where the host cannot say.
 */
export async function judge(context: Context, works: readonly DueWork[]): Promise<Judgement> {
  const { storage, clock, leadMs } = context.options
  const ids = idsOf(works, 'appointmentId')
  const waitlistIds = idsOf(works, 'waitlistEntryId')
  // Before the truth: the revision that guards the intent must not be newer than what it was decided by.
  const rows = await storage.plans.find(ids)
  const [appointmentOf, waitlistOf] = await Promise.all([
    context.host.appointments(ids),
    waitlistIds.length === 0 ? () => gone : context.host.waitlistEntries(waitlistIds),
  ])
  const plans = new Map(rows.map((plan) => [`${plan.organizationId} ${plan.appointmentId}`, plan]))
  const planOf = (due: DueWork) => {
    const { organizationId, appointmentId } = factsOf(due)
    return plans.get(`${organizationId} ${appointmentId}`) ?? null
  }
  const subjects = works.map((due) => ({ due, subject: subjectOf(due, appointmentOf, waitlistOf) }))
  const knowledge = await Knowledge.load(
    context,
    subjects.map(({ due, subject }) => ({
      organizationId: factsOf(due).organizationId,
      recipients: subject?.recipients ?? [],
    })),
  )
  // The clock is read after the truth: a start that came meanwhile is past.
  const now = clock.now()
  const moment = { now, leadMs }
  const judged = subjects.map(({ due, subject }): Judged => {
    const { organizationId, appointmentId, waitlistEntryId } = factsOf(due)
    const surroundings = knowledge.surroundings(organizationId)
    if (due.reminder !== null) {
      const truth = owned(appointmentOf(due.reminder.appointmentId), organizationId)
      const reminder = { ...due.reminder, wasPutOff: wasPutOff(due) }
      return { due, subject, verdict: judgeReminder(reminder, truth, planOf(due), surroundings, moment) }
    }
    const snapshot = parseSnapshot(due.delivery.snapshot)
    const notice = { ...due.delivery, askedStatus: snapshot?.status ?? null, wasPutOff: wasPutOff(due) }
    if (waitlistEntryId !== null) {
      const truth = owned(waitlistOf(waitlistEntryId), organizationId)
      return { due, subject, verdict: judgeWaitlistNotice(notice, truth, surroundings, moment) }
    }
    const truth = appointmentId === null ? gone : owned(appointmentOf(appointmentId), organizationId)
    return { due, subject, verdict: judgeNotice(notice, truth, snapshot, surroundings, moment) }
  })
  return { judged, knowledge, planOf, now }
}

/** The plan says active and one start, the host another: the whole appointment is planned anew, not only what is due. */
export function changedBehindOurBack(verdict: Verdict, plan: PlanRow | null): boolean {
  if (verdict.kind === 'move') return true
  if (verdict.kind !== 'cancel' || plan?.status !== 'active') return false
  return verdict.rule === 'appointment_cancelled' || verdict.rule === 'appointment_ended'
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

/** True of what was due before, and of every further attempt. */
const wasPutOff = ({ reminder, delivery }: DueWork): boolean => {
  const first = delivery === null ? reminder.reminderTime : delivery.createdAt
  const { dueAt } = delivery ?? reminder
  return (delivery !== null && delivery.attempts > 0) || (dueAt !== null && dueAt > first)
}

const idsOf = (works: readonly DueWork[], field: 'appointmentId' | 'waitlistEntryId'): EntityId[] => [
  ...new Set(works.flatMap((due) => factsOf(due)[field] ?? [])),
]
