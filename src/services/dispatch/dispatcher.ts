import { isNotificationError } from '../../errors.ts'
import type { Scheduler } from '../../ports/scheduler.ts'
import type { DeliveryRow, Lane, Share } from '../../ports/storage.ts'
import type { EntityId } from '../../schemas/common.ts'
import { batchOrEach } from '../batch-or-each.ts'
import { type Context, faultOf } from '../context.ts'
import { isDirectoryFault } from '../directory/batch-reader.ts'
import type { Planner } from '../planner.ts'
import type { StopReport } from '../shutdown.ts'
import { AccountCapacity } from './account-capacity.ts'
import { AccountGate } from './account-gate.ts'
import { putOffCapped } from './capped.ts'
import { Coalescer } from './coalescer.ts'
import type { Evaluated } from './decide.ts'
import { evaluate } from './evaluate.ts'
import { HeldWork } from './held-work.ts'
import { HostPause } from './host-pause.ts'
import { LeaseWatch } from './lease-watch.ts'
import { LookAhead } from './look-ahead.ts'
import { planAnew } from './moved-work.ts'
import { ReadyQueue } from './ready-queue.ts'
import { Sender } from './sender.ts'
import { tellDecided } from './tell.ts'
import { Waker } from './waker.ts'
import { type DueWork, factsForLog, factsOf } from './work.ts'
import { allDue, readWork, type WorkSource, withReminders } from './work-source.ts'
import { WorkerGroup } from './worker-group.ts'

/** Rows read at a time. Large enough for batches to pay, small enough to stay fresh. */
const readLimit = 500
/** Wait after a round that got nothing done although something was due. */
const idleRoundMs = 1000
/** How long what is another worker's waits for it, before one that has nothing else to do takes it. */
const helpAfterMs = 1000
/** How long, after that, what was sent has to be written before `stop()` gives it up. */
const lastWordMs = 1500

/**
 * Due to sent: reads what is due, asks for the truth, commits intents and sends, within the limits of each account.
 * Whatever wakes it may be early, late or lost; the rows decide, and a slow sweep finds what no alarm announced.
 */
export class Dispatcher {
  readonly #context: Context
  readonly #planner: Planner
  readonly #scheduler: Scheduler
  readonly #source: WorkSource
  readonly #gate: AccountGate
  readonly #sender: Sender
  readonly #watch: LeaseWatch
  /** What is under way, with the ids of the deliveries. */
  readonly #sending = new Map<Promise<void>, number>()
  readonly #group: WorkerGroup
  readonly #capacity: AccountCapacity
  readonly #ready = new ReadyQueue()
  readonly #held = new HeldWork()
  readonly #lookAhead: LookAhead
  readonly #pause: HostPause
  readonly #waker: Waker
  /** Places that became free. */
  readonly #freed: Coalescer
  /** What was due then is known; the rest lies ahead. */
  #readAt = new Date(0)
  /** The `#readAt` for which a wake-up is asked for already. */
  #sleptAt: Date | null = null
  #round: Promise<void> | null = null
  #dirty = false
  /** Something is known, or a place is free, that was not when the round looked. */
  #hasNews = false
  #running = false
  #cancelSweep = () => {}
  #unsubscribe = () => {}

  constructor(context: Context, planner: Planner, scheduler: Scheduler, source = allDue(context.options.storage)) {
    this.#context = context
    this.#gate = new AccountGate()
    this.#source = source
    this.#planner = planner
    this.#scheduler = scheduler
    this.#sender = new Sender(context, this.#gate)
    this.#watch = new LeaseWatch(context, (id) => this.#sender.holds(id))
    this.#freed = new Coalescer(context.options.clock, () => this.#lookAgain())
    this.#group = new WorkerGroup(context)
    this.#capacity = new AccountCapacity(context.providers, this.#gate, context.accounts)
    this.#pause = new HostPause(context)
    this.#waker = new Waker(context.options.clock, () => this.wake())
    this.#lookAhead = new LookAhead(context, {
      answered: () => this.#pause.answered(),
      arrived: () => this.#lookAgain(),
      failed: (error) => this.#lookAheadFailed(error),
      organizationFailed: (organizationId, { code, message }) =>
        this.#context.events.emit('error', { code, message, organizationId }),
    })
  }

  /** Where `stop()` comes meanwhile, nothing is left running. */
  async start(): Promise<void> {
    if (this.#running) return
    this.#running = true
    const { clock, logger, storage } = this.#context.options
    try {
      // A host that believes it is sending should hear at once that the tables are missing or the storage is closed.
      await this.#source.nextDueAt()
      await this.#group.start(() => this.wake())
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

  /** Why the storage takes no writes of this process; null: it does, as far as it is known. */
  get storageFault(): string | null {
    return this.#group.storageFault
  }

  /** Whether it is known why work of the lane waits: its account is full, or the directory does not answer for it. */
  knowsWhyItWaits(lane: Lane): boolean {
    return !this.#mayGo(lane) || this.#context.host.faultFor(lane.organizationId) !== null
  }

  /** Looks for due work soon; nothing happens before `start()` or after `stop()`. */
  wake(): void {
    this.#dirty = true
    this.#kick()
  }

  /** The host reports something of the appointment: it is asked anew before anything of it is sent. */
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
    this.#waker.stop()
    this.#freed.stop()
    this.#unsubscribe()
    const { clock, drainMs } = this.#context.options
    const disarm = [
      clock.after(drainMs, () => this.#sender.abort()),
      clock.after(drainMs + lastWordMs, () => this.#sender.abandon()),
    ]
    const ended = async () => {
      await this.#round
      await Promise.all(this.#sending.keys())
    }
    await Promise.all([ended(), this.#group.stop(), this.#context.accounts.stop()])
    for (const cancel of disarm) cancel()
  }

  /** The deliveries that are still under way: those that are accepted and not recorded, and those of which nothing is known. */
  get left(): Pick<StopReport, 'unrecorded' | 'unfinished'> {
    const { unrecorded } = this.#sender
    return {
      unrecorded: [...unrecorded],
      unfinished: [...this.#sending.values()].filter((id) => !unrecorded.has(id)),
    }
  }

  #sweep(): void {
    const { clock, sweepMs } = this.#context.options
    this.#cancelSweep = clock.after(sweepMs, () => this.#sweep())
    this.wake()
  }

  #lookAgain(): void {
    this.#hasNews = true
    this.#kick()
  }

  #kick(): void {
    if (!this.#running || this.#round !== null) return
    this.#round = this.#run()
      .catch((error) => {
        const { logger } = this.#context.options
        logger.error('dispatch round failed', { fault: faultOf(error) })
        this.#waker.in(idleRoundMs)
      })
      .finally(() => {
        this.#round = null
        if (this.#dirty || this.#hasNews) this.#kick()
      })
  }

  async #run(): Promise<void> {
    let idle = false
    while (this.#running && !idle) {
      const pausedMs = this.#pause.leftMs
      if (pausedMs > 0) {
        this.#dirty = false
        this.#hasNews = false
        this.#waker.in(pausedMs)
        return
      }
      let isNew = this.#hasNews || this.#lookAhead.isDue
      this.#hasNews = false
      if (this.#dirty || this.#ready.isHungry((lane) => this.#mayGo(lane), this.#lookAhead.isSlow)) {
        this.#dirty = false
        await this.#refill()
        isNew = true
      }
      if (isNew) this.#ask()
      const works = this.#ready.take((group) => this.#lookAhead.isKnown(group), this.#capacity.round(), readLimit)
      if (works.length > 0) idle = !(await this.#dispatch(works))
      else {
        if (!isNew) this.#ask()
        // What is ready and has no room is looked at again when a send ends, and what is not known when the host answers.
        if (!this.#hasNews) break
      }
    }
    await this.#sleep(idle)
  }

  #ask(): void {
    this.#lookAhead.ask(this.#ready.lanes, (lane) => this.#capacity.hasRoom(lane))
  }

  #mayGo(lane: Lane): boolean {
    return this.#capacity.hasRoom(lane) && !this.#lookAhead.isPutOff(lane)
  }

  /** Asks to be woken when there will be something to do. */
  async #sleep(idle: boolean): Promise<void> {
    const { waitMs } = this.#lookAhead
    if (Number.isFinite(waitMs)) this.#waker.in(waitMs)
    if (idle) {
      this.#waker.in(idleRoundMs)
      return
    }
    // As of the last read, which left it out: some of it may have become free since.
    const { until } = this.#held.look(this.#readAt)
    if (until !== null) this.dueAt(until)
    if (this.#sleptAt === this.#readAt) return
    const next = await this.#source.nextDueAt(this.#readAt)
    if (next !== null) this.#scheduler.wakeAt(next)
    if (this.#share().of > 1) {
      const first = await this.#source.nextDueAt()
      if (first !== null && first <= this.#readAt) this.#waker.in(helpAfterMs)
    }
    this.#sleptAt = this.#readAt
  }

  /** A timer fires in every process, each for its part. An engine rings in one, which has nobody to leave a part to. */
  #share(): Share {
    return this.#scheduler.feed === undefined ? this.#group.share() : { index: 0, of: 1 }
  }

  async #refill(): Promise<void> {
    const now = this.#context.options.clock.now()
    const lanes = this.#ready.lanes.map(({ lane }) => lane)
    await this.#learn(lanes)
    const except = lanes.filter((lane) => !this.#mayGo(lane))
    const share = this.#share()
    const limit = readLimit * (this.#lookAhead.isSlow ? 2 : 1) + this.#held.look(now).count
    const { storage } = this.#context.options
    let page = await readWork(this.#source, storage, { now, limit, except, share })
    if (share.of > 1 && page.works.length === 0) {
      const late = new Date(now.getTime() - helpAfterMs)
      page = await readWork(this.#source, storage, { now: late, limit, except })
    }
    const takenOver = await withReminders(storage, await this.#watch.look())
    const { waitMs } = this.#watch
    if (waitMs !== null) this.#waker.in(waitMs)
    this.#readAt = now
    const works = page.works.filter((due) => !this.#held.has(due, now))
    this.#ready.refill([...works, ...takenOver], page.more, except, now.getTime())
    await this.#learn(this.#ready.lanes.map(({ lane }) => lane))
  }

  /** Who sends for whom may have changed since. */
  async #learn(lanes: readonly Lane[]): Promise<void> {
    const organizations = new Set(lanes.map((lane) => lane.organizationId))
    this.#capacity.know(
      organizations.size === 0 ? [] : await this.#context.options.storage.settings.get([...organizations]),
    )
  }

  /** True if anything came of it. */
  async #dispatch(works: readonly DueWork[]): Promise<boolean> {
    const { options } = this.#context
    const truths = this.#lookAhead.take(works)
    const { evaluated, toReplan } = await evaluate(this.#context, this.#gate, works, truths)
    const now = options.clock.now()
    const commands = evaluated.map((one) => one.command)
    const outcomes = await batchOrEach(commands, (batch) => options.storage.deliveries.commitIntents(batch, now)).catch(
      (error) => {
        for (const { outgoing } of evaluated) this.#notBegun(outgoing)
        throw error
      },
    )
    const capped: Evaluated[] = []
    const lost: DueWork[] = []
    let progress = false
    const open = new Set(works)
    for (const [index, one] of evaluated.entries()) {
      const outcome = outcomes[index]
      if (isNotificationError(outcome)) {
        options.logger.error('decision not written', { ...factsForLog(one.due), fault: outcome.code })
      }
      if (outcome !== undefined && 'delivery' in outcome) {
        progress = true
        open.delete(one.due)
        this.#act(one, outcome.delivery)
      } else {
        lost.push(one.due)
        this.#notBegun(one.outgoing)
      }
      const status = outcome !== undefined && 'status' in outcome ? outcome.status : null
      if (status === 'capped') capped.push(one)
      if (status === 'held') {
        // There may be others behind it.
        progress = true
        open.delete(one.due)
        this.#held.add(one.due, now)
      }
    }
    const moved = new Set(toReplan)
    const toMove = [...open].filter((due) => moved.has(factsOf(due).appointmentId ?? ''))
    for (const due of open) this.#ready.putBack(due)
    if (toMove.length > 0) {
      void planAnew(this.#context, this.#planner, this.#lookAhead, this.#pause, toMove).then(() => this.wake())
    }
    // Last: what was claimed is under way by now, whatever becomes of this.
    if (capped.length > 0) await this.#putOff(capped, now)
    const isIdle = !progress && capped.length === 0 && toMove.length === 0
    for (const due of lost) {
      // Somebody changed it meanwhile, and it is decided by what is so now; but not again and again.
      if (isIdle) this.#lookAhead.hold(due, idleRoundMs)
      else this.#lookAhead.forget(due)
    }
    return !isIdle
  }

  async #putOff(capped: readonly Evaluated[], now: Date): Promise<void> {
    for (const { one, delivery } of await putOffCapped(this.#context, capped, now)) this.#act(one, delivery)
  }

  /** What was decided to be sent is not: its place, and its turn to try a paused account, are free again. */
  #notBegun(outgoing: Evaluated['outgoing']): void {
    if (outgoing === null) return
    this.#gate.release(outgoing.provider)
    if (outgoing.probe !== null) this.#context.accounts.giveBack(outgoing.probe)
  }

  #act(one: Evaluated, delivery: DeliveryRow | null): void {
    const { outgoing, due } = one
    if (outgoing === null || delivery === null) {
      // What waits for an account is released; its last moment is found by the sweep.
      if (one.command.kind === 'defer' && one.command.waitingFor == null) this.#scheduler.wakeAt(one.command.until)
      tellDecided(this.#context, one, delivery)
      return
    }
    const sending = this.#sender.send(due, delivery, outgoing, this.#running).finally(() => {
      this.#sending.delete(sending)
      if (!this.#ready.isEmpty) this.#freed.add(this.#sending.size)
    })
    this.#sending.set(sending, delivery.id)
  }

  /** The host answers for nobody, or something else failed that is tried again. */
  #lookAheadFailed(error: unknown): void {
    if (isDirectoryFault(error)) {
      this.#pause.begin(error)
      this.#ready.clear()
      this.#waker.in(this.#pause.leftMs)
    } else {
      this.#context.options.logger.error('dispatch round failed', { fault: faultOf(error) })
      this.#waker.in(idleRoundMs)
    }
  }
}
