import { isNotificationError } from '../../errors.ts'
import type { Scheduler } from '../../ports/scheduler.ts'
import type { DeliveryRow, Lane, Share } from '../../ports/storage.ts'
import type { EntityId } from '../../schemas/common.ts'
import { batchOrEach } from '../batch-or-each.ts'
import { type Context, faultOf } from '../context.ts'
import { isDirectoryFault } from '../directory/batch-reader.ts'
import type { Planner, PlanResult } from '../planner.ts'
import { AccountCapacity } from './account-capacity.ts'
import { AccountGate } from './account-gate.ts'
import { putOffCapped } from './capped.ts'
import { Coalescer } from './coalescer.ts'
import type { Evaluated } from './decide.ts'
import { evaluate } from './evaluate.ts'
import { HeldWork } from './held-work.ts'
import { LeaseWatch } from './lease-watch.ts'
import { LookAhead } from './look-ahead.ts'
import { ReadyQueue } from './ready-queue.ts'
import { Sender } from './sender.ts'
import { tellDecided } from './tell.ts'
import { type DueWork, factsForLog, factsOf } from './work.ts'
import { allDue, readWork, type WorkSource, withReminders } from './work-source.ts'
import { WorkerGroup } from './worker-group.ts'

/** Rows read at a time. Large enough for batches to pay, small enough to stay fresh. */
const readLimit = 500
/** Wait after a round that got nothing done although something was due. */
const idleRoundMs = 1000
/** How long what is another worker's waits for it, before one that has nothing else to do takes it. */
const helpAfterMs = 1000
const longestHostPauseMs = 60_000
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
  readonly #sending = new Set<Promise<void>>()
  readonly #group: WorkerGroup
  readonly #capacity: AccountCapacity
  readonly #ready = new ReadyQueue()
  readonly #held = new HeldWork()
  readonly #lookAhead: LookAhead
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
  #hostFailures = 0
  /** By the clock's `elapsedMs`. */
  #hostPausedUntil = Number.NEGATIVE_INFINITY
  /** When `#wakeIn` wakes next, by the clock's `elapsedMs`. */
  #wakesAt = Number.POSITIVE_INFINITY
  #cancelWake = () => {}
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
    this.#lookAhead = new LookAhead(context, {
      answered: () => {
        this.#hostFailures = 0
      },
      arrived: () => this.#lookAgain(),
      failed: (error) => this.#pauseForHost(error),
      organizationFailed: (organizationId, { code, message }) =>
        this.#context.events.emit('error', { code, message, organizationId }),
    })
  }

  async start(): Promise<void> {
    if (this.#running) return
    this.#running = true
    const { clock, logger, storage } = this.#context.options
    // A host that believes it is sending should hear at once that the tables are missing or the storage is closed.
    await this.#source.nextDueAt()
    await this.#group.start(() => this.wake())
    this.#unsubscribe = storage.onForeignChange?.(() => this.wake(), logger) ?? (() => {})
    await this.#scheduler.start({ wake: () => this.wake(), clock, logger })
    await this.#context.accounts.start()
    this.#sweep()
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
    if (!this.#running) return
    this.#running = false
    this.#cancelSweep()
    this.#cancelWake()
    this.#freed.stop()
    this.#unsubscribe()
    await this.#scheduler.stop()
    await this.#context.accounts.stop()
    await this.#group.stop()
    await this.#round
    const { clock, drainMs } = this.#context.options
    const disarm = [
      clock.after(drainMs, () => this.#sender.abort()),
      clock.after(drainMs + lastWordMs, () => this.#sender.abandon()),
    ]
    await Promise.all(this.#sending)
    for (const cancel of disarm) cancel()
  }

  #sweep(): void {
    const { clock, sweepMs } = this.#context.options
    this.#cancelSweep = clock.after(sweepMs, () => this.#sweep())
    this.wake()
  }

  /** Wakes when so much time has passed, whatever becomes of the time of day. */
  #wakeIn(ms: number): void {
    const { clock } = this.#context.options
    const at = clock.elapsedMs() + ms
    if (!this.#running || at >= this.#wakesAt) return
    this.#cancelWake()
    this.#wakesAt = at
    this.#cancelWake = clock.after(ms, () => {
      this.#wakesAt = Number.POSITIVE_INFINITY
      this.wake()
    })
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
        this.#wakeIn(idleRoundMs)
      })
      .finally(() => {
        this.#round = null
        if (this.#dirty || this.#hasNews) this.#kick()
      })
  }

  async #run(): Promise<void> {
    const { clock } = this.#context.options
    let idle = false
    while (this.#running && !idle) {
      const pausedMs = this.#hostPausedUntil - clock.elapsedMs()
      if (pausedMs > 0) {
        this.#dirty = false
        this.#hasNews = false
        this.#wakeIn(pausedMs)
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
    if (Number.isFinite(waitMs)) this.#wakeIn(waitMs)
    if (idle) return this.#wakeIn(idleRoundMs)
    const { until } = this.#held.look(this.#context.options.clock.now())
    if (until !== null) this.#scheduler.wakeAt(until)
    if (this.#sleptAt === this.#readAt) return
    const next = await this.#source.nextDueAt(this.#readAt)
    if (next !== null) this.#scheduler.wakeAt(next)
    if (this.#share().of > 1) {
      const first = await this.#source.nextDueAt()
      if (first !== null && first <= this.#readAt) this.#wakeIn(helpAfterMs)
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
    if (waitMs !== null) this.#wakeIn(waitMs)
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
        // Somebody changed it meanwhile: it is decided by what is so then.
        this.#lookAhead.forget(one.due)
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
    void this.#replan(toMove)
    // Last: what was claimed is under way by now, whatever becomes of this.
    if (capped.length > 0) await this.#putOff(capped, now)
    return progress || capped.length > 0 || toMove.length > 0
  }

  /** Plans anew what was moved or cancelled behind our back. Nobody waits for it; until it is done the work is left alone. */
  async #replan(works: readonly DueWork[]): Promise<void> {
    if (works.length === 0) return
    for (const due of works) this.#lookAhead.hold(due, Number.POSITIVE_INFINITY)
    const ids = [...new Set(works.flatMap((due) => factsOf(due).appointmentId ?? []))]
    let results: readonly PlanResult[] = []
    try {
      results = await this.#planner.plan(ids.map((appointmentId) => ({ appointmentId, reactivate: false })))
    } catch (error) {
      if (isDirectoryFault(error)) this.#pauseForHost(error)
      else this.#context.options.logger.error('appointments not planned anew', { fault: faultOf(error) })
    }
    const isPlanned = new Map(ids.map((id, index) => [id, results[index]?.status === 'planned']))
    for (const due of works) {
      const isDone = isPlanned.get(factsOf(due).appointmentId ?? '') === true
      this.#lookAhead.hold(due, isDone ? 0 : idleRoundMs)
    }
    this.wake()
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
    this.#sending.add(sending)
  }

  /** The host answers for nobody: nothing is sent, and nothing costs an attempt, until it does. */
  #pauseForHost(error: unknown): void {
    const { clock, logger } = this.#context.options
    if (this.#hostPausedUntil > clock.elapsedMs()) return
    if (!isDirectoryFault(error)) {
      logger.error('dispatch round failed', { fault: faultOf(error) })
      this.#wakeIn(idleRoundMs)
      return
    }
    const { code, message } = error
    const pauseMs = Math.min(longestHostPauseMs, idleRoundMs * 2 ** this.#hostFailures)
    this.#hostFailures += 1
    this.#hostPausedUntil = clock.elapsedMs() + pauseMs
    this.#ready.clear()
    this.#wakeIn(pauseMs)
    logger.warn('directory unavailable, work put off', { code, pauseMs })
    this.#context.events.emit('error', { code, message, organizationId: null })
  }
}
