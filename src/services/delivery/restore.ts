import { z } from 'zod'
import type { Channel } from '../../channels/index.ts'
import { NotificationError } from '../../errors.ts'
import type { DeliveryRow, HeldPlace, IntentCommand, IntentOutcome, ReminderRow } from '../../ports/storage.ts'
import {
  type EntityId,
  fieldInvalid,
  organizationId,
  parseInput,
  type RecipientRef,
  recipientRef,
} from '../../schemas/common.ts'
import { ruleTable } from '../../schemas/rules.ts'
import type { Category } from '../../schemas/vocabulary.ts'
import type { ReconcileReport } from '../planning/reconcile-report.ts'
import type { Reconciler } from '../planning/reconciler.ts'
import type { Context } from '../shared/context.ts'
import { cancel, type Decided, decided } from './decisions.ts'
import { emitDecided } from './delivery-events.ts'
import { commitIntents } from './process-due.ts'
import {
  allDue,
  type DueWork,
  idempotencyKeyOf,
  mayHaveGoneOut,
  pagesOf,
  readWork,
  reminderWork,
  wantedAt,
  withReminders,
} from './work.ts'

export const heldFilter = z.strictObject({
  /** Only messages of this organization. Default: of all. */
  organizationId: organizationId.optional(),
  /** Only messages about this appointment. Default: about all. */
  appointmentId: recipientRef.shape.id.optional(),
})
/** Which held messages to list, release or cancel. Default: all. */
export type HeldFilter = z.infer<typeof heldFilter>

/** A message that waits for a decision since `afterRestore()`. */
export type HeldMessage = {
  readonly organizationId: string
  readonly appointmentId: EntityId | null
  readonly waitlistEntryId: EntityId | null
  readonly recipient: RecipientRef
  readonly channel: Channel
  readonly category: Category
  /** When it should have been sent: the time of the reminder, or when the notice was requested. */
  readonly wantedAt: Date
  readonly heldAt: Date
  /**
   * The key with which it was or will be sent. It is part of the mail's Message-ID, by which you can find the mail in the
   * log of a mail server.
   */
  readonly idempotencyKey: string
  readonly reminderId: number | null
  /** Null: no attempt had begun before the backup. */
  readonly notificationId: number | null
}

/**
 * Result of `afterRestore()`. `held`: how many messages this call holds for a decision. `reconciliation`: what the directory
 * returned that the backup did not have.
 */
export type RestoreReport = { readonly held: number; readonly reconciliation: ReconcileReport }

const pageSize = 500
/** How long, and how often, rows that another transaction has are waited for. */
const [waitMs, mostTries] = [500, 20]
/** Released of the work that waits for an account, at a time. */
const accountPage = 500

/** After a restore from a backup it is unknown what was sent since: what fell due is held until a person decides. */
export class Restore {
  readonly #context: Context
  readonly #reconciler: Reconciler

  constructor(context: Context, reconciler: Reconciler) {
    this.#context = context
    this.#reconciler = reconciler
  }

  /** See `Notifications.afterRestore`. */
  async afterRestore(since: Date): Promise<RestoreReport> {
    const { clock, logger } = this.#context.options
    const now = clock.now()
    if (!(since instanceof Date) || !(since.getTime() <= now.getTime())) {
      throw fieldInvalid('since', 'must be the time of the backup: a Date in the past')
    }
    await this.#releaseWaiting(now)
    const held = (await this.#holdDue(since, now)) + (await this.#holdSending(since, now))
    const reconciliation = await this.#reconciler.reconcile({}, { skipPast: true })
    logger.warn('messages that fell due since the backup are held', { held, since: since.toISOString() })
    return { held, reconciliation }
  }

  /** First held first, at most 1000. */
  async list(filter: HeldFilter = {}): Promise<HeldMessage[]> {
    const wanted = parseInput(heldFilter, filter, 'filter')
    const found: HeldMessage[] = []
    for await (const works of this.#held(wanted)) {
      found.push(...works.map(show))
      if (found.length >= 2 * pageSize) break
    }
    return found.toSorted((one, other) => one.heldAt.getTime() - other.heldAt.getTime()).slice(0, 2 * pageSize)
  }

  /** How many of each kind wait, counted up to `limit`. */
  async count(limit: number): Promise<number> {
    const { reminders, deliveries } = this.#context.options.storage
    const found = await Promise.all([reminders.suspended(null, limit), deliveries.suspended(null, limit)])
    return found.flat().length
  }

  /** Sends what is still of use, under the keys of before; the rest is withdrawn, as any due message is. */
  async release(filter: HeldFilter = {}): Promise<{ readonly released: number }> {
    const released = await this.#decide(filter, (due) => decided(due, 'released', 'released', { kind: 'resume' }))
    if (released.length > 0) this.#context.dueAt(this.#context.options.clock.now())
    return { released: released.length }
  }

  /** Withdraws them. One that an attempt was begun of before the backup is recorded as of unknown outcome. */
  async cancel(filter: HeldFilter = {}): Promise<{ readonly cancelled: number }> {
    const message = `Outcome unknown: ${ruleTable.restored}.`
    const cancelled = await this.#decide(filter, (due) =>
      mayHaveGoneOut(due)
        ? decided(due, 'held', 'restored', { kind: 'hold', code: 'restored', message })
        : cancel(due, 'restored'),
    )
    for (const { one, delivery } of cancelled) emitDecided(this.#context, one, delivery)
    return { cancelled: cancelled.length }
  }

  /** What waits for an account was perhaps sent as soon as the account was well. */
  async #releaseWaiting(at: Date): Promise<void> {
    const { accounts } = this.#context.options.storage
    for (const { account } of await accounts.awaited()) {
      while ((await accounts.release({ account, limit: accountPage, at })) > 0);
    }
  }

  async #holdDue(since: Date, now: Date): Promise<number> {
    const { storage } = this.#context.options
    for (let held = 0; ; ) {
      const { works } = await readWork(allDue(storage), storage, { now, limit: pageSize })
      const count = await this.#suspend(works, since, now)
      if (count === 0) return held
      held += count
    }
  }

  /** Their workers are gone, so their outcome is unknown. */
  async #holdSending(since: Date, now: Date): Promise<number> {
    const { storage } = this.#context.options
    const claims = await storage.deliveries.claims()
    const rows = await Promise.all(claims.map(({ id }) => storage.deliveries.get(id)))
    const sending = rows.filter((row) => row !== null)
    return this.#suspend(await withReminders(storage, sending), since, now)
  }

  async #suspend(works: readonly DueWork[], since: Date, now: Date): Promise<number> {
    const detail = `backup of ${since.toISOString()}`
    const commands = works.map((due) => decided(due, 'held', 'restored', { kind: 'suspend' }, detail).command)
    return (await this.#commit(commands, now)).filter((outcome) => outcome?.status === 'committed').length
  }

  async #decide(
    filter: HeldFilter,
    decide: (due: DueWork) => Decided,
  ): Promise<{ readonly one: Decided; readonly delivery: DeliveryRow | null }[]> {
    const wanted = parseInput(heldFilter, filter, 'filter')
    const written: { one: Decided; delivery: DeliveryRow | null }[] = []
    for await (const works of this.#held(wanted)) {
      const ones = works.map(decide)
      const commands = ones.map(({ command }) => command)
      const outcomes = await this.#commit(commands, this.#context.options.clock.now())
      for (const [index, one] of ones.entries()) {
        const outcome = outcomes[index]
        if (outcome?.status === 'committed') written.push({ one, delivery: outcome.delivery })
      }
    }
    return written
  }

  /** In the order of the commands. Waits for rows that another transaction has. */
  async #commit(commands: readonly IntentCommand[], now: Date): Promise<(IntentOutcome | undefined)[]> {
    const { storage, clock } = this.#context.options
    const outcomes = new Map<IntentCommand, IntentOutcome>()
    for (let left = commands, tries = 0; left.length > 0; tries += 1) {
      const found = await commitIntents(storage, left, now)
      for (const [index, command] of left.entries()) {
        const outcome = found[index]
        if (outcome instanceof NotificationError) throw outcome
        if (outcome !== undefined && outcome.status !== 'held') outcomes.set(command, outcome)
      }
      left = left.filter((command) => !outcomes.has(command))
      if (left.length === 0) break
      if (tries === mostTries)
        throw new NotificationError(
          'storage_busy',
          `Another transaction has locked ${left.length} of the rows. Try again later.`,
        )
      await new Promise<void>((resolve) => clock.after(waitMs, resolve))
    }
    return commands.map((command) => outcomes.get(command))
  }

  async *#held(wanted: HeldFilter): AsyncGenerator<readonly DueWork[]> {
    const { storage } = this.#context.options
    const isWanted = (due: DueWork): boolean => {
      const target = due.target
      return (
        (wanted.organizationId === undefined || target.organizationId === wanted.organizationId) &&
        (wanted.appointmentId === undefined || target.appointmentId === wanted.appointmentId)
      )
    }
    for await (const rows of pagesOf((after) => storage.reminders.suspended(after, pageSize), placeOf)) {
      yield rows.map(reminderWork).filter(isWanted)
    }
    for await (const rows of pagesOf((after) => storage.deliveries.suspended(after, pageSize), placeOf)) {
      yield (await withReminders(storage, rows)).filter(isWanted)
    }
  }
}

const placeOf = ({ id, heldAt }: Pick<ReminderRow, 'id' | 'heldAt'>): HeldPlace | null =>
  heldAt === null ? null : { heldAt, id }

function show(due: DueWork): HeldMessage {
  const { organizationId: organization, appointmentId, waitlistEntryId, recipient, channel, category } = due.target
  return {
    organizationId: organization,
    appointmentId,
    waitlistEntryId,
    recipient,
    channel,
    category,
    wantedAt: wantedAt(due),
    heldAt: (due.delivery ?? due.reminder).heldAt ?? new Date(0),
    idempotencyKey: idempotencyKeyOf(due),
    reminderId: due.reminder?.id ?? null,
    notificationId: due.delivery?.id ?? null,
  }
}
