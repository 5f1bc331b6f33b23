import { defaultRetryPolicy } from '../../src/domain/retry.ts'
import { addressOf } from './host-table.ts'
import { type CrashRun, type Mail, type Settlement, sweepMs } from './run.ts'
import type { DeliveryFact, ReminderFact } from './storages.ts'
import { type Cancel, type Change, movedByMs } from './upheaval.ts'

/** For a machine that is busy with other things. */
const slackMs = 10_000

export type Verdict = {
  /** Each broken promise in a sentence; empty: all were kept. */
  readonly violations: readonly string[]
  readonly summary: Summary
}

export type Summary = {
  readonly seed: number
  readonly mails: number
  readonly duplicates: number
  /** Claims that a killed worker left behind: a duplicate is possible for these and no other. */
  readonly inFlightAtKills: number
  /** Sends that nobody can tell the outcome of and that were not tried again, as the rows say. */
  readonly held: number
  readonly kills: Readonly<Record<string, number>>
  readonly cancelsInFlight: number
  readonly warnings: number
  readonly restedAfterMs: number | null
  /** The same from the last kill, where that came later. */
  readonly restedAfterLastFaultMs: number | null
  /** How long nothing arrived meanwhile, at most. */
  readonly longestSilenceMs: number | null
  /** What came too late from workers whose claims were taken over, and changed nothing. */
  readonly staleSettlements: number
  /** What came too late and is recorded: that a message was accepted changes what another attempt came to. */
  readonly lateOutcomes: number
}

/** What is known of one appointment. */
type Case = {
  readonly id: number
  readonly due: number
  readonly mails: readonly Mail[]
  readonly reminders: readonly ReminderFact[]
  readonly deliveries: readonly DeliveryFact[]
  /** Times at which a send was decided; each is written in the transaction that claims. */
  readonly intents: readonly number[]
  /** Decisions to hold a send of unknown outcome. */
  readonly holds: number
  /** Workers that stood still holding it: what they held they may send when they go on, before they learn better. */
  readonly heldStill: number
  /** An attempt failed in a way that was to be tried again. */
  readonly requeued: boolean
  /** Settlements after which it may have been begun: tried once more, and then held. */
  readonly silences: number
  /** Attempts that were given back, for too little of their lease was left to begin. */
  readonly returned: number
  readonly cancel: Cancel | undefined
  readonly change: Change | undefined
}

type Tell = (sentence: string) => void

/** Compares what arrived with what the rows say and what was promised. The log of the receiving side is believed before the rows. */
export function judge(run: CrashRun): Verdict {
  const violations: string[] = []
  const abandoned = abandonedClaims(run)
  const messageIds = new Map<string, number>()
  let duplicates = 0
  for (const one of casesOf(run)) {
    const tell: Tell = (sentence) => violations.push(`appointment ${one.id}: ${sentence}`)
    judgeCopies(one, abandoned, messageIds, tell)
    judgeRows(one, abandoned, tell)
    if (one.cancel !== undefined) judgeCancel(one, one.cancel, tell)
    else if (one.change !== undefined) judgeChange(one, one.change, tell)
    else if (one.mails.length === 0 && !isHeld(one)) tell(`lost: no mail, and its rows are ${show(one)}`)
    duplicates += Math.max(0, one.mails.length - 1)
  }
  const inFlightAtKills = [...abandoned.values()].reduce((sum, fences) => sum + fences.size, 0)
  const tell: Tell = (sentence) => violations.push(sentence)
  if (duplicates > inFlightAtKills)
    tell(`${duplicates} duplicates, but only ${inFlightAtKills} sends in flight at the kills`)
  judgeStale(run, tell)
  judgeWhole(run, tell)
  return {
    violations,
    summary: {
      seed: run.plan.seed,
      mails: run.mails.length,
      duplicates,
      inFlightAtKills,
      held: run.deliveries.filter((row) => row.state === 'unknown').length,
      kills: tallyOf(run.kills.map((kill) => kill.how)),
      cancelsInFlight: run.cancels.filter((cancel) => cancel.inFlight > 0).length,
      warnings: run.said.length,
      restedAfterMs: run.restedAfterMs,
      restedAfterLastFaultMs: run.restedAfterMs === null ? null : restOf(run).until - restOf(run).from,
      longestSilenceMs: run.restedAfterMs === null ? null : silenceMs(run),
      staleSettlements: run.settlements.filter((one) => !one.applied).length,
      lateOutcomes: run.decisions.filter(({ entries }) => entries.includes('"rule":"late_outcome"')).length,
    },
  }
}

/**
 * Claims open at a kill and never settled under their fence: the fence moved on, or the delivery is held. Those of the
 * workers that lived were settled, and fall out. By delivery.
 */
function abandonedClaims({ kills, deliveries }: CrashRun): Map<number, Set<number>> {
  const rows = new Map(deliveries.map((row) => [row.id, row]))
  const claims = new Map<number, Set<number>>()
  for (const { deliveryId, fence } of kills.flatMap((kill) => kill.holds)) {
    const row = rows.get(deliveryId)
    if (row === undefined || (row.fence === fence && row.state !== 'unknown')) continue
    const fences = claims.get(deliveryId) ?? new Set()
    claims.set(deliveryId, fences.add(fence))
  }
  return claims
}

/** From when nothing more could go wrong until everything had come to rest. */
function restOf({ restedAfterMs, dueOf, kills }: CrashRun) {
  const lastDue = Math.max(...dueOf.values())
  return { from: Math.max(lastDue, ...kills.map((kill) => kill.at)), until: lastDue + (restedAfterMs ?? 0) }
}

/**
 * What had queued up behind so many deaths takes its time to go out. But as long as there is any, something arrives; what
 * nobody sees until a lease is over and a sweep has passed makes a silence, at the latest when all the rest is out.
 */
function silenceMs(run: CrashRun): number {
  const { from, until } = restOf(run)
  const times = run.mails.map((mail) => mail.at).filter((at) => at > from && at < until)
  const marks = [from, ...times.sort((one, other) => one - other), until]
  return Math.max(...marks.slice(1).map((at, index) => at - (marks[index] ?? at)))
}

/**
 * Of all claims of a delivery the last one settles it. A worker whose claim was taken over may say what it likes; only that
 * the message was accepted is true whoever says it, and then nobody else settles it.
 */
function judgeStale({ settlements, deliveries }: CrashRun, tell: Tell): void {
  const applied = settlements.filter((one) => one.applied && one.kind !== 'retry')
  const byDelivery = Map.groupBy(applied, (one) => one.id)
  for (const { id, fence, status } of deliveries) {
    const settled = byDelivery.get(id) ?? []
    const isStale = (one: Settlement) => one.fence !== fence && !(one.kind === 'sent' && status === 'SENT')
    if (settled.filter((one) => one.kind === 'sent').length > 1 || settled.some(isStale)) {
      tell(`a stale holder wrote to delivery ${id}, now under fence ${fence}: ${JSON.stringify(settled)}`)
    }
  }
}

function judgeCopies(
  one: Case,
  abandoned: Map<number, Set<number>>,
  messageIds: Map<string, number>,
  tell: Tell,
): void {
  const { mails, deliveries } = one
  const [first] = mails
  if (first === undefined) return
  if (mails.some((mail) => mail.messageId !== first.messageId)) {
    tell(`copies with different Message-IDs: ${mails.map((mail) => mail.messageId).join(', ')}`)
  }
  const key = first.messageId ?? 'none'
  const other = messageIds.get(key)
  if (other !== undefined || key === 'none') tell(`the Message-ID ${key} of appointment ${other}`)
  messageIds.set(key, one.id)
  const excused = deliveries.reduce((sum, row) => sum + (abandoned.get(row.id)?.size ?? 0), 0)
  if (mails.length - 1 > excused)
    tell(`${mails.length} mails with ${excused} claims left behind by kills: ${show(one)}`)
}

/** What the rows say was sent arrived, and what arrived the rows know of. */
function judgeRows(one: Case, abandoned: Map<number, Set<number>>, tell: Tell): void {
  const { mails, reminders, deliveries } = one
  if (deliveries.length > 1) tell(`more than one delivery: ${show(one)}`)
  for (const row of deliveries) {
    const reminder = reminders.find((candidate) => candidate.id === row.reminderId)
    // One whose claim was given back, its lease almost over, is a queued one that a cancel may still withdraw.
    const withdrawn = row.state === 'cancelled' && one.cancel !== undefined ? 'CANCELLED' : null
    const projected = row.status === 'SENT' ? 'SENT' : row.state === 'unknown' ? 'FAILED' : withdrawn
    if (projected === null) tell(`a delivery that is neither sent nor held nor withdrawn: ${show(one)}`)
    else if (reminder?.status !== projected) tell(`delivery and reminder disagree: ${show(one)}`)
    if (row.status === 'SENT' && mails.length === 0) tell(`SENT, and no mail arrived: ${show(one)}`)
    if (row.status === 'SENT' && row.messageId !== mails[0]?.messageId)
      tell(`its row names another Message-ID than its mail`)
    // Withdrawn while it waited for its second attempt: the decision is that of the cancel.
    const isWithdrawn = row.state === 'unknown' && one.requeued && one.cancel !== undefined && one.holds === 0
    if ((row.state === 'unknown' ? 1 : 0) !== one.holds && !isWithdrawn)
      tell(`${one.holds} decisions to hold it: ${show(one)}`)
    const over = one.intents.length - row.attempts
    // Who was killed right after giving a claim back could not note it.
    const unnoted = abandoned.get(row.id)?.size ?? 0
    if (over < one.returned || over > one.returned + unnoted) {
      tell(`${row.attempts} attempts, ${one.intents.length} decisions to send, ${one.returned} given back`)
    }
  }
  if (mails.length > 0 && deliveries.length === 0) tell(`a mail arrived that no delivery knows of: ${show(one)}`)
  if (deliveries.length === 0 && reminders.some((row) => row.status === 'SENT' || row.status === 'FAILED')) {
    tell(`a reminder is over without a delivery: ${show(one)}`)
  }
}

/** After the committed cancel no intent, and only those mails that it said were in flight. */
function judgeCancel(one: Case, { committedAt, calledAt, inFlight, way }: Cancel, tell: Tell): void {
  const late = one.mails.filter((mail) => mail.at > committedAt).length
  if (late > inFlight + one.heldStill)
    tell(`${late} mails after ${way}, which said that ${inFlight} were in flight: ${show(one)}`)
  if (one.intents.some((at) => at > committedAt)) tell(`a send was decided on after ${way}: ${show(one)}`)
  const early = one.mails.length - late
  const withdrawn = one.reminders.some((row) => row.status === 'CANCELLED')
  if (withdrawn && one.mails.length > 0) tell(`CANCELLED by ${way}, and a mail arrived: ${show(one)}`)
  // Settled as sent before the call, or being sent when it committed.
  const sent = one.reminders.some((row) => row.status === 'SENT')
  if (inFlight === 0 && sent && early === 0)
    tell(`SENT before ${way} at ${calledAt}, and no mail before it: ${show(one)}`)
}

function judgeChange(one: Case, { way, at }: Change, tell: Tell): void {
  const { mails, reminders, due } = one
  // A stalled test may change the host's data too late; what is right then depends on who came first.
  if (at >= due) return
  if (way === 'readdressed') {
    if (mails.length === 0 && !isHeld(one)) tell(`lost after its address changed: ${show(one)}`)
    if (mails.some((mail) => mail.to !== addressOf(one.id, 'b'))) tell(`a mail to the address that was changed before`)
    return
  }
  if (mails.length > 0) tell(`a mail although the host's data said ${way} before its time: ${show(one)}`)
  const pending = reminders.filter((row) => row.status === 'PENDING')
  const right = way === 'moved' ? pending.length === 1 && pending[0]?.time === due + movedByMs : pending.length === 0
  if (!right) tell(`wrong rows after the host's data said ${way}: ${show(one)}`)
}

/** Nothing is left over, nothing is counted wrong, and nothing went wrong beside it. */
function judgeWhole(run: CrashRun, tell: Tell): void {
  const { plan, reminders, deliveries, mails, dueOf } = run
  const lastDue = Math.max(...dueOf.values())
  const stuck = reminders.filter((row) => row.status === 'PENDING' && row.time <= lastDue)
  const open = deliveries.filter((row) => row.state === 'queued' || row.state === 'sending')
  if (stuck.length > 0) tell(`stuck: ${stuck.length} reminders, such as ${JSON.stringify(stuck[0])}`)
  if (open.length > 0) tell(`stuck: ${open.length} deliveries, such as ${JSON.stringify(open[0])}`)
  if (run.restedAfterMs === null) tell(`not at rest ${plan.restMs} ms after the last due time`)
  const wanted = plan.kills + plan.pauses
  if (run.kills.length !== wanted) tell(`${run.kills.length} kills and pauses instead of ${wanted}`)
  if (run.restedAfterMs !== null && silenceMs(run) > plan.leaseMs + sweepMs + slackMs) {
    tell(`stuck: nothing arrived for ${silenceMs(run)} ms after the last fault, and yet it was not at rest`)
  }
  if (run.cancels.length < plan.cancels || run.changes.length !== plan.changes) tell('not every change was made')
  const strangers = mails.filter((mail) => !dueOf.has(mail.appointmentId))
  if (strangers.length > 0) tell(`${strangers.length} mails of no appointment, such as ${JSON.stringify(strangers[0])}`)
  const count = (status: string) => run.counts.find((one) => one.status === status)?.count ?? 0
  const sent = deliveries.filter((row) => row.status === 'SENT').length
  const held = deliveries.filter((row) => row.state === 'unknown').length
  if (count('SENT') !== sent) tell(`${sent} deliveries are SENT, and ${count('SENT')} were counted`)
  if (count('UNKNOWN') !== held) tell(`${held} deliveries are held, and ${count('UNKNOWN')} were counted`)
  if (run.health !== 'ok') tell(`the database is damaged: ${run.health}`)
  for (const fault of run.faults) tell(`${fault}; said: ${run.said.slice(-3).join(' ')}`)
}

/**
 * Given up as of unknown outcome, as it must be once every allowed attempt died with its worker, or once a transport that
 * lived could not say a second time: its worker stood still in the middle of the message, twice.
 */
const isHeld = ({ deliveries, silences, heldStill }: Case): boolean =>
  deliveries.some(
    (row) =>
      row.state === 'unknown' && (row.attempts > defaultRetryPolicy.maxRetries || (silences >= 2 && heldStill >= 2)),
  )

const show = ({ reminders, deliveries, mails, intents, cancel, due }: Case): string =>
  JSON.stringify({ due, reminders, deliveries, intents, mailsAt: mails.map((mail) => mail.at), cancel })

function casesOf(run: CrashRun): Case[] {
  const mails = Map.groupBy(run.mails, (mail) => mail.appointmentId)
  const reminders = Map.groupBy(run.reminders, (row) => row.appointmentId)
  const deliveries = Map.groupBy(run.deliveries, (row) => row.appointmentId)
  const decided = (action: 'send' | 'held') =>
    Map.groupBy(
      run.decisions.filter((decision) => decision.entries.includes(`"action":"${action}"`)),
      (decision) => decision.appointmentId,
    )
  const [intents, holds] = [decided('send'), decided('held')]
  const requeued = new Set(
    run.settlements.filter((one) => one.applied && one.kind === 'retry' && one.counted).map((one) => one.id),
  )
  const returned = Map.groupBy(
    run.settlements.filter((one) => one.applied && one.kind === 'retry' && !one.counted),
    (one) => one.id,
  )
  const silences = Map.groupBy(
    run.settlements.filter((one) => one.applied && (one.kind === 'unknown' || (one.kind === 'retry' && one.counted))),
    (one) => one.id,
  )
  const stills = new Map<number, number>()
  for (const { appointmentId } of run.kills.flatMap(({ how, holds }) => (how === 'paused' ? holds : []))) {
    stills.set(appointmentId, (stills.get(appointmentId) ?? 0) + 1)
  }
  const cancels = new Map(run.cancels.map((cancel) => [cancel.appointmentId, cancel]))
  const changes = new Map(run.changes.map((change) => [change.appointmentId, change]))
  return [...run.dueOf].map(([id, due]) => ({
    id,
    due,
    mails: mails.get(id) ?? [],
    reminders: reminders.get(id) ?? [],
    deliveries: deliveries.get(id) ?? [],
    intents: (intents.get(id) ?? []).map((decision) => decision.at),
    holds: holds.get(id)?.length ?? 0,
    requeued: (deliveries.get(id) ?? []).some((row) => requeued.has(row.id)),
    silences: (deliveries.get(id) ?? []).reduce((sum, row) => sum + (silences.get(row.id)?.length ?? 0), 0),
    returned: (deliveries.get(id) ?? []).reduce((sum, row) => sum + (returned.get(row.id)?.length ?? 0), 0),
    heldStill: stills.get(id) ?? 0,
    cancel: cancels.get(id),
    change: changes.get(id),
  }))
}

function tallyOf(words: readonly string[]): Record<string, number> {
  const tally: Record<string, number> = {}
  for (const word of words) tally[word] = (tally[word] ?? 0) + 1
  return tally
}
