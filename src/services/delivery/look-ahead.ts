import { type SendQueue, sendQueueKey } from '../../ports/storage.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { Context } from '../shared/context.ts'
import { maxBatchSize } from '../shared/directory/batch.ts'
import type { HostPauses } from './host-pauses.ts'
import { type LookupBatch, lookUpSubjects, type Subject, subjectsOf, type WorkLookups } from './lookups.ts'
import type { Group, QueueHead } from './ready-queue.ts'
import { freshMs, RecentLookups } from './recent-lookups.ts'
import type { DueWork } from './work.ts'

/** How many groups of a queue are looked up at least, if its account has capacity. */
const minAhead = 100
/** How many calls may be waiting for their first result; one that takes longer than this, in ms, no longer counts. */
const maxCalls = 4
const callHoldsMs = 3000
/** While this many calls are waiting, the next one is made only if at least half of the next groups need it. */
const maxSmallCalls = 2
/** A directory that takes longer than this, in ms, is called again before its results are used up or too old. */
const slowMs = 20
/** Organizations whose lookup is usable for less than this, in ms, are looked up along with the appointments. */
const namesAheadMs = 30_000
/** How often the pace of a queue is measured, in ms. */
const paceMs = 100
/** How often, in ms, to check what to look up next while there is work to take. */
const lookMs = 100

/** Messages of a queue taken since `since` (the clock's `elapsedMs`), and messages per ms before that. */
type Pace = { taken: number; since: number; perMs: number }

export type LookAheadSignals = {
  /** Results arrived: there may be work to take, or another call to make. */
  readonly arrived: () => void
  /** The directory fails for everything, or the plans cannot be read. */
  readonly failed: (error: unknown) => void
}

/**
 * Looks up due work in the directory before its account has capacity for it, in batches as large as the port allows, and keeps the
 * results for as long as they are fresh: a directory that takes a second must not limit an account with ten places to ten messages a
 * second. Sending never waits here: work with lookups is taken as soon as there is capacity.
 */
export class LookAhead {
  readonly #context: Context
  readonly #pauses: HostPauses
  readonly #signals: LookAheadSignals
  readonly #lookups: RecentLookups
  /** Subjects that are being looked up, each with its call. */
  readonly #lookingUp = new Map<string, symbol>()
  readonly #paces = new Map<string, Pace>()
  #calls = 0
  #askedAt = Number.NEGATIVE_INFINITY
  /** How long the directory usually takes, in ms. */
  #usualMs = 0

  constructor(context: Context, pauses: HostPauses, signals: LookAheadSignals) {
    this.#context = context
    this.#pauses = pauses
    this.#signals = signals
    this.#lookups = new RecentLookups(context.options.clock)
  }

  isKnown(group: Group): boolean {
    return !this.#pauses.isPaused(group.subject) && this.#lookups.leftMs(group) > 0
  }

  /** With a slow directory, work is read and looked up earlier. */
  get isSlow(): boolean {
    return this.#usualMs > slowMs
  }

  /** How many groups of the queue are taken while a slow directory is called, or a few more. */
  readonly takenMeanwhile = (queue: SendQueue): number =>
    this.isSlow ? 2 * this.#paceOf(queue).perMs * this.#usualMs : 0

  /** The lookups of work that is taken now; counts it for the pace of its queues. */
  take(works: readonly DueWork[]): WorkLookups {
    for (const due of works) this.#paceOf(due.target).taken += 1
    return this.#lookups.lookupsOf(works)
  }

  /** Lookups of the appointment, also those under way, are not used. */
  reported(appointmentId: EntityId): void {
    this.#lookups.reported(appointmentId)
  }

  /** Its lookup is outdated. */
  forget(due: DueWork): void {
    this.#lookups.forget(due.subject)
  }

  /** Forgets its lookup, and does not look it up for this long; `Infinity`: until `pause` is called again. */
  pause(due: DueWork, ms: number): void {
    this.#pause(due.subject, due.target.organizationId, ms)
  }

  /** Time to check what to look up next: results have arrived, or it is a while ago. */
  get isDue(): boolean {
    return this.#now - this.#askedAt >= lookMs
  }

  /** Looks up the next groups of each queue, in turn. */
  lookUpNext(queues: readonly QueueHead[], hasRoom: (queue: SendQueue) => boolean): void {
    this.#askedAt = this.#now
    this.#lookups.purge()
    this.#pauses.purge()
    for (const [key, { since }] of this.#paces) if (this.#now - since > 60 * paceMs) this.#paces.delete(key)
    const next = queues.map((head) => this.#nextOf(head, hasRoom(head.queue)))
    while (this.#calls < maxCalls) {
      const groups = inTurn(next, maxBatchSize)
      if (groups.length === 0) return
      void this.#lookUp(subjectsOf(groups))
    }
  }

  /** Groups to look up: as many as may be taken until the next results have arrived and are used up. */
  #nextOf({ queue, groups }: QueueHead, hasRoom: boolean): Group[] {
    if (this.#pauses.isPutOff(queue.organizationId)) return []
    const { perMs } = this.#paceOf(queue)
    const most = (hasRoom ? minAhead : 0) + 2 * perMs * (this.#usualMs + freshMs)
    const wanted: Group[] = []
    let index = 0
    for (const group of groups.values()) {
      if (index >= most) break
      if (this.#isWanted(group, index, perMs)) wanted.push(group)
      index += 1
    }
    // Otherwise there would be a call for every few messages taken.
    return wanted.length < index / 2 && this.#calls >= maxSmallCalls ? [] : wanted
  }

  #isWanted(group: Group, index: number, perMs: number): boolean {
    if (this.#lookingUp.has(group.subject) || this.#pauses.isPaused(group.subject)) return false
    const leftMs = this.#lookups.leftMs(group)
    // The lookup may be used up, or too old, before the next results arrive.
    return leftMs === 0 || (this.isSlow && this.#usualMs >= leftMs && index >= perMs * leftMs)
  }

  /** Never rejects. */
  async #lookUp(subjects: readonly Subject[]): Promise<void> {
    const askedAt = this.#now
    let isCounted = true
    /** First results have arrived, or it takes long: the next call may be made. */
    const callDone = () => {
      if (isCounted) {
        const ms = this.#now - askedAt
        this.#usualMs = this.#usualMs === 0 ? ms : this.#usualMs + (ms - this.#usualMs) / 5
        this.#calls -= 1
      }
      isCounted = false
      this.#askedAt = Number.NEGATIVE_INFINITY
      this.#signals.arrived()
    }
    const call = Symbol('call')
    const asked = this.#lookups.moment()
    this.#calls += 1
    for (const { subject } of subjects) this.#lookingUp.set(subject, call)
    const open = new Set(subjects)
    const answered = new Set<string>()
    const organizations = new Set(subjects.map(({ organizationId }) => organizationId))
    const unknown = [...organizations].filter((id) => this.#lookups.organizationLeftMs(id) < namesAheadMs)
    const onBatch = (batch: LookupBatch) => {
      this.#storeBatch(batch, asked, answered)
      for (const one of open) {
        if (!answered.has(one.subject) || this.#lookups.organizationLeftMs(one.organizationId) === 0) continue
        open.delete(one)
        if (this.#lookingUp.get(one.subject) === call) this.#lookingUp.delete(one.subject)
      }
      if (open.size < subjects.length) callDone()
    }
    const cancel = this.#context.options.clock.after(callHoldsMs, callDone)
    try {
      await lookUpSubjects(this.#context, subjects, unknown, onBatch, true)
    } catch (error) {
      this.#signals.failed(error)
    }
    cancel()
    // What got no result is not looked up again at once.
    for (const { subject, organizationId } of open) {
      if (this.#lookingUp.get(subject) !== call) continue
      this.#lookingUp.delete(subject)
      if (!this.#pauses.isPaused(subject)) this.#pause(subject, organizationId)
    }
    callDone()
  }

  #storeBatch({ subjects, organizations }: LookupBatch, asked: number, answered: Set<string>): void {
    let isAnswered = false
    for (const { id, lookup } of organizations) {
      if (lookup.kind !== 'unanswered') {
        this.#lookups.addOrganization(id, lookup)
        isAnswered = true
      } else if (lookup.concerns === 'all') this.#signals.failed(lookup.error)
      else this.#pauses.putOff(id, lookup.error)
    }
    for (const { about, known } of subjects) {
      const { subject, organizationId } = about
      const lookup = known.appointment.kind === 'unanswered' ? known.appointment : known.waitlistEntry
      if (lookup.kind !== 'unanswered' || (lookup.concerns === 'one' && this.#pauses.isCrowded(organizationId))) {
        this.#lookups.add(subject, known, asked)
        answered.add(subject)
        isAnswered ||= lookup.kind !== 'unanswered'
      } else if (lookup.concerns === 'all') this.#signals.failed(lookup.error)
      else if (lookup.concerns === 'organization') this.#pauses.putOff(organizationId, lookup.error)
      else this.#pause(subject, organizationId, lookup.error.retryAfterMs)
    }
    if (isAnswered) this.#pauses.answered()
  }

  #pause(subject: string, organizationId: string, ms?: number): void {
    this.#lookups.forget(subject)
    this.#pauses.pause(subject, organizationId, ms)
  }

  #paceOf(queue: SendQueue): Pace {
    const key = sendQueueKey(queue)
    const now = this.#now
    const pace = this.#paces.get(key) ?? { taken: 0, since: now, perMs: 0 }
    this.#paces.set(key, pace)
    const ms = now - pace.since
    if (ms >= paceMs) {
      pace.perMs = (pace.perMs + pace.taken / ms) / 2
      pace.taken = 0
      pace.since = now
    }
    return pace
  }

  get #now(): number {
    return this.#context.options.clock.elapsedMs()
  }
}

/** Takes one of each list in turn, at most `most`. */
function inTurn<T>(lists: T[][], most: number): T[] {
  const taken: T[] = []
  let index = 0
  for (let left = lists.filter((list) => list.length > 0); left.length > 0 && taken.length < most; index += 1) {
    const list = left[index % left.length]
    const next = list?.shift()
    if (next !== undefined) taken.push(next)
    if (list?.length === 0) left = left.filter((one) => one.length > 0)
  }
  return taken
}
