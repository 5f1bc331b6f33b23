import type { Scheduler } from '../../ports/scheduler.ts'
import type { DeliveryRow, SendQueue } from '../../ports/storage.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { Planner } from '../planning/planner.ts'
import type { Context } from '../shared/context.ts'
import { isDirectoryFault } from '../shared/directory/batch-reader.ts'
import { faultOf } from '../shared/fault-log.ts'
import { AccountCapacity } from './account-capacity.ts'
import { giveUpSpent, pauseLimited, putOffCapped } from './daily-cap.ts'
import { type Decided, worksIn } from './decisions.ts'
import { emitDecided } from './delivery-events.ts'
import { HostPauses } from './host-pauses.ts'
import { Intake } from './intake.ts'
import { sendingOutlet } from './intent.ts'
import { LookAhead } from './look-ahead.ts'
import { planAnew } from './plan-anew.ts'
import { commitDecided, type DecidedBatch, decideDue, type Outlet, Storing } from './process-due.ts'
import { ReadyQueue } from './ready-queue.ts'
import { Sender } from './sender.ts'
import { Coalescer, Waker } from './wake-ups.ts'
import { allDue, type DueWork } from './work.ts'

/** Rows decided in one batch. Large enough for batches to pay, small enough to stay fresh. */
const batchSize = 500
/** Rows read at a time: of several batches one is checked while the one before is stored. */
const readLimit = 2 * batchSize
/** Wait after a round that got nothing done although something was due. */
const idleRoundMs = 1000
/** How long work is left alone that the database refused to write: a broken row must not be tried all the time. */
const refusedMs = 15_000
/** How long after `drainMs` results may still be stored before `stop()` gives them up. */
const lastResultsMs = 1500

/**
 * From due to sent: reads due rows, looks them up in the directory, commits intents and sends, within the capacity of each account.
 * Wake-ups may be early, late or lost: the rows decide, and the sweep finds what no wake-up announced.
 */
export class Dispatcher {
  readonly #context: Context
  readonly #planner: Planner
  readonly #scheduler: Scheduler
  readonly #intake: Intake
  readonly #capacity: AccountCapacity
  readonly #sender: Sender
  readonly #ready = new ReadyQueue()
  readonly #pauses: HostPauses
  readonly #lookAhead: LookAhead
  readonly #outlet: Outlet
  readonly #waker: Waker
  /** Wakes when an account may begin more that began as many as it may in a second. */
  readonly #pacer: Waker
  /** Follows up capacity that became free. */
  readonly #freed: Coalescer
  #round: Promise<void> | null = null
  readonly #storing = new Storing()
  #dirty = false
  /** Lookups arrived, or capacity became free, since the round looked. */
  #canProceed = false
  #running = false
  #cancelSweep = () => {}
  #unsubscribe = () => {}

  constructor(context: Context, planner: Planner, scheduler: Scheduler, source = allDue(context.options.storage)) {
    const { clock } = context.options
    this.#context = context
    this.#planner = planner
    this.#scheduler = scheduler
    const capacity = new AccountCapacity(context, () => this.#intake.share)
    this.#capacity = capacity
    this.#sender = new Sender(context, capacity, (underWay) => {
      if (!this.#ready.isEmpty) this.#freed.add(underWay)
    })
    this.#intake = new Intake(context, source, scheduler, (id) => this.#sender.holds(id))
    this.#freed = new Coalescer(clock, () => this.#lookAgain())
    this.#waker = new Waker(clock, () => this.wake())
    this.#pacer = new Waker(clock, () => this.#lookAgain())
    this.#pauses = new HostPauses(context)
    this.#lookAhead = new LookAhead(context, this.#pauses, {
      arrived: () => this.#lookAgain(),
      failed: (error) => this.#lookAheadFailed(error),
    })
    this.#outlet = sendingOutlet(context, capacity, (...written) => this.#act(...written))
  }

  /** If `stop()` is called meanwhile, nothing is left running. */
  async start(): Promise<void> {
    if (this.#running) return
    this.#running = true
    const { clock, logger, storage } = this.#context.options
    try {
      await this.#intake.start(() => this.wake())
      await this.#scheduler.start({ wake: () => this.wake(), clock, logger })
      if (this.#running) await this.#context.accounts.start()
    } catch (error) {
      this.#running = false
      throw error
    }
    if (!this.#running) return this.#scheduler.stop()
    this.#unsubscribe = storage.onForeignChange?.(() => this.wake(), logger) ?? (() => {})
    this.#sweep()
  }

  get isRunning(): boolean {
    return this.#running
  }

  /** Why the storage refuses writes of this process; null: no refusal is known. */
  get storageFault(): string | null {
    return this.#intake.storageFault
  }

  /** Whether it is known why work of the queue waits: its account has no capacity, or the directory fails for it. */
  knowsWhyItWaits(queue: SendQueue): boolean {
    return !this.#mayGo(queue) || this.#context.host.faultFor(queue.organizationId) !== null
  }

  /** Looks for due work soon; nothing happens before `start()` or after `stop()`. */
  wake(): void {
    this.#dirty = true
    this.#kick()
  }

  /** The host reported an event of the appointment: it is looked up again before any of its messages is sent. */
  reported(appointmentId: EntityId): void {
    this.#lookAhead.reported(appointmentId)
  }

  dueAt(at: Date): void {
    if (at.getTime() <= this.#context.options.clock.now().getTime()) this.wake()
    else this.#scheduler.wakeAt(at)
  }

  /** Takes no new work, lets sends in progress finish for up to `drainMs`, then aborts them. */
  async stop(): Promise<void> {
    this.#running = false
    this.#cancelSweep()
    for (const one of [this.#waker, this.#pacer, this.#freed]) one.stop()
    this.#unsubscribe()
    const { clock, drainMs } = this.#context.options
    const disarm = [
      clock.after(drainMs, () => this.#sender.abort()),
      clock.after(drainMs + lastResultsMs, () => this.#sender.abandon()),
    ]
    const ended = Promise.resolve(this.#round).then(() => this.#sender.rest())
    await Promise.all([ended, this.#intake.stop(), this.#context.accounts.stop()])
    for (const cancel of disarm) cancel()
  }

  /** The deliveries that are still under way. */
  get left(): Sender['left'] {
    return this.#sender.left
  }

  #sweep(): void {
    const { clock, sweepMs } = this.#context.options
    this.#cancelSweep = clock.after(sweepMs, () => this.#sweep())
    this.wake()
  }

  #lookAgain(): void {
    this.#canProceed = true
    this.#kick()
  }

  #kick(): void {
    if (!this.#running || this.#round !== null) return
    this.#round = this.#run()
      .finally(() => this.#storing.done())
      .catch((error) => this.#roundFailed(error))
      .finally(() => {
        this.#round = null
        if (this.#dirty || this.#canProceed) this.#kick()
      })
  }

  #roundFailed(error: unknown): void {
    this.#context.options.logger.error('dispatch round failed', { fault: faultOf(error) })
    this.#waker.in(idleRoundMs)
  }

  /** The directory fails for everything, or something else failed that is tried again. */
  #lookAheadFailed(error: unknown): void {
    if (isDirectoryFault(error)) {
      this.#pauses.begin(error)
      this.#ready.clear()
      this.#waker.in(this.#pauses.leftMs)
    } else this.#roundFailed(error)
  }

  async #run(): Promise<void> {
    let idle = false
    while (this.#running && !idle) {
      const pausedMs = this.#pauses.leftMs
      if (pausedMs > 0) {
        this.#dirty = false
        this.#canProceed = false
        return this.#waker.in(pausedMs)
      }
      let isNew = this.#lookAhead.isDue
      this.#canProceed = false
      if (this.#dirty || this.#ready.isHungry((queue) => this.#mayGo(queue), this.#lookAhead.takenMeanwhile)) {
        // What is not stored yet is still due.
        if (this.#storing.isUnderWay) {
          idle = !(await this.#storing.done())
          continue
        }
        this.#dirty = false
        await this.#refill()
        isNew = true
      }
      if (isNew) this.#lookUpNext()
      const works = this.#ready.take((group) => this.#lookAhead.isKnown(group), this.#capacity.round(), batchSize)
      if (works.length > 0) idle = !(await this.#dispatch(works))
      else if (this.#storing.isUnderWay) idle = !(await this.#storing.done())
      else {
        if (!isNew) this.#lookUpNext()
        // Work without capacity is looked at again when a send ends, work without a lookup when the directory answers.
        if (!this.#canProceed) break
      }
    }
    await this.#sleep(idle)
  }

  #lookUpNext(): void {
    this.#lookAhead.lookUpNext(this.#ready.queues, (queue) => this.#capacity.hasRoom(queue))
  }

  #mayGo(queue: SendQueue): boolean {
    return this.#capacity.hasRoom(queue) && !this.#pauses.isPutOff(queue.organizationId)
  }

  /** Asks to be woken when there will be something to do. */
  async #sleep(idle: boolean): Promise<void> {
    this.#waker.in(this.#pauses.waitMs)
    this.#pacer.in(this.#capacity.waitMs)
    if (idle) return this.#waker.in(idleRoundMs)
    if (this.#intake.lockedUntil !== null) this.dueAt(this.#intake.lockedUntil)
    const { dueAt, helpMs } = await this.#intake.next()
    if (dueAt !== null) this.#scheduler.wakeAt(dueAt)
    if (helpMs !== null) this.#waker.in(helpMs)
  }

  async #refill(): Promise<void> {
    const queues = this.#queues
    // Accounts may have changed since the last refill.
    await this.#capacity.readSettings(queues, { anew: true })
    const except = queues.filter((queue) => !this.#mayGo(queue))
    const { works, more, at, againMs } = await this.#intake.read(except, readLimit * (this.#lookAhead.isSlow ? 2 : 1))
    if (againMs !== null) this.#waker.in(againMs)
    this.#ready.refill(works, more, except, at.getTime())
    await this.#capacity.readSettings(this.#queues, { anew: false })
  }

  get #queues(): readonly SendQueue[] {
    return this.#ready.queues.map(({ queue }) => queue)
  }

  /** Decides a batch, and begins to store it; true if the one before changed anything. */
  async #dispatch(works: readonly DueWork[]): Promise<boolean> {
    const decided = await decideDue(this.#context, works, this.#outlet, this.#lookAhead.take(works))
    return this.#storing.begin(() => this.#store(works, decided))
  }

  async #store(works: readonly DueWork[], decided: DecidedBatch): Promise<boolean> {
    const processed = await commitDecided(this.#context, decided, this.#outlet)
    const { now, written, lost, refused, locked, capped, limited, spent, moved } = processed
    // Other work may be due behind it.
    for (const { due } of locked) this.#intake.leaveAlone(due, now)
    const done = new Set([...written.flatMap(worksIn), ...locked.map(({ due }) => due)])
    const open = works.filter((due) => !done.has(due))
    for (const due of open) this.#ready.putBack(due)
    const toMove = open.filter((due) => moved.has(due.target.appointmentId ?? ''))
    if (toMove.length > 0)
      void planAnew(this.#context, this.#planner, this.#lookAhead, this.#pauses, toMove).then(() => this.wake())
    // Last, so that what was claimed is under way even if this fails.
    await putOffCapped(this.#context, capped, now, this.#outlet.written)
    await giveUpSpent(this.#context, spent, now, this.#outlet.written)
    await pauseLimited(this.#context, limited, now)
    const isIdle = done.size + capped.length + limited.length + spent.length + toMove.length === 0
    for (const due of lost.flatMap(worksIn)) {
      // It was changed meanwhile: look it up again, but not in a tight loop.
      if (refused.has(due)) this.#lookAhead.pause(due, refusedMs)
      else if (isIdle) this.#lookAhead.pause(due, idleRoundMs)
      else this.#lookAhead.forget(due)
    }
    return !isIdle
  }

  #act(one: Decided, delivery: DeliveryRow | null, together?: readonly DeliveryRow[]): void {
    const { outgoing, due, command } = one
    if (outgoing !== null && delivery !== null) {
      this.#sender.send(due, delivery, outgoing, this.#running, together)
      return
    }
    // What waits for an account is released when it works; the sweep finds its last moment.
    if (command.kind === 'defer') {
      const { waitingFor = [], until } = command
      if (waitingFor.length === 0) this.#scheduler.wakeAt(until)
      else this.#context.accounts.awaitedBy(waitingFor)
    }
    if ('fallback' in command && command.fallback) this.wake()
    emitDecided(this.#context, one, delivery)
  }
}
