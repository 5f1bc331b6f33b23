import { isNotificationError } from '../../errors.ts'
import type { Scheduler } from '../../ports/scheduler.ts'
import type { DeliveryRow, ReminderRow, SettingsRow, Storage } from '../../ports/storage.ts'
import { type Context, faultOf } from '../context.ts'
import { inPieces } from '../in-pieces.ts'
import type { Planner } from '../planner.ts'
import { AccountGate } from './account-gate.ts'
import { putOffCapped } from './capped.ts'
import type { Evaluated } from './decide.ts'
import { evaluate } from './evaluate.ts'
import { Sender } from './sender.ts'
import { Settler } from './settler.ts'
import { tellDecided } from './tell.ts'
import { type DueWork, factsForLog, factsOf, groupKey } from './work.ts'

/** Rows read at a time. Large enough for batches to pay, small enough to stay fresh. */
const readLimit = 500
/** Wait after a round that got nothing done although something was due. */
const idleRoundMs = 1000
const longestHostPauseMs = 60_000

/** Where due work comes from. */
export type WorkSource = {
  reminders(now: Date, limit: number): Promise<readonly ReminderRow[]>
  deliveries(now: Date, limit: number): Promise<readonly DeliveryRow[]>
  nextDueAt(): Promise<Date | null>
}

const allDue = ({ reminders, deliveries }: Storage): WorkSource => ({
  reminders: reminders.due.bind(reminders),
  deliveries: deliveries.due.bind(deliveries),
  nextDueAt: deliveries.nextDueAt.bind(deliveries),
})

/** What is left of an account in a round. An idle account is for the first group whole, or one larger than it would never go. */
type Room = { free: number; readonly wholeFor: string | null }

/**
 * Due to sent: reads what is due, asks for the truth, commits intents and sends, within the limits of each account.
 * Whatever wakes it may be early, late or lost; the rows decide, and a slow sweep finds what no alarm announced.
 */
export class Dispatcher {
  readonly #context: Context
  readonly #planner: Planner
  readonly #scheduler: Scheduler
  readonly #source: WorkSource
  readonly #gate = new AccountGate()
  readonly #sender: Sender
  readonly #sending = new Set<Promise<void>>()
  #ready = new Map<string, DueWork[]>()
  #settings = new Map<string, SettingsRow>()
  #round: Promise<void> | null = null
  #dirty = false
  /** Work was left because its account was full: to be read again when a send ends. */
  #left = false
  #running = false
  #hostFailures = 0
  #hostPausedUntil = 0
  #cancelSweep = () => {}
  #unsubscribe = () => {}

  constructor(context: Context, planner: Planner, scheduler: Scheduler, source = allDue(context.options.storage)) {
    this.#context = context
    this.#source = source
    this.#planner = planner
    this.#scheduler = scheduler
    this.#sender = new Sender(context, this.#gate, new Settler(context))
  }

  async start(): Promise<void> {
    if (this.#running) return
    this.#running = true
    const { clock, logger, storage } = this.#context.options
    // A host that believes it is sending should hear at once that the tables are missing or the storage is closed.
    await this.#source.nextDueAt()
    this.#unsubscribe = storage.onForeignChange?.(() => this.wake()) ?? (() => {})
    await this.#scheduler.start({ wake: () => this.wake(), clock, logger })
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
    this.#unsubscribe()
    await this.#scheduler.stop()
    await this.#round
    const { clock, drainMs } = this.#context.options
    const disarm = clock.setTimer(new Date(clock.now().getTime() + drainMs), () => this.#sender.abort())
    await Promise.all(this.#sending)
    disarm()
  }

  #sweep(): void {
    const { clock, sweepMs } = this.#context.options
    this.#cancelSweep = clock.setTimer(new Date(clock.now().getTime() + sweepMs), () => this.#sweep())
    this.wake()
  }

  #kick(): void {
    if (!this.#running || this.#round !== null) return
    this.#round = this.#run()
      .catch((error) => {
        const { logger, clock } = this.#context.options
        logger.error('dispatch round failed', { fault: faultOf(error) })
        this.#scheduler.wakeAt(new Date(clock.now().getTime() + idleRoundMs))
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
      if (clock.now().getTime() < this.#hostPausedUntil) {
        this.#dirty = false
        this.#scheduler.wakeAt(new Date(this.#hostPausedUntil))
        return
      }
      if (this.#dirty || this.#ready.size === 0) {
        this.#dirty = false
        await this.#refill()
      }
      if (this.#ready.size === 0) break
      const works = this.#pick()
      if (works.length === 0) return // every account is full: the next send that ends kicks again
      idle = !(await this.#dispatch(works))
    }
    const next = idle ? new Date(clock.now().getTime() + idleRoundMs) : await this.#source.nextDueAt()
    if (next !== null) this.#scheduler.wakeAt(next)
  }

  async #refill(): Promise<void> {
    const { storage, clock } = this.#context.options
    const now = clock.now()
    this.#left = false
    const [reminders, deliveries] = await Promise.all([
      this.#source.reminders(now, readLimit),
      this.#source.deliveries(now, readLimit),
    ])
    const works: DueWork[] = reminders.map((reminder) => ({ kind: 'reminder', reminder, delivery: null }))
    for (const delivery of deliveries) works.push(await this.#deliveryWork(delivery))
    this.#ready = Map.groupBy(works, groupKey)
    const organizations = new Set(works.map((due) => factsOf(due).organizationId))
    const rows = organizations.size === 0 ? [] : await storage.settings.get([...organizations])
    this.#settings = new Map(rows.map((row) => [row.organizationId, row]))
  }

  async #deliveryWork(delivery: DeliveryRow): Promise<DueWork> {
    const { reminderId } = delivery
    const reminder: ReminderRow | null =
      reminderId === null ? null : await this.#context.options.storage.reminders.get(reminderId)
    return reminder === null ? { kind: 'notice', reminder, delivery } : { kind: 'retry', reminder, delivery }
  }

  /** What the account of a piece of work has left; null where there is none. Kept in `rooms` by organization and by account. */
  #roomOf(due: DueWork, group: string, rooms: Map<string, Room | null>): Room | null {
    const { organizationId, channel } = due.delivery ?? due.reminder
    const own = `${channel} ${organizationId}`
    let room = rooms.get(own)
    if (room !== undefined) return room
    const provider = this.#context.providers.find(this.#settings.get(organizationId) ?? null, channel)
    if (typeof provider === 'string') {
      room = null
    } else {
      const account = `account ${provider.transport.name}:${provider.accountKey}`
      room = rooms.get(account) ?? {
        free: this.#gate.free(provider),
        wholeFor: this.#gate.isIdle(provider) ? group : null,
      }
      rooms.set(account, room)
    }
    rooms.set(own, room)
    return room
  }

  /** Takes whole groups, oldest first, as long as their accounts have room. */
  #pick(): DueWork[] {
    const picked: DueWork[] = []
    const rooms = new Map<string, Room | null>()
    for (const [key, group] of this.#ready) {
      const fits = group.every((due) => {
        const room = this.#roomOf(due, key, rooms)
        if (room === null) return true
        room.free -= 1
        return room.free >= 0 || room.wholeFor === key
      })
      if (!fits) continue
      picked.push(...group)
      this.#ready.delete(key)
      if (picked.length >= readLimit) break
    }
    return picked
  }

  /** True if anything came of it. */
  async #dispatch(works: readonly DueWork[]): Promise<boolean> {
    const { options } = this.#context
    let evaluation: Awaited<ReturnType<typeof evaluate>>
    try {
      evaluation = await evaluate(this.#context, this.#gate, works)
      this.#hostFailures = 0
      this.#left ||= evaluation.left
    } catch (error) {
      if (!isNotificationError(error) || !error.code.startsWith('directory_')) throw error
      this.#pauseForHost(error.code, error.message)
      return true
    }
    const replanned =
      evaluation.toReplan.length === 0
        ? []
        : await this.#planner.plan(evaluation.toReplan.map((appointmentId) => ({ appointmentId, reactivate: false })))
    const now = options.clock.now()
    const { evaluated } = evaluation
    const commands = evaluated.map((one) => one.command)
    const outcomes = await inPieces(commands, (batch) => options.storage.deliveries.commitIntents(batch, now)).catch(
      (error) => {
        for (const { outgoing } of evaluated) if (outgoing !== null) this.#gate.release(outgoing.provider)
        throw error
      },
    )
    const capped = evaluated.filter((_one, index) => {
      const outcome = outcomes[index]
      return outcome !== undefined && 'status' in outcome && outcome.status === 'capped'
    })
    if (capped.length > 0) await this.#putOff(capped, now)
    let progress = capped.length > 0 || replanned.some((result) => result.status === 'planned')
    for (const [index, one] of evaluated.entries()) {
      const outcome = outcomes[index]
      if (isNotificationError(outcome)) {
        options.logger.error('decision not written', { ...factsForLog(one.due), fault: outcome.code })
      }
      if (outcome !== undefined && 'delivery' in outcome) {
        progress = true
        this.#act(one, outcome.delivery)
      } else if (one.outgoing !== null) {
        this.#gate.release(one.outgoing.provider)
      }
    }
    return progress
  }

  async #putOff(capped: readonly Evaluated[], now: Date): Promise<void> {
    for (const { one, delivery } of await putOffCapped(this.#context, capped, now)) this.#act(one, delivery)
  }

  #act(one: Evaluated, delivery: DeliveryRow | null): void {
    const { outgoing, due } = one
    if (outgoing === null || delivery === null) {
      if (one.command.kind === 'defer') this.#scheduler.wakeAt(one.command.until)
      tellDecided(this.#context, one, delivery)
      return
    }
    const sending = this.#sender.send(due, delivery, outgoing, this.#running).finally(() => {
      this.#sending.delete(sending)
      if (this.#left) this.wake()
      else if (this.#ready.size > 0) this.#kick()
    })
    this.#sending.add(sending)
  }

  /** The host cannot say what is true: nothing is sent and nothing costs an attempt until it can. */
  #pauseForHost(code: string, message: string): void {
    const { clock, logger } = this.#context.options
    const pauseMs = Math.min(longestHostPauseMs, idleRoundMs * 2 ** this.#hostFailures)
    this.#hostFailures += 1
    this.#hostPausedUntil = clock.now().getTime() + pauseMs
    this.#ready.clear()
    logger.warn('directory unavailable, work put off', { code, pauseMs })
    this.#context.events.emit('error', { code, message, organizationId: null })
  }
}
