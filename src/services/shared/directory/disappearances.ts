import { goneForMs } from '../../../domain/due.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { DecisionStore } from '../../../ports/storage.ts'
import type { EntityId } from '../../../schemas/common.ts'
import type { DecisionRecord } from '../../../schemas/decision.ts'

/** What was missed longer ago, and not since, is missed for the first time again, in ms. */
const rememberedForMs = 2 * 24 * 60 * 60_000
/** Waitlist entries that are remembered; those beyond are looked for a little longer. */
const mostRemembered = 10_000

/**
 * What the host did not know when it was asked. One answer without it withdraws nothing; one that is `goneForMs` later does.
 * Of appointments the decisions tell when it was first missed, whichever process asked; of waitlist entries this process alone.
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

  /** Of an appointment that the host does not know now: whether it was missed before, and long enough ago. */
  async ofAppointment(organizationId: string, appointmentId: EntityId): Promise<'new' | 'missed' | 'gone'> {
    const since = missedSince(await this.#decisions.list(organizationId, appointmentId))
    const ageMs = since === null ? Number.POSITIVE_INFINITY : this.#clock.now().getTime() - since.getTime()
    if (ageMs > rememberedForMs) return 'new'
    return ageMs >= goneForMs ? 'gone' : 'missed'
  }

  /** The same of a waitlist entry, which is remembered from then on. */
  isWaitlistEntryGone(id: EntityId): boolean {
    const now = this.#clock.elapsedMs()
    const since = this.#entries.get(id)
    if (since === undefined && this.#entries.size < mostRemembered) this.#entries.set(id, now)
    return since !== undefined && now - since >= goneForMs
  }

  /** The host knows it. */
  waitlistEntryFound(id: EntityId): void {
    this.#entries.delete(id)
  }
}

/** Since when nothing was decided of it but to look for it again; null: that is not the last that was decided. */
function missedSince(decisions: readonly DecisionRecord[]): Date | null {
  let since: Date | null = null
  for (const { at, entries } of decisions.toReversed()) {
    if (!entries.every(({ action, rule }) => action === 'deferred' && rule === 'appointment_gone')) break
    since = at
  }
  return since
}
