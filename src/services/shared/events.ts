import { EventEmitter } from 'eventemitter3'
import type { NotificationEvents } from '../../events.ts'
import type { Logger } from '../../ports/logger.ts'
import type { DeliveryRow } from '../../ports/storage.ts'
import { faultOf } from './fault-log.ts'

type Listener<Name extends keyof NotificationEvents> = (...args: NotificationEvents[Name]) => unknown

/** Calls a listener of the host, and logs what it throws. */
type Guarded = (name: keyof NotificationEvents, args: readonly unknown[]) => void
type Registration = { readonly name: keyof NotificationEvents; readonly listener: unknown; readonly guarded: Guarded }

/**
 * The library's events. If a listener throws or rejects, that is logged and the others are called: the row is committed, and a
 * bug of the host must neither fail the library nor end the process with an unhandled rejection. `once` and `off` do what those of
 * Node do: once also if the event is emitted again meanwhile, and the last registration of a listener, not all of them.
 */
export class Events {
  readonly #emitter = new EventEmitter<Record<keyof NotificationEvents, Guarded>>()
  /** In the order in which they came. */
  readonly #registered: Registration[] = []
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  on<Name extends keyof NotificationEvents>(name: Name, listener: Listener<Name>): this {
    return this.#add({ name, listener, guarded: this.#guard(listener) })
  }

  once<Name extends keyof NotificationEvents>(name: Name, listener: Listener<Name>): this {
    const call = this.#guard(listener)
    let isOver = false
    const one: Registration = {
      name,
      listener,
      guarded: (...event) => {
        if (isOver) return
        isOver = true
        this.#remove(one)
        call(...event)
      },
    }
    return this.#add(one)
  }

  off<Name extends keyof NotificationEvents>(name: Name, listener: Listener<Name>): this {
    const last = this.#registered.findLast((one) => one.name === name && one.listener === listener)
    if (last !== undefined) this.#remove(last)
    return this
  }

  emit<Name extends keyof NotificationEvents>(name: Name, ...args: NotificationEvents[Name]): void {
    this.#emitter.emit(name, name, args)
  }

  #add(one: Registration): this {
    this.#registered.push(one)
    this.#emitter.on(one.name, one.guarded)
    return this
  }

  #remove(one: Registration): void {
    const index = this.#registered.indexOf(one)
    if (index >= 0) this.#registered.splice(index, 1)
    this.#emitter.off(one.name, one.guarded)
  }

  #guard(listener: (...args: never[]) => unknown): Guarded {
    return (name, args) => {
      const failed = (error: unknown) =>
        this.#logger.error('event listener failed', { event: name, fault: faultOf(error) })
      try {
        const returned: unknown = Reflect.apply(listener, undefined, args)
        if (returned instanceof Promise) returned.catch(failed)
      } catch (error) {
        failed(error)
      }
    }
  }
}

/** What happens after rows have changed: events are emitted and workers woken. */
type Wakes = {
  readonly events: Pick<Events, 'emit'>
  readonly dueAt: (at: Date) => void
  readonly tasksTouched: () => void
}

/**
 * Holds back the events of a host's transaction until the host reports the commit: listeners must not get events for
 * rows that may be rolled back, and a dispatcher woken before the commit would find nothing.
 */
export class DeferredEvents {
  readonly #context: Wakes
  #held: (() => void)[] = []
  #dueAt: Date | null = null

  readonly events: Pick<Events, 'emit'> = {
    emit: (name, ...args) => {
      this.#held.push(() => this.#context.events.emit(name, ...args))
    },
  }

  constructor(context: Wakes) {
    this.#context = context
  }

  readonly dueAt = (at: Date): void => {
    if (this.#dueAt === null || at < this.#dueAt) this.#dueAt = at
  }

  readonly tasksTouched = (): void => {
    this.#held.push(() => this.#context.tasksTouched())
  }

  /** Emits everything held back, once, in order. */
  release(): void {
    const held = this.#held.splice(0)
    const at = this.#dueAt
    this.#dueAt = null
    for (const emit of held) emit()
    if (at !== null) this.#context.dueAt(at)
  }
}

type Subject = Pick<DeliveryRow, 'organizationId' | 'appointmentId' | 'recipient' | 'channel'>

/** What every event about a message has. */
export const aboutOf = ({ organizationId, appointmentId, recipient, channel }: Subject, at: Date) => ({
  organizationId,
  appointmentId,
  recipient,
  channel,
  at,
})
