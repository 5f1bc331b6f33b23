import { type SendQueue, sendQueueKey } from '../../ports/storage.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { Context } from '../shared/context.ts'
import { maxBatchSize } from '../shared/directory/batch.ts'
import type { HostPauses } from './host-pauses.ts'
import { askAbout, type News, type Subject, subjectsOf, type WorkLookups } from './lookups.ts'
import type { Group, QueueHead } from './ready-queue.ts'
import { freshMs, RecentLookups } from './recent-lookups.ts'
import { type DueWork, subjectKey, targetOf } from './work.ts'

/** Groups of a queue that are asked about at least, where its account has room. */
const leastAhead = 100
/** So many questions keep the next from being asked, each until something of it is answered or for so long, in ms. */
const mostQuestions = 4
const questionHoldsMs = 3000
/** While so many are under way, the next question waits until half of what comes next is to be asked about. */
const mostSmall = 2
/** A directory that takes longer is asked again before what it said is used up or too old, in ms. */
const slowMs = 20
/** Names of organizations that are good for less than this are asked for with the rest, in ms. */
const namesAheadMs = 30_000
/** How often it is looked at how fast a queue goes, in ms. */
const paceMs = 100
/** How often it is looked what is to be asked about while there is something to take, in ms. */
const lookMs = 100

/** How much of a queue was taken since `since`, by the clock's `elapsedMs`, and how much a ms before that. */
type Pace = { taken: number; since: number; perMs: number }

export type LookAheadSignals = {
  /** There may be something to take, or to ask about, that was not there before. */
  readonly arrived: () => void
  /** The host answers for nobody, or the plans cannot be read. */
  readonly failed: (error: unknown) => void
}

/**
 * Asks the host about due work before there is room to send it, in questions as large as the port allows, and keeps what it says for
 * as long as that is fresh: a directory that takes a second must not limit an account to as many messages a second as it has places.
 * Nobody waits for it here: what is known is taken when there is room.
 */
export class LookAhead {
  readonly #context: Context
  readonly #pauses: HostPauses
  readonly #signals: LookAheadSignals
  readonly #known: RecentLookups
  /** Subjects that a question is under way about, each with that question. */
  readonly #asking = new Map<string, symbol>()
  readonly #paces = new Map<string, Pace>()
  #questions = 0
  #askedAt = Number.NEGATIVE_INFINITY
  /** How long an answer takes, in ms. */
  #usualMs = 0

  constructor(context: Context, pauses: HostPauses, signals: LookAheadSignals) {
    this.#context = context
    this.#pauses = pauses
    this.#signals = signals
    this.#known = new RecentLookups(context.options.clock)
  }

  isKnown(group: Group): boolean {
    return !this.#pauses.isHeld(group.subject) && this.#known.leftMs(group) > 0
  }

  /** A directory that is slow is to be asked early, and work to be read before the last of it is sent. */
  get isSlow(): boolean {
    return this.#usualMs > slowMs
  }

  /** What is known of work that was taken, which makes its queues as fast. */
  take(works: readonly DueWork[]): WorkLookups {
    for (const due of works) this.#paceOf(targetOf(due)).taken += 1
    return this.#known.of(works)
  }

  /** What was heard of the appointment, or is asked about it now, is not to be used. */
  reported(appointmentId: EntityId): void {
    this.#known.reported(appointmentId)
  }

  /** What is known of it is no longer so. */
  forget(due: DueWork): void {
    this.#known.forget(subjectKey(due))
  }

  /** Forgets what is known of it, and does not ask about it for so long; `Infinity`: until it is held for another time. */
  hold(due: DueWork, ms: number): void {
    this.#hold(subjectKey(due), targetOf(due).organizationId, ms)
  }

  /** What is known grows old: it is time to look what is to be asked about. */
  get isDue(): boolean {
    return this.#now - this.#askedAt >= lookMs
  }

  /** Asks about what comes next in each queue, in turn. */
  ask(queues: readonly QueueHead[], hasRoom: (queue: SendQueue) => boolean): void {
    this.#askedAt = this.#now
    this.#known.purge()
    this.#pauses.purge()
    for (const [key, { since }] of this.#paces) if (this.#now - since > 60 * paceMs) this.#paces.delete(key)
    const next = queues.map((head) => this.#nextOf(head, hasRoom(head.queue)))
    while (this.#questions < mostQuestions) {
      const groups = inTurn(next, maxBatchSize)
      if (groups.length === 0) return
      void this.#question(subjectsOf(groups))
    }
  }

  /** Groups to ask about: as many as may be taken until the next answer is there and used up. */
  #nextOf({ queue, groups }: QueueHead, hasRoom: boolean): Group[] {
    if (this.#pauses.isPutOff(queue.organizationId)) return []
    const { perMs } = this.#paceOf(queue)
    const most = (hasRoom ? leastAhead : 0) + 2 * perMs * (this.#usualMs + freshMs)
    const wanted: Group[] = []
    let index = 0
    for (const group of groups.values()) {
      if (index >= most) break
      if (this.#isWanted(group, index, perMs)) wanted.push(group)
      index += 1
    }
    // A question for every few that were taken would be as many questions as there are places.
    return wanted.length < index / 2 && this.#questions >= mostSmall ? [] : wanted
  }

  #isWanted(group: Group, index: number, perMs: number): boolean {
    if (this.#asking.has(group.subject) || this.#pauses.isHeld(group.subject)) return false
    const leftMs = this.#known.leftMs(group)
    // What is known may be used before the next answer is there, or be too old by then.
    return leftMs === 0 || (this.isSlow && this.#usualMs >= leftMs && index >= perMs * leftMs)
  }

  /** Never rejects. */
  async #question(subjects: readonly Subject[]): Promise<void> {
    const askedAt = this.#now
    let isCounted = true
    /** Something is known, or it takes long: the next question may be asked. */
    const goOn = () => {
      if (isCounted) {
        const ms = this.#now - askedAt
        this.#usualMs = this.#usualMs === 0 ? ms : this.#usualMs + (ms - this.#usualMs) / 5
        this.#questions -= 1
      }
      isCounted = false
      this.#signals.arrived()
    }
    const question = Symbol('question')
    const asked = this.#known.moment()
    this.#questions += 1
    for (const { subject } of subjects) this.#asking.set(subject, question)
    const open = new Set(subjects)
    const heard = new Set<string>()
    const organizations = new Set(subjects.map(({ organizationId }) => organizationId))
    const unknown = [...organizations].filter((id) => this.#known.organizationLeftMs(id) < namesAheadMs)
    const hear = (news: News) => {
      this.#hear(news, asked, heard)
      for (const one of open) {
        if (!heard.has(one.subject) || this.#known.organizationLeftMs(one.organizationId) === 0) continue
        open.delete(one)
        if (this.#asking.get(one.subject) === question) this.#asking.delete(one.subject)
      }
      if (open.size < subjects.length) goOn()
    }
    const cancel = this.#context.options.clock.after(questionHoldsMs, goOn)
    try {
      await askAbout(this.#context, subjects, unknown, hear, true)
    } catch (error) {
      this.#signals.failed(error)
    }
    cancel()
    // Whatever is still not known is not to be asked about again at once.
    for (const { subject, organizationId } of open) {
      if (this.#asking.get(subject) !== question) continue
      this.#asking.delete(subject)
      if (!this.#pauses.isHeld(subject)) this.#hold(subject, organizationId)
    }
    goOn()
  }

  #hear({ subjects, organizations }: News, asked: number, heard: Set<string>): void {
    let isAnswered = false
    for (const { id, lookup } of organizations) {
      if (lookup.kind !== 'unanswered') {
        this.#known.learnOrganization(id, lookup)
        isAnswered = true
      } else if (lookup.concerns === 'all') this.#signals.failed(lookup.error)
      else this.#pauses.putOff(id, lookup.error)
    }
    for (const { about, known } of subjects) {
      const { subject, organizationId } = about
      const lookup = known.appointment.kind === 'unanswered' ? known.appointment : known.waitlistEntry
      if (lookup.kind !== 'unanswered' || (lookup.concerns === 'one' && this.#pauses.isCrowded(organizationId))) {
        this.#known.learn(subject, known, asked)
        heard.add(subject)
        isAnswered ||= lookup.kind !== 'unanswered'
      } else if (lookup.concerns === 'all') this.#signals.failed(lookup.error)
      else if (lookup.concerns === 'organization') this.#pauses.putOff(organizationId, lookup.error)
      else this.#hold(subject, organizationId, lookup.error.retryAfterMs)
    }
    if (isAnswered) this.#pauses.answered()
  }

  #hold(subject: string, organizationId: string, ms?: number): void {
    this.#known.forget(subject)
    this.#pauses.hold(subject, organizationId, ms)
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

/** Takes one of each list in turn, and at most so many. */
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
