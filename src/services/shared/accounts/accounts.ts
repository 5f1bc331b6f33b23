import { nextUtcDay } from '../../../domain/retry.ts'
import type { AccountRow } from '../../../ports/storage.ts'
import { faultOf } from '../fault-log.ts'
import { isLimit, KnownPauses, ruleOf } from './known-pauses.ts'
import {
  type AccountPause,
  type AccountUser,
  abandonedOf,
  type DestinationPause,
  type Paused,
  type PausedAccount,
  type Probe,
  type Refusal,
  reportOf,
} from './paused-accounts.ts'
import { type Provider, sourceOf, withoutCredentials } from './providers.ts'
import type { AccountsContext } from './senders.ts'
import { accountKeyOf, dailyLimitCode, destinationOf, limitKeyOf, routeKeyOf, sendersOf } from './senders.ts'

/** The wait before a probe: from the first to the longest, doubled by each refusal. */
const firstProbeMs = 5000
const longestProbeMs = 60_000
/** What a provider may ask for beyond it. */
const longestAskedMs = 15 * 60_000
/** What is released at once; more would be put off again if the account fails anew. */
const releasedAtOnce = 500
/** Among so many of those with the least time left the probe is chosen in turn. */
const probedInTurn = 50
const pollMs = 30_000
const releasePollMs = 1000

/**
 * Accounts that are refused. Wrong credentials, a server that is away, a used-up quota concern the account and not the
 * message: it is paused for every process (`AccountStore`), and what is due for it waits without costing an attempt. One
 * message at a time tries it again, another one each time; the first that gets through releases the others. A sender that may
 * not send to a country is paused in the same way, for that country alone: it is one more account, beside its own.
 */
export class Accounts {
  readonly #context: AccountsContext
  readonly #paused: KnownPauses
  #running = false
  #turn: Promise<void> | null = null
  #again = false
  #cancel = () => {}

  constructor(context: AccountsContext) {
    this.#context = context
    this.#paused = new KnownPauses(context)
  }

  /** Reads what is known. From then on this process tries paused accounts, and releases what waits for those that are well. */
  async start(): Promise<void> {
    this.#running = true
    await this.#look()
    this.#schedule()
  }

  async stop(): Promise<void> {
    this.#running = false
    this.#cancel()
    await this.#turn
  }

  /** Credentials may have changed: what waits for the old ones goes at once. */
  changed(): void {
    if (this.#running) void this.#kick()
  }

  /** Work was put off until the account works. It may do so by now, or be used no more: that was decided a moment ago. */
  awaitedBy(account: string): void {
    if (this.#running && this.#paused.get(account) === undefined) void this.#kick()
  }

  /** Reads what is known by now, for a process that does not send. */
  async refresh(): Promise<void> {
    await this.#paused.read()
  }

  /** What is paused, the longest first, without accounts whose credentials nobody uses any more. */
  async report(): Promise<PausedAccount[]> {
    await this.#paused.read()
    return reportOf(this.#context, this.#paused.rows, (row) => this.#paused.pauseOf(row))
  }

  pause(provider: Provider): AccountPause | null {
    return this.#paused.pause(provider)
  }

  /** Where the sender may not send to, beside an account that is well: how the addresses begin. */
  pausedDestinations(provider: Provider): DestinationPause[] {
    return this.#paused.destinations(provider)
  }

  /**
   * Whether a message may be sent: nothing it needs is paused, or this one is to try it, which no other of this process may
   * then. Else what it waits for.
   */
  admit(provider: Provider, to: string): Paused | { readonly probe: Probe | null } {
    const known = this.#paused.pausedFor(provider, to)
    if (known === null) return { probe: null }
    const { account, refusals } = known.row
    if (!known.hasProbe) return { waitingFor: account, rule: ruleOf(provider, known.row) }
    known.hasProbe = false
    return { probe: { account, refusals } }
  }

  /** The message that was to try it was not begun. */
  giveBack({ account }: Probe): void {
    const known = this.#paused.get(account)
    if (known !== undefined) known.hasProbe = true
  }

  /** The provider refused the account, or the sender. Reported once a pause, not for every message that meets it. */
  async refused(provider: Provider, { organizationId, channel }: AccountUser, refusal: Refusal): Promise<Paused> {
    const { storage, clock, logger, random } = this.#context.options
    const at = clock.now()
    const { code, destination, probe, retryAfterMs = 0 } = refusal
    const message = withoutCredentials(refusal.message, provider.account)
    const account = destination === null ? accountKeyOf(provider) : routeKeyOf(provider, destination)
    const seenRefusals = probe?.account === account ? probe.refusals : 0
    if (destination !== null) await this.#recovered(accountKeyOf(provider))
    const growing = Math.min(longestProbeMs, firstProbeMs * 2 ** seenRefusals) * (0.5 + random() / 2)
    const waitMs = Math.max(growing, Math.min(Math.max(0, retryAfterMs || 0), longestAskedMs))
    const owner = sourceOf(provider) === 'organization' ? organizationId : null
    const fallback = { account, organizationId: owner, channel, provider: provider.transport.name, code }
    const probeAt = new Date(at.getTime() + waitMs)
    const wasPaused = this.#paused.get(account) !== undefined
    this.#paused.say(account, message)
    // At once, for the sends that begin while it is written.
    const first = { ...fallback, pausedSince: at, refusals: 1, probeAt }
    if (!wasPaused) this.#paused.keep(first)
    try {
      const row = await storage.accounts.refuse({ ...fallback, probeAt, seenRefusals, at })
      this.#paused.keep(row)
      if (!wasPaused && row.refusals === 1) {
        const facts = { organizationId: owner, channel, code, account: sourceOf(provider), fault: message }
        if (destination === null) logger.warn('account paused: due messages wait until it works again', facts)
        else logger.warn('sender paused for a country: due messages to it wait', { ...facts, destination })
      }
    } catch (error) {
      logger.warn('storing the pause of an account failed', { fault: faultOf(error) })
    }
    this.#schedule()
    return { waitingFor: account, rule: ruleOf(provider, first) }
  }

  /** The account sent as much as it may today: what is due for it waits for the next UTC day. */
  async limitReached(provider: Provider, { organizationId, channel }: AccountUser, at: Date): Promise<void> {
    const { storage, clock, logger } = this.#context.options
    const account = limitKeyOf(provider)
    const probeAt = nextUtcDay(at)
    // Another day has begun since the messages were counted.
    if (probeAt <= clock.now()) return
    const known = account === null ? undefined : this.#paused.get(account)
    if (account === null || (known !== undefined && known.row.probeAt > at)) return
    const owner = sourceOf(provider) === 'organization' ? organizationId : null
    const about = { account, organizationId: owner, channel, provider: provider.transport.name, code: dailyLimitCode }
    this.#paused.keep({ ...about, pausedSince: at, refusals: 1, probeAt })
    const { accountId, limits } = provider
    const facts = { organizationId: owner, channel, accountId, perDay: limits.perDay, until: probeAt.toISOString() }
    logger.warn('account reached its daily limit: due messages wait for the next day', facts)
    try {
      // What another process knows of the day before ends with that.
      if (known !== undefined) await storage.accounts.recover(account)
      this.#paused.keep(await storage.accounts.refuse({ ...about, probeAt, seenRefusals: 0, at }))
    } catch (error) {
      logger.warn('storing the pause of an account failed', { fault: faultOf(error) })
    }
    this.#schedule()
  }

  /** The provider took a message of the account, or said something about one recipient: the account and the sender are well. */
  async proven(provider: Provider, to: string): Promise<void> {
    for (
      let known = this.#paused.pausedFor(provider, to);
      known !== null;
      known = this.#paused.pausedFor(provider, to)
    ) {
      // It is well, and has sent enough.
      if (isLimit(known.row) || !(await this.#recovered(known.row.account))) return
    }
  }

  /** False: it could not be written, and is paused as before. */
  async #recovered(account: string): Promise<boolean> {
    const known = this.#paused.remove(account)
    if (known === undefined) return true
    const { storage, logger } = this.#context.options
    try {
      await storage.accounts.recover(account)
      this.#paused.forgetWords(account)
      const { organizationId, channel } = known.row
      logger.info(isLimit(known.row) ? 'account may send again: a day began' : 'account works again', {
        organizationId,
        channel,
      })
    } catch (error) {
      this.#paused.keep(known.row, known.hasProbe)
      logger.warn('storing the recovery of an account failed', { fault: faultOf(error) })
    }
    void this.#kick()
    return this.#paused.get(account) === undefined
  }

  #kick(): Promise<void> {
    this.#again = true
    this.#turn ??= this.#run().finally(() => {
      this.#turn = null
      this.#schedule()
    })
    return this.#turn
  }

  async #run(): Promise<void> {
    while (this.#again && this.#running) {
      this.#again = false
      await this.#look()
    }
  }

  #isReleasing = false

  #schedule(): void {
    this.#cancel()
    if (!this.#running) return
    const { clock, sweepMs } = this.#context.options
    const now = clock.now().getTime()
    const probes = this.#paused.rows.map((row) => Math.max(0, row.probeAt.getTime() - now))
    const poll = this.#isReleasing ? releasePollMs : probes.length > 0 ? pollMs : sweepMs
    this.#cancel = clock.after(Math.min(poll, ...probes), () => void this.#kick())
  }

  async #look(): Promise<void> {
    try {
      await this.#context.hostAccounts.load()
      await this.#paused.read()
      await this.#forget()
      await this.#probe()
      await this.#release()
    } catch (error) {
      this.#context.options.logger.warn('checking paused accounts failed', { fault: faultOf(error) })
    }
  }

  async #forget(): Promise<void> {
    for (const { account } of await abandonedOf(this.#context, this.#paused.rows)) {
      await this.#context.options.storage.accounts.recover(account)
      this.#paused.remove(account)
    }
  }

  /** Of several processes one has the probe, and makes the message due that is to try. */
  async #probe(): Promise<void> {
    const { storage, clock } = this.#context.options
    for (const row of this.#paused.rows) {
      const now = clock.now()
      if (row.probeAt > now) continue
      if (isLimit(row)) {
        await this.#recovered(row.account)
        continue
      }
      const until = new Date(now.getTime() + Math.min(longestProbeMs, firstProbeMs * 2 ** row.refusals))
      if (!(await storage.accounts.takeProbe(row.account, row.probeAt, until))) continue
      this.#paused.keep({ ...row, probeAt: until }, true)
      const skip = (row.refusals - 1) % probedInTurn
      await storage.accounts.release({ account: row.account, limit: 1, skip, at: now })
      this.#context.dueAt(now)
    }
  }

  /** What waits for an account that is well, or for credentials that are no longer used. */
  async #release(): Promise<void> {
    const { storage, clock } = this.#context.options
    this.#isReleasing = false
    for (const { account, organizationId } of await storage.accounts.awaited()) {
      const known = this.#paused.get(account)
      const isObsolete = known !== undefined && !(await this.#isUsed(known.row, organizationId))
      if (known !== undefined && !isObsolete) continue
      const only = isObsolete ? { organizationId } : {}
      const at = clock.now()
      const released = await storage.accounts.release({ account, ...only, limit: releasedAtOnce, at })
      if (released === 0) continue
      this.#isReleasing = true
      this.#context.dueAt(at)
    }
  }

  /** Whether the organization still sends through the account. */
  async #isUsed({ account, channel }: AccountRow, organizationId: string): Promise<boolean> {
    const senderOf = await sendersOf(this.#context, [organizationId])
    const provider = senderOf({ organizationId, channel })
    if (provider === null) return false
    const isIts = accountKeyOf(provider) === account || limitKeyOf(provider) === account
    return isIts || destinationOf(provider, account) !== null
  }
}
