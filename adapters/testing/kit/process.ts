import type { Clock, Notifications } from '../../../src/index.ts'
import type { DrivenClock } from './driven-clock.ts'
import { forever } from './rest.ts'

/** Where a process may die while it sends. */
export type Point = 'before_send' | 'after_send'

type Embed = (clock: Clock, reached: (at: Point) => Promise<void>, isAlive: () => boolean) => Notifications

type Listening = {
  readonly name: string
  readonly listener: unknown
  readonly follow: (library: Notifications) => unknown
}

type Alive = { readonly library: Notifications; readonly die: () => void }

/** A process that embeds the library. When it dies, the next one takes its place on the same database. */
export class TestProcess {
  readonly #clock: DrivenClock
  readonly #embed: Embed
  /** What listens to the events of whichever process is alive, by its name and listener, with what is called for it. */
  readonly #listening: Listening[] = []
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
      this.#listening.push({ name, listener, follow: ({ events }) => events.on(name, listener) })
      return this.library.events.on(name, listener)
    }
    const forget = (one: Listening | undefined) => {
      if (one !== undefined && this.#listening.includes(one)) this.#listening.splice(this.#listening.indexOf(one), 1)
    }
    const off: Notifications['events']['off'] = (name, listener) => {
      forget(this.#listening.findLast((one) => one.name === name && one.listener === listener))
      return this.library.events.off(name, listener)
    }
    const once: Notifications['events']['once'] = (name, listener) => {
      const follow = ({ events }: Notifications) =>
        // First, so that who listens may crash the process.
        events.once(name, () => forget(one)).once(name, listener)
      const one: Listening = { name, listener, follow }
      this.#listening.push(one)
      return follow(this.library)
    }
    const parts = Object.entries(this.library).flatMap(([name, part]: [string, unknown]) =>
      typeof part === 'object' && part !== null
        ? [[name, following(part, () => Object(Reflect.get(this.library, name)))]]
        : [],
    )
    const events: Notifications['events'] = { on, once, off }
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
    for (const { follow } of this.#listening) follow(this.library)
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
