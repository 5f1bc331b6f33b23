import type { Alarm, AlarmContext, AlarmEngine, Clock } from '../../src/index.ts'

/** An engine in the memory of this process: what a third party's may be at the least. Any number of schedulers may share it. */
export class MemoryEngine {
  readonly #clock: Clock
  readonly #alarms = new Map<string, { readonly alarm: Alarm; readonly disarm: () => void }>()
  readonly #rings = new Set<AlarmContext['ring']>()
  /** Every hand-over: how many alarms it had. */
  readonly handOvers: number[] = []
  /** What becomes of hand-overs: `fails` and `hangs` set nothing. */
  fault: 'none' | 'fails' | 'hangs' = 'none'

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#alarms.size
  }

  empty(): void {
    for (const { disarm } of this.#alarms.values()) disarm()
    this.#alarms.clear()
  }

  /** What one process has of it. */
  side(): AlarmEngine {
    let own: AlarmContext['ring'] | null = null
    return {
      name: 'memory',
      open: async ({ ring }) => {
        if (this.fault === 'fails') throw new Error('away')
        own = ring
        this.#rings.add(ring)
      },
      set: async (alarms) => {
        this.handOvers.push(alarms.length)
        if (this.fault === 'fails') throw new Error('away')
        if (this.fault === 'hangs') await new Promise(() => {})
        for (const alarm of alarms) if (!this.#alarms.has(alarm.key)) this.#set(alarm)
      },
      close: async () => {
        if (own !== null) this.#rings.delete(own)
      },
    }
  }

  #set(alarm: Alarm): void {
    const disarm = this.#clock.setTimer(alarm.at, () => {
      const [ring] = this.#rings
      // As in a queue: while nobody works it, it keeps what is due.
      if (ring === undefined) return this.#set({ ...alarm, at: new Date(this.#clock.now().getTime() + 1000) })
      this.#alarms.delete(alarm.key)
      ring(alarm.at)
    })
    this.#alarms.set(alarm.key, { alarm, disarm })
  }
}
