import { goneForMs } from '../../../domain/due.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { DecisionStore } from '../../../ports/storage.ts'
import type { EntityId } from '../../../schemas/common.ts'
import type { DecisionRecord } from '../../../schemas/decision.ts'

/** How long it is remembered that an object was missing, in ms. */
const rememberedForMs = 2 * 24 * 60 * 60_000
/** How many missing waitlist entries are remembered; further ones are looked up a little longer. */
const maxRemembered = 10_000

/**
 * Objects missing from the directory. One result without the object withdraws nothing; another one `goneForMs` later does.
 * Since when appointments are missing is in the decisions, for all processes; for waitlist entries, in this process only.
 */
export class Disappearances {
  readonly #decisions: Pick<DecisionStore, 'list'>
  readonly #clock: Clock
  /** By the clock's `elapsedMs`. */
  readonly #entries = new Map<EntityId, number>()

  constructor(decisions: Pick<DecisionStore, 'list'>, clock: Clock) {
    this.#decisions = decisions
    this.#clock = clock
  }

  /** For an appointment that is missing now: whether it was missing before, and long enough ago. */
  async ofAppointment(organizationId: string, appointmentId: EntityId): Promise<'new' | 'missed' | 'gone'> {
    const since = missedSince(await this.#decisions.list(organizationId, appointmentId))
    const ageMs = since === null ? Number.POSITIVE_INFINITY : this.#clock.now().getTime() - since.getTime()
    if (ageMs > rememberedForMs) return 'new'
    return ageMs >= goneForMs ? 'gone' : 'missed'
  }

  /** The same for a waitlist entry, which is remembered from then on. */
  isWaitlistEntryGone(id: EntityId): boolean {
    const now = this.#clock.elapsedMs()
    const since = this.#entries.get(id)
    if (since === undefined && this.#entries.size < maxRemembered) this.#entries.set(id, now)
    return since !== undefined && now - since >= goneForMs
  }

  /** The entry is in the directory. */
  waitlistEntryFound(id: EntityId): void {
    this.#entries.delete(id)
  }
}

/** Since when all decisions were to look for it again; null if the last one was another. */
function missedSince(decisions: readonly DecisionRecord[]): Date | null {
  let since: Date | null = null
  for (const { at, entries } of decisions.toReversed()) {
    if (!entries.every(({ action, rule }) => action === 'deferred' && rule === 'appointment_gone')) break
    since = at
  }
  return since
}
