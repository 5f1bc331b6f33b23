import { type Appointment, isSameRecipient, type WaitlistEntry } from '../../domain/appointment.ts'
import { changesSince } from '../../domain/changes.ts'
import { judgeNotice, judgeReminder, judgeWaitlistNotice, type Truth, type Verdict } from '../../domain/due.ts'
import type { PlanRow } from '../../ports/storage.ts'
import type { RecipientRef } from '../../schemas/common.ts'
import type { Person } from '../../schemas/directory.ts'
import type { Subject } from '../messages/notices.ts'
import { parseBefore, parseRecipients, parseSnapshot } from '../messages/snapshot.ts'
import type { Context } from '../shared/context.ts'
import { Knowledge } from '../shared/knowledge.ts'
import type { Judged, Judgement } from './judged.ts'
import { atSameAddress, besideSiblings, standingIn } from './siblings.ts'
import { askTruths, type WorkTruths } from './truths.ts'
import { type DueWork, factsOf, subjectKey } from './work.ts'

/**
 * Judges each of a batch of work by the truth. `known`: what is known of it already; else the host is asked.
 * @throws NotificationError `directory_failed` or `directory_invalid` where the host cannot say.
 */
export async function judge(context: Context, works: readonly DueWork[], known?: WorkTruths): Promise<Judgement> {
  const truths = known ?? (await askTruths(context, works))
  const subjects = works.map((due) => {
    const snapshot = parseSnapshot(due.delivery?.snapshot ?? null)
    return { due, snapshot, subject: subjectOf(due, snapshot, truths) }
  })
  const [knowledge, missing] = await Promise.all([
    Knowledge.load(
      context,
      subjects.map(({ due, snapshot, subject }) => ({
        organizationId: factsOf(due).organizationId,
        // Whoever was detached since may have opted out all the same.
        recipients: [...(subject?.recipients ?? []), ...(snapshot?.recipients ?? [])],
      })),
      truths.organization,
    ),
    missingForLong(context, works, truths),
  ])
  // The clock is read after the truth: a start that came meanwhile is past.
  const moment = { now: context.options.clock.now(), leadMs: context.options.leadMs }
  const judged = subjects.map(({ due, snapshot, subject }): Judged => {
    const { organizationId } = factsOf(due)
    const surroundings = knowledge.surroundings(organizationId)
    const isGoneForLong = missing.has(subjectKey(due))
    const appointment = appointmentTruth(due, truths)
    if (due.reminder !== null) {
      const { reminder } = due
      const verdictFor = (recipient: RecipientRef) =>
        judgeReminder({ ...reminder, recipient, isGoneForLong }, appointment, truths.planOf(due), surroundings, moment)
      return { due, subject, verdict: verdictFor(reminder.recipient), verdictFor, others: [] }
    }
    const { delivery } = due
    const verdictFor = (recipient: RecipientRef) => {
      const notice = { ...delivery, recipient, askedStatus: snapshot?.status ?? null, isGoneForLong }
      return delivery.waitlistEntryId === null
        ? judgeNotice(notice, appointment, snapshot, surroundings, moment)
        : judgeWaitlistNotice(notice, waitlistTruth(due, truths), surroundings, moment)
    }
    const verdict = standingIn(verdictFor(delivery.recipient), parseRecipients(delivery.snapshot), verdictFor)
    const one = { due, subject, verdict, others: [] }
    const others = atSameAddress(one, mergedWith(due, subject), knowledge)
    const before = due.delivery.category === 'RESCHEDULE' ? parseBefore(due.delivery.snapshot) : null
    return { ...one, others, changed: before === null || subject === null ? undefined : changesSince(before, subject) }
  })
  const around = { knowledge, planOf: truths.planOf, now: moment.now }
  return { judged: await besideSiblings(context, judged, around), ...around }
}

/** The plan says active and one start, the host another: the whole appointment is planned anew, not only what is due. */
export function changedBehindOurBack(verdict: Verdict, plan: PlanRow | null): boolean {
  if (verdict.kind === 'move') return true
  if (verdict.kind !== 'cancel' || plan?.status !== 'active') return false
  return verdict.rule === 'appointment_cancelled' || verdict.rule === 'appointment_ended'
}

const gone = { kind: 'gone' } as const

function appointmentTruth(due: DueWork, truths: WorkTruths): Truth<Appointment> {
  const { appointmentId, organizationId } = factsOf(due)
  return appointmentId === null ? gone : ofOrganization(truths, organizationId, truths.appointment(appointmentId))
}

function waitlistTruth(due: DueWork, truths: WorkTruths): Truth<WaitlistEntry> {
  const { waitlistEntryId, organizationId } = factsOf(due)
  return waitlistEntryId === null ? gone : ofOrganization(truths, organizationId, truths.waitlistEntry(waitlistEntryId))
}

/**
 * What moved to another organization is not this organization's any more; and nothing is said in the name of one that the
 * host does not answer for.
 */
function ofOrganization<T extends { organizationId: string }>(
  { organization }: WorkTruths,
  organizationId: string,
  truth: Truth<T>,
): Truth<T> {
  if (truth.kind === 'known' && truth.value.organizationId !== organizationId) return gone
  const name = organization(organizationId)
  return truth.kind === 'known' && name.kind === 'unanswered' ? name : truth
}

/** Those for whom a notice was queued together, as the host has them now; of a cancellation, also those who are detached. */
function mergedWith(due: DueWork, subject: Subject | null): readonly Person[] {
  const asked = parseRecipients(due.delivery?.snapshot ?? null)
  return asked.flatMap(
    (other) =>
      subject?.recipients.find((one) => isSameRecipient(one, other)) ??
      (factsOf(due).category === 'CANCELLATION' ? other : []),
  )
}

function subjectOf(
  due: DueWork,
  snapshot: Appointment | null,
  { appointment, waitlistEntry }: WorkTruths,
): Subject | null {
  const { appointmentId, waitlistEntryId, category } = factsOf(due)
  const truth =
    appointmentId !== null
      ? appointment(appointmentId)
      : waitlistEntryId !== null
        ? waitlistEntry(waitlistEntryId)
        : gone
  if (truth.kind === 'known') return truth.value
  return category === 'CANCELLATION' ? snapshot : null
}

/** The subjects that the host did not know long ago either. */
async function missingForLong(
  { disappearances }: Context,
  works: readonly DueWork[],
  truths: WorkTruths,
): Promise<ReadonlySet<string>> {
  const missing = new Set<string>()
  const asked = new Set<string>()
  const lookUps: Promise<void>[] = []
  for (const due of works) {
    const key = subjectKey(due)
    if (asked.has(key)) continue
    asked.add(key)
    const { organizationId, appointmentId, waitlistEntryId } = factsOf(due)
    if (waitlistEntryId !== null) {
      const isGone = waitlistTruth(due, truths).kind === 'gone'
      if (!isGone) disappearances.waitlistEntryFound(waitlistEntryId)
      else if (disappearances.isWaitlistEntryGone(waitlistEntryId)) missing.add(key)
    } else if (appointmentId !== null && appointmentTruth(due, truths).kind === 'gone') {
      const found = disappearances.ofAppointment(organizationId, appointmentId)
      lookUps.push(found.then((state) => void (state === 'gone' && missing.add(key))))
    }
  }
  await Promise.all(lookUps)
  return missing
}
