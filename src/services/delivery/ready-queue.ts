import { type SendQueue, sendQueueKey } from '../../ports/storage.ts'
import type { Fit, GroupPlace } from './account-capacity.ts'
import { type DueWork, groupKey, workKey } from './work.ts'

/** Work of one appointment on one channel, which is decided together. */
export type Group = {
  readonly key: string
  /** The appointment or waitlist entry it is about: groups of several channels share one. */
  readonly subject: string
  readonly organizationId: string
  readonly works: DueWork[]
  /** The `workKey` of each. */
  readonly workKeys: string[]
}

export type QueueHead = {
  readonly queue: SendQueue
  /** By their key, earliest first. */
  readonly groups: Map<string, Group>
  /** Storage may have more of it. */
  more: boolean
  readonly readAt: number
  /** How many groups there were when it was read. */
  readonly size: number
}

/** How long rows that were read and could not be sent are good for; older ones are read again. */
const freshMs = 1000

/** Due work that was read and is not begun, by queue. A thousand rows or two at most, and those of full queues for a moment. */
export class ReadyQueue {
  /** In turn: who was served last is the last. */
  #queues = new Map<string, QueueHead>()
  /** There was more than could be read at once. */
  #cut = false

  clear(): void {
    this.#queues.clear()
    this.#cut = false
  }

  /** Takes what was read at `now`, for all queues but `except`, which keep what is fresh. */
  refill(works: readonly DueWork[], more: readonly SendQueue[], except: readonly SendQueue[], now: number): void {
    const before = this.#queues
    this.#queues = new Map()
    this.#cut = more.length > 0
    const isLonger = new Set(more.map(sendQueueKey))
    for (const [key, own] of Map.groupBy(works, (due) => sendQueueKey(due.target))) {
      const [first] = own
      if (first === undefined) continue
      const { organizationId } = first.target
      const groups = new Map<string, Group>()
      for (const due of own) {
        const key = groupKey(due)
        const group = groups.get(key)
        if (group === undefined) {
          const subject = due.subject
          groups.set(key, { key, subject, organizationId, works: [due], workKeys: [workKey(due)] })
        } else {
          group.works.push(due)
          group.workKeys.push(workKey(due))
        }
      }
      this.#queues.set(key, { queue: first.target, groups, more: isLonger.has(key), readAt: now, size: groups.size })
    }
    for (const queue of more)
      if (!this.#queues.has(sendQueueKey(queue))) this.#queues.set(sendQueueKey(queue), empty(queue, now))
    for (const queue of except) {
      const key = sendQueueKey(queue)
      const head = before.get(key)
      // It was not read: more may be due by now.
      if (head !== undefined && now - head.readAt < freshMs) this.#queues.set(key, { ...head, more: true })
      else this.#addTo(queue)
    }
  }

  /** Whole groups that are known, of all queues in turn, as long as they fit. */
  take(
    isKnown: (group: Group) => boolean,
    fits: (queue: SendQueue, group: GroupPlace) => Fit,
    limit: number,
  ): DueWork[] {
    const taken: DueWork[] = []
    let waiting = [...this.#queues].map(([key, head]) => ({ key, head, groups: head.groups.values() }))
    while (waiting.length > 0 && taken.length < limit) {
      waiting = waiting.filter(({ key, head, groups }) => {
        if (taken.length >= limit) return false
        const group = firstOf(groups, isKnown)
        if (group === undefined) return false
        const { key: place, subject, works } = group
        const fit = fits(head.queue, { key: place, subject, size: works.length })
        if (fit !== 'yes') return fit === 'others'
        head.groups.delete(group.key)
        taken.push(...group.works)
        this.#queues.delete(key)
        if (head.groups.size > 0 || head.more) this.#queues.set(key, head)
        return true
      })
    }
    return taken
  }

  /** It was taken, and is still to be decided. */
  putBack(due: DueWork): void {
    this.#addTo(due.target)
  }

  /**
   * Whether reading again may find work that could be sent now; `meanwhile`: how many groups are taken before what is read now can be,
   * of which the queue has at most half when it is read again.
   */
  isHungry(mayGo: (queue: SendQueue) => boolean, meanwhile: (queue: SendQueue) => number): boolean {
    let isEmpty = true
    for (const { queue, groups, more, size } of this.#queues.values()) {
      if (groups.size > 0) isEmpty = false
      if (more && groups.size <= Math.min(size / 2, meanwhile(queue)) && mayGo(queue)) return true
    }
    return isEmpty && this.#cut
  }

  get isEmpty(): boolean {
    return this.#queues.size === 0 && !this.#cut
  }

  /** Queues that have, or may have, work; in turn. */
  get queues(): readonly QueueHead[] {
    return [...this.#queues.values()]
  }

  #addTo(queue: SendQueue): void {
    const head = this.#queues.get(sendQueueKey(queue))
    if (head !== undefined) head.more = true
    else this.#queues.set(sendQueueKey(queue), empty(queue, 0))
  }
}

const empty = (queue: SendQueue, readAt: number): QueueHead => ({
  queue,
  groups: new Map(),
  more: true,
  readAt,
  size: 0,
})

function firstOf(groups: Iterator<Group>, isKnown: (group: Group) => boolean): Group | undefined {
  for (let next = groups.next(); next.done !== true; next = groups.next()) if (isKnown(next.value)) return next.value
  return undefined
}
