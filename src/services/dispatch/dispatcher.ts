import { isNotificationError } from '../../errors.ts'
import type { Scheduler } from '../../ports/scheduler.ts'
import type { DeliveryRow, Lane, Share } from '../../ports/storage.ts'
import type { EntityId } from '../../schemas/common.ts'
import { batchOrEach } from '../batch-or-each.ts'
import { type Context, faultOf } from '../context.ts'
import type { Planner } from '../planner.ts'
import { AccountCapacity } from './account-capacity.ts'
import { AccountGate } from './account-gate.ts'
import { putOffCapped } from './capped.ts'
import { Coalescer } from './coalescer.ts'
import type { Evaluated } from './decide.ts'
import { evaluate } from './evaluate.ts'
import { HeldWork } from './held-work.ts'
import { LeaseWatch } from './lease-watch.ts'
import { ReadyQueue } from './ready-queue.ts'
import { Sender } from './sender.ts'
import { tellDecided } from './tell.ts'
import { type DueWork, factsForLog } from './work.ts'
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
  /** Places that became free. */
  readonly #freed: Coalescer
  /** What was due then is known; the rest lies ahead. */
  #readAt = new Date(0)
  /** The `#readAt` for which a wake-up is asked for already. */
  #sleptAt: Date | null = null
  #round: Promise<void> | null = null
  #dirty = false
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
    this.#freed = new Coalescer(context.options.clock, () => this.#kick())
    this.#group = new WorkerGroup(context)
    this.#capacity = new AccountCapacity(context.providers, this.#gate, context.accounts)
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
        if (this.#dirty) this.#kick()
      })
  }

  async #run(): Promise<void> {
    const { clock } = this.#context.options
    let idle = false
    while (this.#running && !idle) {
      const pausedMs = this.#hostPausedUntil - clock.elapsedMs()
      if (pausedMs > 0) {
        this.#dirty = false
        this.#wakeIn(pausedMs)
        return
      }
      if (this.#dirty || this.#ready.isHungry((lane) => this.#capacity.hasRoom(lane))) {
        this.#dirty = false
        await this.#refill()
      }
      const works = this.#ready.take(this.#capacity.round(), readLimit)
      // What is ready and has no room is looked at again when a send ends.
      if (works.length === 0) break
      idle = !(await this.#dispatch(works))
    }
    await this.#sleep(idle)
  }

  /** Asks to be woken when there will be something to do. */
  async #sleep(idle: boolean): Promise<void> {
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
    const lanes = this.#ready.lanes()
    await this.#learn(lanes)
    const except = lanes.filter((lane) => !this.#capacity.hasRoom(lane))
    const share = this.#share()
    const { storage } = this.#context.options
    const limit = readLimit + this.#held.look(now).count
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
    await this.#learn(this.#ready.lanes())
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
    const evaluation = await this.#askingHost(() => evaluate(this.#context, this.#gate, works))
    if (evaluation === null) return true
    const now = options.clock.now()
    const { evaluated, toReplan } = evaluation
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
      } else if (one.outgoing !== null) {
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
    for (const due of open) this.#ready.putBack(due)
    // Last: what was claimed is under way by now, whatever becomes of this.
    if (capped.length > 0) await this.#putOff(capped, now)
    const replanned = await this.#replan(toReplan)
    return progress || capped.length > 0 || replanned
  }

  /** True if anything came of it. */
  async #replan(appointmentIds: readonly EntityId[]): Promise<boolean> {
    if (appointmentIds.length === 0) return false
    const requests = appointmentIds.map((appointmentId) => ({ appointmentId, reactivate: false }))
    const results = await this.#askingHost(() => this.#planner.plan(requests))
    return results === null || results.some((result) => result.status === 'planned')
  }

  /** Null where the host cannot say what is true: nothing is sent and nothing costs an attempt until it can. */
  async #askingHost<T>(ask: () => Promise<T>): Promise<T | null> {
    try {
      const answer = await ask()
      this.#hostFailures = 0
      return answer
    } catch (error) {
      if (!isNotificationError(error) || !error.code.startsWith('directory_')) throw error
      this.#pauseForHost(error.code, error.message)
      return null
    }
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

  #pauseForHost(code: string, message: string): void {
    const { clock, logger } = this.#context.options
    const pauseMs = Math.min(longestHostPauseMs, idleRoundMs * 2 ** this.#hostFailures)
    this.#hostFailures += 1
    this.#hostPausedUntil = clock.elapsedMs() + pauseMs
    this.#ready.clear()
    logger.warn('directory unavailable, work put off', { code, pauseMs })
    this.#context.events.emit('error', { code, message, organizationId: null })
  }
}
