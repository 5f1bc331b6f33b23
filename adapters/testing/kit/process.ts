import type { Clock, Notifications } from '../../../src/index.ts'
import type { DrivenClock } from './driven-clock.ts'
import { forever } from './rest.ts'

/** Where a process may die while it sends. */
export type Point = 'before_send' | 'after_send'

type Embed = (clock: Clock, reached: (at: Point) => Promise<void>, isAlive: () => boolean) => Notifications

type Alive = { readonly library: Notifications; readonly die: () => void }

/** A process that embeds the library. When it dies, the next one takes its place on the same database. */
export class TestProcess {
  readonly #clock: DrivenClock
  readonly #embed: Embed
  readonly #followed: ((library: Notifications) => void)[] = []
  #alive: Alive
  #diesAt: Point | null = null
  #restarting: Promise<void> = Promise.resolve()

  constructor(clock: DrivenClock, embed: Embed) {
    this.#clock = clock
    this.#embed = embed
    this.#alive = this.#begin()
  }

  get library(): Notifications {
    return this.#alive.library
  }

  /** The library of whichever process is alive. Listeners of its events are kept. */
  forwarded(): Notifications {
    const on: Notifications['events']['on'] = (name, listener) => {
      this.#followed.push((library) => library.events.on(name, listener))
      return this.library.events.on(name, listener)
    }
    const parts = Object.entries(this.library).flatMap(([name, part]: [string, unknown]) =>
      typeof part === 'object' && part !== null
        ? [[name, following(part, () => Object(Reflect.get(this.library, name)))]]
        : [],
    )
    const events: Notifications['events'] = {
      on,
      once: (name, listener) => this.library.events.once(name, listener),
      off: (name, listener) => this.library.events.off(name, listener),
    }
    return following(this.library, () => ({ ...this.library, ...Object.fromEntries(parts), events }))
  }

  async crash(when: 'now' | Point): Promise<void> {
    if (when === 'now') {
      this.#restart()
      await this.#restarting
    } else this.#diesAt = when
  }

  /** Stops the process as a host would. */
  async end(): Promise<void> {
    const stopped = this.library.stop()
    await this.#clock.advance(20_000)
    await stopped
  }

  #begin(): Alive {
    const own = this.#clock.process()
    let isAlive = true
    const reached = async (at: Point) => {
      if (!isAlive) await forever
      if (this.#diesAt !== at) return
      this.#diesAt = null
      this.#restart()
      await forever
    }
    const library = this.#embed(own, reached, () => isAlive)
    return {
      library,
      die: () => {
        isAlive = false
        own.end()
      },
    }
  }

  #restart(): void {
    this.#alive.die()
    this.#alive = this.#begin()
    for (const follow of this.#followed) follow(this.library)
    this.#restarting = this.library.start()
  }
}

/** As `first`, whose members are those of whatever is current: of values when they are read, of functions when they are called. */
const following = <Followed extends object>(first: Followed, current: () => object): Followed =>
  new Proxy(first, {
    get(_, key) {
      const value: unknown = Reflect.get(current(), key)
      if (typeof value !== 'function') return value
      return (...values: unknown[]) => {
        const target = current()
        return Reflect.apply(Reflect.get(target, key), target, values)
      }
    },
  })
