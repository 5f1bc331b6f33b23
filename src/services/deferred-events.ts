import type { Context, PlanningContext } from './context.ts'

/**
 * What a transaction of the host made true, kept back until the host says that it is committed: listeners must not hear of
 * rows that may never be, and a dispatcher woken before the commit would find nothing.
 */
export class DeferredEvents {
  readonly #context: Pick<Context, 'events' | 'dueAt' | 'tasksTouched'>
  #held: (() => void)[] = []
  #dueAt: Date | null = null

  readonly events: PlanningContext['events'] = {
    emit: (name, ...args) => {
      this.#held.push(() => this.#context.events.emit(name, ...args))
    },
  }

  constructor(context: Pick<Context, 'events' | 'dueAt' | 'tasksTouched'>) {
    this.#context = context
  }

  readonly dueAt = (at: Date): void => {
    if (this.#dueAt === null || at < this.#dueAt) this.#dueAt = at
  }

  readonly tasksTouched = (): void => {
    this.#held.push(() => this.#context.tasksTouched())
  }

  /** Tells all of it, once, in the order in which it happened. */
  release(): void {
    const held = this.#held.splice(0)
    const at = this.#dueAt
    this.#dueAt = null
    for (const tell of held) tell()
    if (at !== null) this.#context.dueAt(at)
  }
}
