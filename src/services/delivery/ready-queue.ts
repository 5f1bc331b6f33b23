import { type Lane, laneKey } from '../../ports/storage.ts'
import { type DueWork, factsOf, groupKey, subjectKey, workKey } from './work.ts'

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

export type LaneQueue = {
  readonly lane: Lane
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

/** Due work that was read and is not begun, by lane. A few hundred rows at most, and those of full lanes for a moment. */
export class ReadyQueue {
  /** In turn: who was served last is the last. */
  #lanes = new Map<string, LaneQueue>()
  /** There was more than could be read at once. */
  #cut = false

  clear(): void {
    this.#lanes.clear()
    this.#cut = false
  }

  /** Takes what was read at `now`, for all lanes but `except`, which keep what is fresh. */
  refill(works: readonly DueWork[], more: readonly Lane[], except: readonly Lane[], now: number): void {
    const before = this.#lanes
    this.#lanes = new Map()
    this.#cut = more.length > 0
    const isLonger = new Set(more.map(laneKey))
    for (const [key, own] of Map.groupBy(works, (due) => laneKey(factsOf(due)))) {
      const [first] = own
      if (first === undefined) continue
      const { organizationId } = factsOf(first)
      const groups = new Map<string, Group>()
      for (const due of own) {
        const key = groupKey(due)
        const group = groups.get(key)
        if (group === undefined) {
          const subject = subjectKey(due)
          groups.set(key, { key, subject, organizationId, works: [due], workKeys: [workKey(due)] })
        } else {
          group.works.push(due)
          group.workKeys.push(workKey(due))
        }
      }
      this.#lanes.set(key, { lane: factsOf(first), groups, more: isLonger.has(key), readAt: now, size: groups.size })
    }
    for (const lane of more) if (!this.#lanes.has(laneKey(lane))) this.#lanes.set(laneKey(lane), empty(lane, now))
    for (const lane of except) {
      const key = laneKey(lane)
      const queue = before.get(key)
      if (queue !== undefined && now - queue.readAt < freshMs) this.#lanes.set(key, queue)
      else this.#addTo(lane)
    }
  }

  /** Whole groups that are known, of all lanes in turn, as long as they fit. */
  take(
    isKnown: (group: Group) => boolean,
    fits: (lane: Lane, group: string, size: number) => boolean,
    limit: number,
  ): DueWork[] {
    const taken: DueWork[] = []
    let waiting = [...this.#lanes].map(([key, queue]) => ({ key, queue, groups: queue.groups.values() }))
    while (waiting.length > 0 && taken.length < limit) {
      waiting = waiting.filter(({ key, queue, groups }) => {
        if (taken.length >= limit) return false
        const group = firstOf(groups, isKnown)
        if (group === undefined || !fits(queue.lane, group.key, group.works.length)) return false
        queue.groups.delete(group.key)
        taken.push(...group.works)
        this.#lanes.delete(key)
        if (queue.groups.size > 0 || queue.more) this.#lanes.set(key, queue)
        return true
      })
    }
    return taken
  }

  /** It was taken, and is still to be decided. */
  putBack(due: DueWork): void {
    this.#addTo(factsOf(due))
  }

  /** Whether reading again may find work that could be sent now; `early`: as soon as half of what was read is gone. */
  isHungry(mayGo: (lane: Lane) => boolean, early: boolean): boolean {
    let isEmpty = true
    for (const { lane, groups, more, size } of this.#lanes.values()) {
      if (groups.size > 0) isEmpty = false
      if (more && groups.size <= (early ? size / 2 : 0) && mayGo(lane)) return true
    }
    return isEmpty && this.#cut
  }

  get isEmpty(): boolean {
    return this.#lanes.size === 0 && !this.#cut
  }

  /** Lanes that have, or may have, work; in turn. */
  get lanes(): readonly LaneQueue[] {
    return [...this.#lanes.values()]
  }

  #addTo(lane: Lane): void {
    const queue = this.#lanes.get(laneKey(lane))
    if (queue !== undefined) queue.more = true
    else this.#lanes.set(laneKey(lane), empty(lane, 0))
  }
}

const empty = (lane: Lane, readAt: number): LaneQueue => ({ lane, groups: new Map(), more: true, readAt, size: 0 })

function firstOf(groups: Iterator<Group>, isKnown: (group: Group) => boolean): Group | undefined {
  for (let next = groups.next(); next.done !== true; next = groups.next()) if (isKnown(next.value)) return next.value
  return undefined
}
