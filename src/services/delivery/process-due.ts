import { type Rivalry, resolveRivals } from '../../domain/rivals.ts'
import type { CheckResult } from '../../domain/timely.ts'
import { isNotificationError } from '../../errors.ts'
import type { DeliveryRow, IntentCommand } from '../../ports/storage.ts'
import type { Store } from '../../records/store.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { Person } from '../../schemas/directory.ts'
import { type AlsoNamed, type Worded, wordedFor } from '../messages/worded.ts'
import { batchOrEach } from '../shared/batch-or-each.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'
import { askingOf } from './asking.ts'
import { calendarFilesOf } from './calendar-files.ts'
import { checkDue, isUnreportedChange } from './check-due.ts'
import { type BatchContext, type Checked, type CheckedBatch, isSendable, type Sendable } from './checked.ts'
import { type Companions, companionsOf } from './companions.ts'
import { cancel, type Decided, entryOf, fail, hold, ruleOf, worksIn } from './decisions.ts'
import { fallbackOf } from './fallbacks.ts'
import type { WorkLookups } from './lookups.ts'
import { type DueWork, logFieldsOf, mayHaveGoneOut, workRefOf } from './work.ts'

/** Where checked messages go: to a transport of this process, or to TaskManager. */
export type Outlet = {
  /** The intent of one that is to be sent; null: not now, it stays due. */
  readonly send: (one: Sendable, batch: BatchContext) => Decided | null
  /** Replies to what goes out by it reach the library, so that messages may ask for an answer. */
  readonly asks?: true
  /** Several reminders can go out in one message. */
  readonly gathers?: true
  /** What happens to one that cannot be decided now; null: it stays due. */
  readonly wait: (one: Checked, result: Extract<CheckResult, { kind: 'wait' }>, batch: BatchContext) => Decided | null
  /** Results that replace those of the checks; called with the whole batch. */
  readonly overrule?: (checkedBatch: CheckedBatch) => Promise<ReadonlyMap<DueWork, CheckResult>>
  /** The decision was written; `delivery`: what is sent, handed over or given up; `together`: the others that go out in its message. */
  readonly written: (one: Decided, delivery: DeliveryRow | null, together?: readonly DeliveryRow[]) => void
  /** The decision was not written: release what was reserved for it. */
  readonly unwritten: (one: Decided) => void
}

/** How a batch of due work was processed. What is in no list stays due. */
export type ProcessedBatch = {
  /** When it was decided. */
  readonly now: Date
  readonly written: readonly Decided[]
  /** Not written: it was changed meanwhile, or is also in `locked`, `capped`, `limited` or `spent`. */
  readonly lost: readonly Decided[]
  /** Of these, those that the database refused to write. */
  readonly refused: ReadonlySet<DueWork>
  /** Another transaction has locked its rows. */
  readonly locked: readonly Decided[]
  /** To be put off by `putOffCapped`: the organization reached its daily cap. */
  readonly capped: readonly Decided[]
  /** The account sent as much as it may today. */
  readonly limited: readonly Decided[]
  /** The person gets no more messages on that day: to be given up by `giveUpSpent`. */
  readonly spent: readonly Decided[]
  /** Appointments that differ from their plan, and must be planned anew. */
  readonly moved: ReadonlySet<EntityId>
}

/** What is to become of a batch. */
export type DecidedBatch = Pick<ProcessedBatch, 'moved'> & { readonly decided: readonly Decided[] }

/** `decideDue`, then `commitDecided`. */
export const processDue = async (
  context: Context,
  works: readonly DueWork[],
  outlet: Outlet,
): Promise<ProcessedBatch> => commitDecided(context, await decideDue(context, works, outlet), outlet)

/**
 * Checks due work against the current state (`known`, or else looked up), and decides it.
 * @throws NotificationError `directory_failed` or `directory_invalid` if the directory fails for everything.
 */
export async function decideDue(
  context: Context,
  works: readonly DueWork[],
  outlet: Outlet,
  known?: WorkLookups,
): Promise<DecidedBatch> {
  const checkedBatch = await checkDue(context, works, known)
  const overruled = outlet.overrule === undefined ? null : await outlet.overrule(checkedBatch)
  const companions = outlet.gathers === true ? await companionsOf(context, checkedBatch) : null
  const all = companions === null ? checkedBatch.checked : [...checkedBatch.checked, ...companions.others]
  const [asking, calendarFiles] =
    outlet.asks === true
      ? await Promise.all([askingOf(context, all, checkedBatch), calendarFilesOf(context, all, checkedBatch)])
      : [null, null]
  return decideAll({ ...checkedBatch, asking, calendarFiles }, outlet, overruled, companions)
}

/** Commits the decisions if what they rest on has not changed. */
export async function commitDecided(
  { options: { storage, clock, logger } }: Context,
  { decided, moved }: DecidedBatch,
  outlet: Outlet,
): Promise<ProcessedBatch> {
  const now = clock.now()
  const commands = decided.map(({ command }) => command)
  const links = decided.flatMap((one) => one.links ?? [])
  // Before the intents: of a link without a message nobody knows, but one that is sent must lead somewhere.
  const stored = links.length === 0 ? Promise.resolve() : storage.links.add(links)
  const committed = stored.then(() => commitIntents(storage, commands, now))
  const outcomes = await committed.catch((error) => {
    for (const one of decided) outlet.unwritten(one)
    throw error
  })
  const written: Decided[] = []
  const lost: Decided[] = []
  const refused = new Set<DueWork>()
  const locked: Decided[] = []
  const capped: Decided[] = []
  const limited: Decided[] = []
  const spent: Decided[] = []
  for (const [index, one] of decided.entries()) {
    const outcome = outcomes[index]
    if (isNotificationError(outcome)) {
      if (outcome.code !== 'storage_busy') refused.add(one.due)
      logger.error('decision not written', { ...logFieldsOf(one.due), fault: outcome.code })
    } else if (outcome?.status === 'committed') {
      written.push(one)
      outlet.written(one, outcome.delivery, outcome.together)
      continue
    } else if (outcome?.status === 'held') locked.push(one)
    else if (outcome?.status === 'capped') capped.push(one)
    else if (outcome?.status === 'limited') limited.push(one)
    else if (outcome?.status === 'spent') spent.push(one)
    lost.push(one)
    outlet.unwritten(one)
  }
  return { now, written, lost, refused, locked, capped, limited, spent, moved }
}

/** Stores one batch at a time, while the next one is decided. */
export class Storing {
  #last: Promise<boolean> | null = null

  get isUnderWay(): boolean {
    return this.#last !== null
  }

  /** Begins when nothing is being stored; resolves then, as `done`, and rejects as what was stored before. */
  async begin(store: () => Promise<boolean>): Promise<boolean> {
    const before = this.done()
    await Promise.allSettled([before])
    this.#last = store()
    // It is awaited by who comes next; until then a rejection must not count as unhandled.
    this.#last.catch(() => {})
    return before
  }

  /** Resolves when nothing is being stored: false if what was stored last changed nothing. */
  done(): Promise<boolean> {
    const last = this.#last ?? Promise.resolve(true)
    this.#last = null
    return last
  }
}

/** In the order of the commands. One that the database refuses stops no other. */
export const commitIntents = ({ deliveries }: Store, commands: readonly IntentCommand[], now: Date) =>
  batchOrEach(commands, (some) => deliveries.commitIntents(some, now))

/**
 * What happens to each. Of several late reminders of one appointment, recipient and channel, only the nearest to the start is sent
 * (`resolveRivals`; reminders in other batches: `siblings.ts`); one for several recipients with the same address is sent once.
 */
function decideAll(
  checkedBatch: CheckedBatch,
  outlet: Outlet,
  overruled: ReadonlyMap<DueWork, CheckResult> | null,
  companions: Companions | null,
): DecidedBatch {
  const { checked, planOf, now } = checkedBatch
  const { superseded, mergedInto } = rivalryOf(checked, now)
  const joins = (index: number) => {
    const due = checked[index]?.due
    return due !== undefined && mergedInto.has(index) && !mayHaveGoneOut(due)
  }
  /** By the one they are merged into. */
  const joining = Map.groupBy([...mergedInto.keys()].filter(joins), (index) => mergedInto.get(index))
  const decided: Decided[] = []
  const ended = new Set<number>()
  const batch = { ...checkedBatch, decided: ended }
  /** What goes out in no other's message. */
  const taken = new Set([...superseded].flatMap((index) => checked[index]?.due.reminder?.id ?? []))
  const end = ({ reminder }: DueWork) => {
    if (reminder === null) return
    ended.add(reminder.id)
    taken.add(reminder.id)
  }
  const moved = new Set<EntityId>()
  for (const [index, checkedOne] of checked.entries()) {
    const { due, result } = checkedOne
    const { appointmentId } = due.target
    if (due.delivery?.state !== 'sending' && appointmentId !== null && isUnreportedChange(result, planOf(due))) {
      moved.add(appointmentId)
      continue
    }
    if (joins(index) || (due.reminder !== null && ended.has(due.reminder.id))) continue
    const joined = (joining.get(index) ?? [])
      .flatMap((other) => checked[other] ?? [])
      .filter((other) => other.due.reminder === null || !ended.has(other.due.reminder.id))
    const theirs = joined.flatMap(recipientOf)
    const others = [...checkedOne.others, ...theirs]
    const final = overruled?.get(due) ?? (superseded.has(index) ? nearerReminder : result)
    const along = final.kind === 'send' && isSendable(checkedOne) ? (companions?.of(checkedOne, taken) ?? []) : []
    const whole = { ...checkedOne, result: final, others, joined: theirs, companions: along }
    const counted = along.flatMap(({ one: { due } }) => due.reminder?.id ?? [])
    const around = along.length === 0 ? batch : { ...batch, decided: new Set([...ended, ...counted]) }
    const one = decide(whole, around, outlet)
    if (one === null) continue
    decided.push(joined.length === 0 ? one : withMerged(one, joined))
    if (one.command.kind === 'defer') continue
    for (const work of [...worksIn(one), ...joined.map((other) => other.due)]) end(work)
  }
  return { decided, moved }
}

/** The reminders merged into a message end with it. */
function withMerged(one: Decided, others: readonly Checked[]): Decided {
  const { command } = one
  if (!('merged' in command)) return one
  const rule = 'same_address'
  const merged = others.map(({ due }) => ({ work: workRefOf(due), rule }) as const)
  const entries = [...command.decision.entries, ...others.map(({ due }) => entryOf(due, 'merged', rule))]
  return { ...one, command: { ...command, merged, decision: { ...command.decision, entries } } }
}

const nearerReminder = { kind: 'cancel', rule: 'nearer_reminder' } as const

function decide(one: Checked, batch: BatchContext, outlet: Outlet): Decided | null {
  const { due, result } = one
  if (isSendable(one)) return outlet.send(one, batch)
  if (result.kind === 'wait') return outlet.wait(one, result, batch)
  const rule = ruleOf(result)
  // What may have reached somebody must not be recorded as never sent.
  if (mayHaveGoneOut(due)) return hold(due, rule)
  if (result.kind === 'refuse') return fail(due, 'refused', rule, fallbackOf(one, batch.knowledge, rule))
  const isInstead = result.kind === 'cancel' && result.instead !== undefined
  // What is in place of another message passes on to the next channel; a person's own message that is not wanted just ends.
  const passedOn = one.fallback === undefined ? null : fallbackOf(one, batch.knowledge, rule)
  const fallback = (isInstead ? one.fallback : passedOn) ?? null
  // A reminder that another channel takes over from has a row in the history, which the other one is in place of.
  if (due.kind === 'reminder' && fallback !== null) return fail(due, 'refused', rule, fallback)
  return cancel(due, rule, result.kind === 'cancel' ? result.detail : undefined, fallback)
}

/** A message as it is worded at `now`; null: its template fails, which stops no other message. */
export function wordedAt(
  { options }: Context,
  { due, result, subject, others, changed, isReinstated }: Sendable,
  { knowledge }: Pick<BatchContext, 'knowledge'>,
  now: Date,
  askCode?: string | null,
  also?: readonly AlsoNamed[],
): Worded | null {
  const { organizationId, channel, category } = due.target
  const { recipient } = result
  try {
    const about = { organizationId, channel, category, subject, recipient, others, changed, isReinstated, askCode, now }
    const isFreeText = result.because === 'free_text'
    return wordedFor({ isFreeText, ...about, ...(also === undefined ? {} : { also }) }, knowledge)
  } catch (error) {
    options.logger.error('message not rendered', { ...logFieldsOf(due), fault: faultOf(error) })
    return null
  }
}

/** Which reminders are superseded or merged. Those not yet due compete only with those of the same time. */
function rivalryOf(checked: readonly Checked[], now: Date): Rivalry {
  const byAppointment = Map.groupBy(checked.entries(), ([, { due }]) => {
    const time = due.reminder?.reminderTime.getTime() ?? 0
    return time <= now.getTime() ? due.subject : `${due.subject} ${time}`
  })
  const superseded = new Set<number>()
  const mergedInto = new Map<number, number>()
  for (const ones of byAppointment.values()) {
    if (ones.length < 2) continue
    const rivals = ones.flatMap(([key, { due, result }]) => {
      if (result.kind !== 'send' || due.reminder === null) return []
      const { recipient, channel, reminderTime, hoursBefore } = due.reminder
      return [{ key, recipient, channel, reminderTime, hoursBefore, address: result.address }]
    })
    const found = resolveRivals(rivals)
    for (const key of found.superseded) superseded.add(key)
    for (const [key, into] of found.mergedInto) mergedInto.set(key, into)
  }
  return { superseded, mergedInto }
}

const recipientOf = ({ result }: Checked): Person[] => (result.kind === 'send' ? [result.recipient] : [])
