import { isSameRecipient } from '../../domain/appointment.ts'
import { writtenTo } from '../../domain/plan.ts'
import type { CheckResult } from '../../domain/timely.ts'
import type { DuePlace, IntentCommand } from '../../ports/storage.ts'
import { type BatchContext, type CheckedBatch, isSendable, type Sendable } from '../delivery/checked.ts'
import { capOf, isOfItsTime, putOffCapped } from '../delivery/daily-cap.ts'
import { type Decided, decided, defer, fail } from '../delivery/decisions.ts'
import { emitDecided } from '../delivery/delivery-events.ts'
import { fallbackOf } from '../delivery/fallbacks.ts'
import { commitIntents, type Outlet, processDue } from '../delivery/process-due.ts'
import { atSameAddress } from '../delivery/siblings.ts'
import { type DueWork, deliveryWork, idempotencyKeyOf, pagesOf, reminderWork, workKey } from '../delivery/work.ts'
import { textInWords } from '../messages/worded.ts'
import { unreportedChange } from '../planning/plan-row.ts'
import { sendersOf } from '../shared/accounts/senders.ts'
import { bodyOf } from './draft.ts'
import type { ShouldContinue, TaskContext } from './task-updates.ts'

const batchSize = 100
/** How long work that could not be decided is put off, in ms. */
const waitMs = 5 * 60_000
/** How long TaskManager counts as available after a successful health check, in ms. */
const aliveMs = 10_000

/** The outbox: hands over reminders and notices that TaskManager does not have yet, in order of time. */
export class HandOver {
  readonly #shared: TaskContext
  readonly #outlet: Outlet
  /** Both by the clock's `elapsedMs`. */
  readonly #notBefore = new Map<string, number>()
  #aliveUntil = Number.NEGATIVE_INFINITY

  constructor(shared: TaskContext) {
    this.#shared = shared
    const { context } = shared
    this.#outlet = {
      send: (one, batch) => intentToHandOver(shared, one, batch),
      wait: ({ due }, result, { now }) => {
        const forMs = result.rule === 'in_quiet_hours' ? (result.waitMs ?? waitMs) : waitMs
        this.#notBefore.set(workKey(due), context.options.clock.elapsedMs() + forMs)
        const until = new Date(now.getTime() + forMs)
        // What waits for the morning is not overdue before it.
        const isPutOff = result.rule === 'in_quiet_hours' && dueAtOf(due) < until
        return isPutOff ? defer(due, until, result) : null
      },
      overrule: (checkedBatch) => this.#covered(checkedBatch),
      written: (one, delivery) => emitDecided(context, one, delivery),
      unwritten: () => {},
    }
  }

  /**
   * Hands over waiting work, as far as the rate limit allows; `register` is called after each batch, so that committed work
   * is registered at once. Nothing is handed over while TaskManager does not respond: work it never received can be sent without it.
   */
  async run(shouldContinue: ShouldContinue, register: () => Promise<void>): Promise<void> {
    const { rate, client } = this.#shared
    for (const read of [this.#notices, this.#reminders]) {
      for await (const works of pagesOf((after) => read(after, Math.min(batchSize, rate.left)), placeOf)) {
        if (!(await shouldContinue()) || !(await this.#isAlive())) break
        const fresh = works.filter((due) => this.#isDue(due))
        if (fresh.length > 0 && (await this.#batch(fresh)) > 0) await register()
        if (!client.isAvailable) break
      }
    }
  }

  /** Releases overdue work that TaskManager never received to the library itself, if the library can send it. */
  async release(shouldContinue: ShouldContinue): Promise<void> {
    const { context, settings } = this.#shared
    const { clock, storage } = context.options
    if (settings.overdue !== 'sendLocally') return
    const until = new Date(clock.now().getTime() - settings.overdueAfterMs)
    for (const read of [this.#notices, this.#reminders]) {
      for await (const works of pagesOf((after) => read(after, batchSize, until), placeOf)) {
        if (!(await shouldContinue())) break
        const senderOf = await sendersOf(
          context,
          works.map((due) => due.target.organizationId),
        )
        const commands = works.filter((due) => senderOf(due.target) !== null).map(release)
        const now = clock.now()
        const outcomes = await commitIntents(storage, commands, now)
        if (outcomes.length > 0) context.dueAt(now)
      }
    }
  }

  readonly #notices = async (after: DuePlace | null, limit: number, until?: Date): Promise<DueWork[]> => {
    const { storage, clock } = this.#shared.context.options
    const rows = limit === 0 ? [] : await storage.tasks.waitingNotices(until ?? clock.now(), after, limit)
    return rows.map((delivery) => deliveryWork(delivery, null))
  }

  readonly #reminders = async (after: DuePlace | null, limit: number, until?: Date): Promise<DueWork[]> => {
    const { tasks } = this.#shared.context.options.storage
    return (limit === 0 ? [] : await tasks.waiting(until ?? null, after, limit)).map(reminderWork)
  }

  /** Whether TaskManager responds, so that an outage does not leave a whole batch in doubt. */
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
    const key = workKey(due)
    const notBefore = this.#notBefore.get(key)
    if (notBefore === undefined) return true
    if (notBefore > this.#shared.context.options.clock.elapsedMs()) return false
    this.#notBefore.delete(key)
    return true
  }

  /** Returns how many were handed over. */
  async #batch(works: readonly DueWork[]): Promise<number> {
    const { context, planner, rate } = this.#shared
    const { now, written, capped, moved } = await processDue(context, works, this.#outlet)
    const count = written.filter(({ command }) => command.kind === 'hand_over').length
    rate.take(count)
    await putOffCapped(context, capped, now, this.#outlet.written)
    if (moved.size > 0) await planner.plan([...moved].map(unreportedChange))
    return count
  }

  /** Reminders whose address already gets the same message through another recipient's, which was handed over before. */
  async #covered({ checked, knowledge }: CheckedBatch): Promise<ReadonlyMap<DueWork, CheckResult>> {
    const { storage } = this.#shared.context.options
    const covered = new Map<DueWork, CheckResult>()
    for (const one of checked) {
      const { due } = one
      if (due.kind !== 'reminder' || !isSendable(one)) continue
      const { organizationId, appointmentId, channel, reminderTime } = due.reminder
      const sharing = atSameAddress(one, one.subject.recipients, knowledge, { evenIfDenied: true })
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
      if (isThere) covered.set(due, { kind: 'cancel', rule: 'same_address' })
    }
    return covered
  }
}

/** The intent that TaskManager sends the message: at its time, or now if it is late or immediate. */
function intentToHandOver({ context }: TaskContext, one: Sendable, batch: BatchContext): Decided | null {
  const { due } = one
  const { knowledge, planOf, now } = batch
  const { organizationId, recipient, channel, category } = due.target
  const isToCome = due.reminder !== null && due.reminder.reminderTime >= now
  const body = bodyOf(context, one, batch, isToCome ? due.reminder.reminderTime : now)
  if (body === null) return fail(due, 'failed', 'template_failed', fallbackOf(one, knowledge))
  const { content, facts, scheduledAt, findings } = body
  const reader = writtenTo(knowledge.surroundings(organizationId), one.result.recipient, category)
  const command = {
    kind: 'hand_over',
    guard: knowledge.guard(
      organizationId,
      reader === one.result.recipient ? [recipient] : [recipient, reader],
      planOf(due),
      { channel, address: one.result.address },
    ),
    content,
    idempotencyKey: idempotencyKeyOf(due),
    merged: [],
    // A reminder that is not sent at once counts against the day on which it is sent.
    cap: isOfItsTime(due) ? null : capOf(context.options.sendCap, due, () => null),
    task: { facts, scheduledAt, nextAt: now },
  } as const
  return decided(due, 'handed_over', 'task_manager_delivers', command, textInWords(findings).join('; ') || undefined)
}

const release = (due: DueWork): IntentCommand =>
  decided(due, 'taken_over', 'task_manager_away', { kind: 'release', idempotencyKey: idempotencyKeyOf(due) }).command

const dueAtOf = ({ delivery, reminder }: DueWork): Date => (delivery ?? reminder)?.dueAt ?? new Date(0)

function placeOf(due: DueWork): DuePlace | null {
  const { id, dueAt } = due.delivery ?? due.reminder
  return dueAt === null ? null : { dueAt, id }
}
