import { leaseChallengeMs } from '../../ports/storage/deliveries.ts'
import type { Claim, DeliveryRow } from '../../ports/storage.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'

/** How long a holder that lives has to answer a challenge, at least: it may have to find its way to the database again. */
const leastGraceMs = 2000
/** So much of a lease has passed unchanged when its holder is challenged; it would have renewed at half of it. */
const challengeAt = 3 / 4
/** Leases longer than that are not asked for. */
const longestLeaseMs = 3_600_000
/** What is to be taken over, and could not be yet, is tried again so soon. */
const againMs = 1000
/** How many are taken over at a time. */
const atOnce = 100

/** When by the clock's `elapsedMs` a claim was first seen as it is, and when its holder was challenged. */
type Watched = { readonly claim: Claim; readonly since: number; readonly challengedAt: number | null }

/**
 * Finds the deliveries whose worker is gone. No two clocks are compared: a claim is over when this process has itself seen
 * it unchanged for the length of its lease, measured by its own steady clock, and when its holder did not answer a challenge.
 * The challenge is a write: as long as nobody can write, no holder can renew, and nothing is taken from it; and as
 * soon as somebody can, it can write what it has had accepted.
 */
export class LeaseWatch {
  readonly #context: Context
  readonly #isOurs: (id: number) => boolean
  #watched = new Map<number, Watched>()
  #lookAt = Number.NEGATIVE_INFINITY

  /** `isOurs`: what this process sends itself, or has still to write the outcome of. */
  constructor(context: Context, isOurs: (id: number) => boolean) {
    this.#context = context
    this.#isOurs = isOurs
  }

  /** Looks where it is time to; returns what is to be taken over. A fault is logged, and what is watched stays so. */
  async look(): Promise<readonly DeliveryRow[]> {
    const { clock, logger, storage, sweepMs, leaseMs } = this.#context.options
    const seenAt = clock.elapsedMs()
    if (seenAt < this.#lookAt) return []
    try {
      this.#observe(await storage.deliveries.claims())
      await this.#challenge(seenAt)
      const over = [...this.#watched.values()].filter((one) => this.#isOver(one, seenAt))
      return await this.#read(over.slice(0, atOnce))
    } catch (error) {
      logger.warn('checking the leases of other workers failed', { fault: faultOf(error) })
      return []
    } finally {
      const periodMs = Math.min(sweepMs, leaseMs / 4)
      this.#lookAt = seenAt + Math.min(periodMs, this.waitMs ?? periodMs)
    }
  }

  /** How long nothing has to be looked at; null: there is nothing to watch. */
  get waitMs(): number | null {
    const now = this.#context.options.clock.elapsedMs()
    const waits = [...this.#watched.values()].map((one) => this.#turnOf(one) - now)
    return waits.length === 0 ? null : Math.max(againMs, Math.min(...waits))
  }

  #observe(claims: readonly Claim[]): void {
    const now = this.#context.options.clock.elapsedMs()
    const before = this.#watched
    this.#watched = new Map()
    for (const claim of claims) {
      if (this.#isOurs(claim.id)) continue
      const known = before.get(claim.id)
      const isSame = known !== undefined && isUnchanged(known.claim, claim)
      this.#watched.set(claim.id, isSame ? known : { claim, since: now, challengedAt: null })
    }
  }

  async #challenge(seenAt: number): Promise<void> {
    const { storage, clock, logger } = this.#context.options
    const silent = [...this.#watched.values()].filter(
      (one) => one.challengedAt === null && seenAt - one.since >= challengeAt * this.#lengthOf(one.claim),
    )
    if (silent.length === 0) return
    const answers = await storage.deliveries.challenge(silent.map(({ claim }) => claim))
    const challengedAt = clock.elapsedMs()
    for (const [index, { claim, since }] of silent.entries()) {
      const until = new Date(claim.until.getTime() + leaseChallengeMs)
      if (answers[index] === true) this.#watched.set(claim.id, { claim: { ...claim, until }, since, challengedAt })
      else this.#watched.delete(claim.id)
    }
    logger.info('asked silent workers whether they are still sending', { count: silent.length })
  }

  #isOver(one: Watched, seenAt: number): boolean {
    return one.challengedAt !== null && seenAt >= this.#turnOf(one)
  }

  /** When something is to be done about it: challenge its holder, or take it over. */
  #turnOf({ claim, since, challengedAt }: Watched): number {
    const lengthMs = this.#lengthOf(claim)
    if (challengedAt === null) return since + challengeAt * lengthMs
    return Math.max(since + lengthMs, challengedAt + Math.max(leastGraceMs, (1 - challengeAt) * lengthMs))
  }

  /** Its holder may have been given another length than this process. */
  #lengthOf({ since, until }: Claim): number {
    return Math.min(longestLeaseMs, Math.max(this.#context.options.leaseMs, until.getTime() - since.getTime()))
  }

  /** The whole rows, of those that did not change meanwhile. */
  async #read(over: readonly Watched[]): Promise<DeliveryRow[]> {
    const { deliveries } = this.#context.options.storage
    const rows = await Promise.all(over.map(({ claim }) => deliveries.get(claim.id)))
    return rows.flatMap((row, index) => {
      const claim = over[index]?.claim
      const isSame = row?.fence === claim?.fence && row?.dueAt?.getTime() === claim?.until.getTime()
      return row !== null && row.state === 'sending' && isSame ? [row] : []
    })
  }
}

/**
 * When to wake up, to look for workers that died: no due time announces that. None where sweeps are at least as frequent, and find
 * them without.
 */
export async function leaseEnds({ options }: Context): Promise<readonly Date[]> {
  const { storage, sweepMs, leaseMs } = options
  return sweepMs <= leaseMs ? [] : (await storage.deliveries.claims()).map(({ until }) => until)
}

const isUnchanged = (one: Claim, other: Claim): boolean =>
  one.fence === other.fence && one.until.getTime() === other.until.getTime()
