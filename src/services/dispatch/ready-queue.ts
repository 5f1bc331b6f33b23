import { type Lane, laneKey } from '../../ports/storage.ts'
import { type DueWork, factsOf, groupKey } from './work.ts'

type Queue = {
  readonly lane: Lane
  /** Work that is decided together, by `groupKey`, earliest first. */
  readonly groups: Map<string, DueWork[]>
  /** Storage may have more of it. */
  more: boolean
  readonly readAt: number
}

/** How long rows that were read and could not be sent are good for; older ones are read again. */
const freshMs = 1000

/** Due work that was read and is not begun, by lane. A few hundred rows at most, and those of full lanes for a moment. */
export class ReadyQueue {
  /** In turn: who was served last is the last. */
  #lanes = new Map<string, Queue>()
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
    const queueOf = (lane: Lane): Queue => {
      const key = laneKey(lane)
      const found = this.#lanes.get(key) ?? { lane, groups: new Map(), more: false, readAt: now }
      this.#lanes.set(key, found)
      return found
    }
    for (const due of works) {
      const { groups } = queueOf(factsOf(due))
      const key = groupKey(due)
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [due])
      else group.push(due)
    }
    for (const lane of more) queueOf(lane).more = true
    for (const lane of except) {
      const key = laneKey(lane)
      const queue = before.get(key)
      if (queue !== undefined && now - queue.readAt < freshMs) this.#lanes.set(key, queue)
      else queueOf(lane).more = true
    }
  }

  /** Whole groups, of all lanes in turn, as long as they fit. */
  take(fits: (lane: Lane, group: string, size: number) => boolean, limit: number): DueWork[] {
    const taken: DueWork[] = []
    let waiting = [...this.#lanes]
    while (waiting.length > 0 && taken.length < limit) {
      waiting = waiting.filter(([key, queue]) => {
        const [first] = queue.groups
        if (first === undefined || taken.length >= limit || !fits(queue.lane, first[0], first[1].length)) return false
        queue.groups.delete(first[0])
        taken.push(...first[1])
        this.#lanes.delete(key)
        if (queue.groups.size > 0 || queue.more) this.#lanes.set(key, queue)
        return true
      })
    }
    return taken
  }

  /** It was taken, and is still to be decided. */
  putBack(due: DueWork): void {
    const lane = factsOf(due)
    const queue = this.#lanes.get(laneKey(lane))
    if (queue !== undefined) queue.more = true
    else this.#lanes.set(laneKey(lane), { lane, groups: new Map(), more: true, readAt: 0 })
  }

  /** Whether reading again may find work that could be sent now. */
  isHungry(hasRoom: (lane: Lane) => boolean): boolean {
    let isEmpty = true
    for (const { lane, groups, more } of this.#lanes.values()) {
      if (groups.size > 0) isEmpty = false
      else if (more && hasRoom(lane)) return true
    }
    return isEmpty && this.#cut
  }

  get isEmpty(): boolean {
    return this.#lanes.size === 0 && !this.#cut
  }

  /** Lanes that have, or may have, work. */
  lanes(): Lane[] {
    return [...this.#lanes.values()].map(({ lane }) => lane)
  }
}
