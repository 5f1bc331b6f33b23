import { isSameRecipient } from '../../domain/appointment.ts'
import { addressKey } from '../../domain/effective.ts'
import { effectiveFor } from '../../domain/plan.ts'
import { isNotificationError } from '../../errors.ts'
import type { DuePlace, IntentCommand } from '../../ports/storage.ts'
import { batchOrEach } from '../batch-or-each.ts'
import { faultOf } from '../context.ts'
import { capOf, isOfItsTime } from '../dispatch/cap.ts'
import { putOffCapped } from '../dispatch/capped.ts'
import { cancel, decisionOn, type Evaluated, fail } from '../dispatch/decide.ts'
import { decideAll } from '../dispatch/evaluate.ts'
import { type Judged, type Judgement, judge } from '../dispatch/judge.ts'
import { tellDecided } from '../dispatch/tell.ts'
import { type DueWork, factsForLog, factsOf, idempotencyKeyOf, workOf } from '../dispatch/work.ts'
import { bodyOf, type ShouldContinue, type TaskContext, timeOf } from './task-context.ts'

const batchSize = 100
/** How long work is left alone that could not be decided. */
const waitMs = 5 * 60_000
/** How long a sign of life is good for. */
const aliveMs = 10_000

/** The outbox: reminders and notices that nobody has yet, in the order of their times. */
export class HandOver {
  readonly #shared: TaskContext
  /** Both by the clock's `elapsedMs`. */
  readonly #notBefore = new Map<string, number>()
  #aliveUntil = Number.NEGATIVE_INFINITY

  constructor(shared: TaskContext) {
    this.#shared = shared
  }

  /**
   * Hands over what waits, as far as the pace allows; `register` is called after each batch, so that what was committed is
   * told at once. While TaskManager does not answer nothing is handed over: what it never heard of may be sent without it.
   */
  async run(shouldContinue: ShouldContinue, register: () => Promise<void>): Promise<void> {
    const { pace, client } = this.#shared
    for (const read of [this.#notices, this.#reminders]) {
      let after: DuePlace | null = null
      do {
        const limit = Math.min(batchSize, pace.left)
        const works: readonly DueWork[] = limit === 0 ? [] : await read(after, limit)
        if (works.length === 0 || !(await shouldContinue()) || !(await this.#isAlive())) break
        const fresh = works.filter((due) => this.#isDue(due))
        if (fresh.length > 0 && (await this.#batch(fresh)) > 0) await register()
        after = placeOf(works.at(-1))
      } while (after !== null && client.isAvailable)
    }
  }

  /** Gives what TaskManager did not even hear of in time to the library itself, where it can send. */
  async release(shouldContinue: ShouldContinue): Promise<void> {
    const { context, settings } = this.#shared
    const { clock, storage } = context.options
    if (settings.overdue !== 'sendLocally') return
    const until = new Date(clock.now().getTime() - settings.overdueAfterMs)
    const readers = [
      (after: DuePlace | null) => this.#notices(after, batchSize, until),
      (after: DuePlace | null) => this.#reminders(after, batchSize, until),
    ]
    for (const read of readers) {
      let after: DuePlace | null = null
      do {
        const works: readonly DueWork[] = await read(after)
        if (works.length === 0 || !(await shouldContinue())) break
        const rows = await storage.settings.get([...new Set(works.map((due) => factsOf(due).organizationId))])
        const canSend = (due: DueWork) => {
          const { organizationId, channel } = factsOf(due)
          const own = rows.find((row) => row.organizationId === organizationId) ?? null
          return context.providers.sender(own, channel) !== null
        }
        const commands = works.filter(canSend).map(releaseCommand)
        const now = clock.now()
        const outcomes = await batchOrEach(commands, (some) => storage.deliveries.commitIntents(some, now))
        if (outcomes.length > 0) context.dueAt(now)
        after = placeOf(works.at(-1))
      } while (after !== null)
    }
  }

  readonly #notices = async (after: DuePlace | null, limit: number, until?: Date): Promise<DueWork[]> => {
    const { storage, clock } = this.#shared.context.options
    const rows = await storage.tasks.waitingNotices(until ?? clock.now(), after, limit)
    return rows.map((delivery) => ({ kind: 'notice', reminder: null, delivery }))
  }

  readonly #reminders = async (after: DuePlace | null, limit: number, until?: Date): Promise<DueWork[]> => {
    const rows = await this.#shared.context.options.storage.tasks.waiting(until ?? null, after, limit)
    return rows.map((reminder) => ({ kind: 'reminder', reminder, delivery: null }))
  }

  /** Whether anybody answers, so that not a whole batch is left in doubt when nobody does. */
  async #isAlive(): Promise<boolean> {
    const { client, context } = this.#shared
    const now = context.options.clock.elapsedMs()
    if (!client.isAvailable) return false
    if (now < this.#aliveUntil) return true
    const { latencyMs } = await client.health()
    if (latencyMs === null) return false
    this.#aliveUntil = now + aliveMs
    return true
  }

  #isDue(due: DueWork): boolean {
    const key = keyOf(due)
    const notBefore = this.#notBefore.get(key)
    if (notBefore === undefined) return true
    if (notBefore > this.#shared.context.options.clock.elapsedMs()) return false
    this.#notBefore.delete(key)
    return true
  }

  /** How many were handed over. */
  async #batch(works: readonly DueWork[]): Promise<number> {
    const { context, planner, pace } = this.#shared
    const { storage, clock } = context.options
    const judgement = await judge(context, works)
    const covered = await this.#covered(judgement)
    const { evaluated, toReplan } = decideAll(judgement, (one) => {
      const decided = this.#decide(judgement, covered.has(one.due) ? { ...one, verdict: sameAddress } : one)
      if (decided === null) this.#notBefore.set(keyOf(one.due), clock.elapsedMs() + waitMs)
      return decided
    })
    if (toReplan.length > 0) {
      await planner.plan(toReplan.map((appointmentId) => ({ appointmentId, reactivate: false, unreported: true })))
    }
    const now = clock.now()
    const commands = evaluated.map((one) => one.command)
    const outcomes = await batchOrEach(commands, (some) => storage.deliveries.commitIntents(some, now))
    const capped: Evaluated[] = []
    let count = 0
    for (const [index, one] of evaluated.entries()) {
      const outcome = outcomes[index]
      if (outcome === undefined || isNotificationError(outcome)) continue
      if (outcome.status === 'lost' || outcome.status === 'held') continue
      if (outcome.status === 'capped') capped.push(one)
      else if (one.command.kind === 'hand_over') count += 1
      else tellDecided(context, one, outcome.delivery)
    }
    if (capped.length > 0) {
      for (const { one, delivery } of await putOffCapped(context, capped, now)) tellDecided(context, one, delivery)
    }
    pace.take(count)
    return count
  }

  #decide(judgement: Judgement, one: Judged): Evaluated | null {
    const { context } = this.#shared
    const { due, verdict } = one
    const { now, knowledge, planOf } = judgement
    const { organizationId, recipient } = factsOf(due)
    if (verdict.kind === 'wait' || verdict.kind === 'move') return null
    if (verdict.kind === 'refuse') return fail(due, 'refused', verdict.rule)
    if (verdict.kind === 'cancel') return cancel(due, verdict.rule)
    let body: ReturnType<typeof bodyOf>
    try {
      body = bodyOf(judgement, one, timeOf(due.reminder, now))
    } catch (error) {
      context.options.logger.error('rendering a message failed', { ...factsForLog(due), fault: faultOf(error) })
      return fail(due, 'failed', 'template_failed')
    }
    if (body === null) return null
    const { content, facts, scheduledAt } = body
    const rule = 'task_manager_delivers'
    return {
      due,
      rule,
      outgoing: null,
      command: {
        ...decisionOn(due, 'handed_over', rule),
        kind: 'hand_over',
        guard: knowledge.guard(organizationId, [recipient], planOf(due)),
        content,
        idempotencyKey: idempotencyKeyOf(due),
        merged: [],
        // A reminder of its own time counts against the day it is sent, which is not this one.
        cap: isOfItsTime(due) ? null : capOf(context.options.sendCap, due, null, now),
        task: { facts, scheduledAt, nextAt: now },
      },
    }
  }

  /** Reminders whose address gets the very message by another recipient's, which was handed over before. */
  async #covered({ judged, knowledge }: Judgement): Promise<ReadonlySet<DueWork>> {
    const { storage } = this.#shared.context.options
    const covered = new Set<DueWork>()
    for (const one of judged) {
      const { due, verdict, subject } = one
      if (due.kind !== 'reminder' || verdict.kind !== 'send' || subject === null) continue
      const { organizationId, appointmentId, channel, recipient, reminderTime } = due.reminder
      const surroundings = knowledge.surroundings(organizationId)
      const sharing = subject.recipients.filter((other) => {
        if (isSameRecipient(other, recipient)) return false
        const { address } = effectiveFor(surroundings, other, 'REMINDER', channel)
        return address !== null && addressKey(address) === addressKey(verdict.address)
      })
      if (sharing.length === 0) continue
      const rows = await storage.reminders.list(organizationId, appointmentId)
      const isThere = rows.some(
        (row) =>
          row.channel === channel &&
          row.notificationId !== null &&
          (row.status === 'PENDING' || row.status === 'SENT') &&
          row.reminderTime.getTime() === reminderTime.getTime() &&
          sharing.some((other) => isSameRecipient(other, row.recipient)),
      )
      if (isThere) covered.add(due)
    }
    return covered
  }
}

const sameAddress = { kind: 'cancel', rule: 'same_address' } as const

const keyOf = (due: DueWork): string => JSON.stringify(workOf(due))

function placeOf(due: DueWork | undefined): DuePlace | null {
  const row = due?.delivery ?? due?.reminder
  return row == null || row.dueAt === null ? null : { dueAt: row.dueAt, id: row.id }
}

function releaseCommand(due: DueWork): IntentCommand {
  const idempotencyKey = idempotencyKeyOf(due)
  return { ...decisionOn(due, 'taken_over', 'task_manager_away'), kind: 'release', idempotencyKey }
}
