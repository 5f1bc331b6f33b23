import { type Appointment, isSameRecipient, type WaitlistEntry } from '../../domain/appointment.ts'
import { asNotified, changesSince } from '../../domain/changes.ts'
import { checkNotice, checkReminder, checkWaitlistNotice, type Lookup } from '../../domain/due.ts'
import { checkFallback } from '../../domain/fallback.ts'
import type { Surroundings } from '../../domain/plan.ts'
import type { CheckResult } from '../../domain/timely.ts'
import type { PlanRow } from '../../ports/storage.ts'
import type { RecipientRef } from '../../schemas/common.ts'
import type { Person } from '../../schemas/directory.ts'
import { fallbackKey } from '../messages/idempotency-key.ts'
import { parseBefore, parseRecipients, parseReinstated, parseSnapshot } from '../messages/snapshot.ts'
import type { Subject } from '../messages/worded.ts'
import type { Context } from '../shared/context.ts'
import { Knowledge } from '../shared/knowledge.ts'
import type { Checked, CheckedBatch } from './checked.ts'
import { reservations } from './daily-budget.ts'
import { type Chain, chainsOf, fallbackFor, stepTo } from './fallbacks.ts'
import { lookUpWork, type WorkLookups } from './lookups.ts'
import { atSameAddress, besideSiblings, onceAnAddress, standingIn } from './siblings.ts'
import { type DueWork, idempotencyKeyOf, mayHaveGoneOut } from './work.ts'

/**
 * Checks a batch of work against its current state. `known`: recent lookups; without them the directory is called. `isEarly`: what is not
 * due yet is to go out now.
 * @throws NotificationError `directory_failed` or `directory_invalid` if the directory fails for everything.
 */
export async function checkDue(
  context: Context,
  works: readonly DueWork[],
  known?: WorkLookups,
  isEarly = false,
): Promise<CheckedBatch> {
  const lookups = known ?? (await lookUpWork(context, works))
  const subjects = works.map((due) => {
    const snapshot = parseSnapshot(due.delivery?.snapshot ?? null)
    return { due, snapshot, subject: subjectOf(due, snapshot, lookups) }
  })
  /** Once an appointment, of which there is a reminder on each channel. */
  const concerned = new Map(
    subjects.map(({ due, snapshot, subject }) => {
      const { organizationId } = due.target
      // Recipients removed from the appointment may have opted out too.
      const recipients = [...(subject?.recipients ?? []), ...(snapshot?.recipients ?? [])]
      return [snapshot ?? due.subject, { organizationId, recipients }] as const
    }),
  )
  const [knowledge, missing, chains] = await Promise.all([
    Knowledge.load(context, [...concerned.values()], lookups.organization),
    missingForLong(context, works, lookups),
    chainsOf(context, works),
  ])
  // The clock is read after the lookup: a start that came meanwhile is past.
  const moment = { now: context.options.clock.now(), leadMs: context.options.leadMs }
  const checked = subjects.map(({ due, snapshot, subject }): Checked => {
    const { organizationId } = due.target
    const surroundings = knowledge.surroundings(organizationId)
    const isGoneForLong = missing.has(due.subject)
    const appointment = appointmentLookup(due, lookups)
    if (due.reminder !== null) {
      const { channel, offset, startsAt, reminderTime } = due.reminder
      const resultFor = (recipient: RecipientRef) =>
        checkReminder(
          { recipient, channel, offset, startsAt, reminderTime, isGoneForLong, isEarly },
          appointment,
          lookups.planOf(due),
          surroundings,
          moment,
        )
      const result = resultFor(due.reminder.recipient)
      return { due, subject, result, resultFor, others: [], ...inDoubt(result, surroundings, due) }
    }
    const { delivery } = due
    const chain = chains.get(due)
    const needless =
      chain === undefined
        ? null
        : checkFallback(
            delivery.category,
            chain,
            stepTo(surroundings, delivery, chain.root),
            appointment,
            lookups.planOf(due),
          )
    const after =
      chain === undefined
        ? {}
        : {
            fallback: mayHaveGoneOut(due) ? null : fallbackFor(surroundings, due, chain.root.channel),
            root: chain.root.channel,
            isCounted: chain.isCounted,
          }
    if (needless !== null) return { due, subject, result: needless, others: [], ...after }
    const told = delivery.category === 'RESCHEDULE' || delivery.category === 'CANCELLATION'
    const before = told ? parseBefore(delivery.snapshot) : null
    const resultFor = (recipient: RecipientRef) => {
      const notice = { ...delivery, recipient, askedStatus: snapshot?.status ?? null, before, isGoneForLong }
      return delivery.waitlistEntryId === null
        ? checkNotice(notice, appointment, snapshot, surroundings, moment)
        : checkWaitlistNotice(notice, waitlistLookup(due, lookups), surroundings, moment)
    }
    const own = resultFor(delivery.recipient)
    // Each of those whom the first of a chain was for has a message of their own in its place.
    const result = chain === undefined ? standingIn(own, parseRecipients(delivery.snapshot), resultFor) : own
    const doubted = chain === undefined ? inDoubt(result, surroundings, due) : {}
    // A cancellation names what the person was told, and not a move of which they never heard.
    const isRenamed = delivery.category === 'CANCELLATION' && before !== null && subject !== null
    const named = isRenamed ? asNotified(subject, before) : subject
    const one = { due, subject: named, result, others: [], ...after, ...doubted }
    const others = atSameAddress(one, mergedWith(due, subject, chain), knowledge)
    return {
      ...one,
      ...insteadOf(due, result),
      isReinstated: due.delivery.category === 'CONFIRMATION' && parseReinstated(due.delivery.snapshot),
      others,
      changed: before === null || subject === null || isRenamed ? undefined : changesSince(before, subject),
    }
  })
  const batch = { knowledge, planOf: lookups.planOf, now: moment.now }
  const final = await besideSiblings(context, onceAnAddress(checked, chains, knowledge), batch)
  const reservedFor = await reservations(context, final, knowledge, moment.now)
  return { checked: final, ...batch, ...(reservedFor === null ? {} : { reservedFor }) }
}

/** What takes the place of one that is withdrawn for it. */
const insteadOf = (due: DueWork, result: CheckResult): Pick<Checked, 'fallback'> => {
  const channel = result.kind === 'cancel' ? result.instead : undefined
  return channel === undefined
    ? {}
    : { fallback: { channel, idempotencyKey: fallbackKey(idempotencyKeyOf(due), channel) } }
}

/** What is held until staff decide goes out on another channel, if there is one that may. */
const inDoubt = (result: CheckResult, surroundings: Surroundings, due: DueWork): Pick<Checked, 'fallback'> =>
  result.kind === 'cancel' && result.rule === 'consent_in_doubt' && !mayHaveGoneOut(due)
    ? { fallback: fallbackFor(surroundings, due, due.target.channel) }
    : {}

/** The appointment differs from its plan without a report of the change: all of it is planned again, not only what is due. */
export function isUnreportedChange(result: CheckResult, plan: PlanRow | null): boolean {
  if (result.kind === 'move') return true
  if (result.kind !== 'cancel' || plan?.status !== 'active') return false
  return result.rule === 'appointment_cancelled' || result.rule === 'appointment_ended'
}

const gone = { kind: 'gone' } as const

function appointmentLookup(due: DueWork, lookups: WorkLookups): Lookup<Appointment> {
  const { appointmentId, organizationId } = due.target
  return appointmentId === null ? gone : ofOrganization(lookups, organizationId, lookups.appointment(appointmentId))
}

function waitlistLookup(due: DueWork, lookups: WorkLookups): Lookup<WaitlistEntry> {
  const { waitlistEntryId, organizationId } = due.target
  return waitlistEntryId === null
    ? gone
    : ofOrganization(lookups, organizationId, lookups.waitlistEntry(waitlistEntryId))
}

/**
 * An appointment that moved to another organization is gone for this one. Nothing is sent in the name of an organization for which
 * the directory fails.
 */
function ofOrganization<T extends { organizationId: string }>(
  { organization }: WorkLookups,
  organizationId: string,
  lookup: Lookup<T>,
): Lookup<T> {
  if (lookup.kind === 'known' && lookup.value.organizationId !== organizationId) return gone
  const name = organization(organizationId)
  return lookup.kind === 'known' && name.kind === 'unanswered' ? name : lookup
}

/**
 * The recipients a notice was queued for, or one in place of a reminder, as the directory has them now; of a cancellation, also those it no
 * longer has.
 */
function mergedWith(due: DueWork, subject: Subject | null, chain: Chain | undefined): readonly Person[] {
  const asked = parseRecipients(due.delivery?.snapshot ?? null)
  if (asked.length === 0 && chain !== undefined) {
    const isOfThese = (one: Person) => chain.siblings.some(({ recipient }) => isSameRecipient(recipient, one))
    return subject?.recipients.filter(isOfThese) ?? []
  }
  return asked.flatMap(
    (other) =>
      subject?.recipients.find((one) => isSameRecipient(one, other)) ??
      (due.target.category === 'CANCELLATION' ? other : []),
  )
}

function subjectOf(
  due: DueWork,
  snapshot: Appointment | null,
  { appointment, waitlistEntry }: WorkLookups,
): Subject | null {
  const { appointmentId, waitlistEntryId, category } = due.target
  const lookup =
    appointmentId !== null
      ? appointment(appointmentId)
      : waitlistEntryId !== null
        ? waitlistEntry(waitlistEntryId)
        : gone
  if (lookup.kind === 'known') return lookup.value
  return category === 'CANCELLATION' ? snapshot : null
}

/** The subjects that have been missing from the directory for `goneForMs`. */
async function missingForLong(
  { disappearances }: Context,
  works: readonly DueWork[],
  lookups: WorkLookups,
): Promise<ReadonlySet<string>> {
  const missing = new Set<string>()
  const asked = new Set<string>()
  const lookUps: Promise<void>[] = []
  for (const due of works) {
    const key = due.subject
    if (asked.has(key)) continue
    asked.add(key)
    const { organizationId, appointmentId, waitlistEntryId } = due.target
    if (waitlistEntryId !== null) {
      const isGone = waitlistLookup(due, lookups).kind === 'gone'
      if (!isGone) disappearances.waitlistEntryFound(waitlistEntryId)
      else if (disappearances.isWaitlistEntryGone(waitlistEntryId)) missing.add(key)
    } else if (appointmentId !== null && appointmentLookup(due, lookups).kind === 'gone') {
      const found = disappearances.ofAppointment(organizationId, appointmentId)
      lookUps.push(found.then((state) => void (state === 'gone' && missing.add(key))))
    }
  }
  await Promise.all(lookUps)
  return missing
}
