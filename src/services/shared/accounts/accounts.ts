import { nextUtcDay } from '../../../domain/retry.ts'
import { faultOf } from '../fault-log.ts'
import { type Chosen, chooseAccount, likelyAccount } from './account-choice.ts'
import { type AccountFailing, AccountHealth, type Watched } from './account-health.ts'
import { withoutCredentials } from './account-secrets.ts'
import { AccountWatch, firstProbeMs, longestProbeMs } from './account-watch.ts'
import { isFailing, isLimit, KnownPauses, ruleOf } from './known-pauses.ts'
import {
  type AccountPause,
  type AccountUser,
  type DestinationPause,
  type Paused,
  type PausedAccount,
  type Probe,
  type Refusal,
  reportOf,
} from './paused-accounts.ts'
import { type Provider, type Senders, sourceOf } from './providers.ts'
import type { AccountsContext } from './senders.ts'
import { accountKeyOf, dailyLimitCode, limitKeyOf, routeKeyOf } from './senders.ts'

/** What a provider may ask for beyond the longest wait before a probe. */
const longestAskedMs = 15 * 60_000

/**
 * Accounts that are refused. Wrong credentials, a server that is away, a used-up quota concern the account and not the
 * message: it is paused for every process (`AccountStore`), and what is due for it goes by another account of the organization, or
 * waits without costing an attempt. One message at a time tries it again, another one each time; the first that gets through
 * releases the others. A sender that may not send to a country is paused in the same way, for that country alone: it is one more
 * account, beside its own. One of several by which too many messages fail or take too long is paused too, though not refused.
 */
export class Accounts {
  readonly #context: AccountsContext
  readonly #paused: KnownPauses
  readonly #watch: AccountWatch
  readonly #health: AccountHealth

  constructor(context: AccountsContext) {
    this.#context = context
    this.#paused = new KnownPauses(context)
    this.#watch = new AccountWatch(context, this.#paused, (account) => this.#recovered(account))
    this.#health = new AccountHealth(context.options.clock, (failing) => void this.#failing(failing))
  }

  /** Reads what is known. From then on this process tries paused accounts, and releases what waits for those that are well. */
  start(): Promise<void> {
    return this.#watch.start()
  }

  stop(): Promise<void> {
    return this.#watch.stop()
  }

  /** Credentials may have changed: what waits for the old ones goes at once. */
  changed(): void {
    this.#watch.kick()
  }

  /** Work was put off until one of the accounts works. It may do so by now, or be used no more: that was decided a moment ago. */
  awaitedBy(accounts: readonly string[]): void {
    if (accounts.some((account) => this.#paused.get(account) === undefined)) this.#watch.kick()
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

  /** It is paused because it fails or is slow too often; messages go by it all the same where no other account can. */
  isOnlyFailing(provider: Provider): boolean {
    return this.#paused.isOnlyFailing(provider)
  }

  /** Where the sender may not send to, beside an account that is well: how the addresses begin. */
  pausedDestinations(provider: Provider): DestinationPause[] {
    return this.#paused.destinations(provider)
  }

  /** By which of these a message goes now: `chooseAccount`. */
  choose(senders: Senders, to: string, options: { readonly mayWait: boolean }): Chosen | Paused {
    return chooseAccount(this.#paused, senders, to, options)
  }

  /** By which of these messages about a subject go most likely; null: they wait. */
  likely(senders: Senders, subject: string): Provider | null {
    return likelyAccount(this.#paused, senders, subject)
  }

  /** A message is to try what is paused: no other of this process may then. */
  take({ account }: Probe): void {
    const known = this.#paused.get(account)
    if (known !== undefined) known.hasProbe = false
  }

  /** The message that was to try it was not begun. */
  giveBack({ account }: Probe): void {
    const known = this.#paused.get(account)
    if (known !== undefined) known.hasProbe = true
  }

  /** A message is begun by one of several accounts: how it ends, and how long it takes, counts for the account. */
  watch(provider: Provider, user: AccountUser, probe: Probe | null): Watched {
    return this.#health.watch(provider, user, probe)
  }

  /** The provider refused the account, or the sender. Reported once a pause, not for every message that meets it. */
  async refused(provider: Provider, user: AccountUser, refusal: Refusal): Promise<Paused> {
    const { clock, random } = this.#context.options
    const { code, destination, probe, retryAfterMs = 0, hasOthers } = refusal
    const message = withoutCredentials(refusal.message, provider.account)
    const account = destination === null ? accountKeyOf(provider) : routeKeyOf(provider, destination)
    if (destination !== null && !this.#paused.isOnlyFailing(provider)) await this.#recovered(accountKeyOf(provider))
    const known = this.#paused.get(account)
    // What is refused is not only failing any more.
    const wasFailing = known !== undefined && isFailing(known.row)
    const seenRefusals = wasFailing ? known.row.refusals : probe?.account === account ? probe.refusals : 0
    const growing = Math.min(longestProbeMs, firstProbeMs * 2 ** (wasFailing ? 0 : seenRefusals)) * (0.5 + random() / 2)
    const waitMs = Math.max(growing, Math.min(Math.max(0, retryAfterMs || 0), longestAskedMs))
    this.#paused.say(account, message)
    const facts = { account: sourceOf(provider), fault: message, ...(destination !== null && { destination }) }
    const then = hasOthers ? 'due messages go by another account' : 'due messages wait until it works again'
    const towards = hasOthers ? 'due messages to it go by another account' : 'due messages to it wait'
    const words = destination === null ? `account paused: ${then}` : `sender paused for a country: ${towards}`
    const probeAt = new Date(clock.now().getTime() + waitMs)
    return await this.#pause(provider, user, { account, code, probeAt, seenRefusals, wasFailing, words, facts })
  }

  /** Of one of several: it is not tried but by probes, as long as others can send. */
  async #failing({ provider, user, code, probe, facts }: AccountFailing): Promise<void> {
    const account = accountKeyOf(provider)
    const isProbed = probe?.account === account
    if (!isProbed && this.#paused.get(account) !== undefined) return
    const { clock, random } = this.#context.options
    const probeAt = new Date(clock.now().getTime() + longestProbeMs * (0.5 + random() / 2))
    const seenRefusals = isProbed ? probe.refusals : 0
    const words = 'account fails too often: others send until it works again'
    await this.#pause(provider, user, { account, code, probeAt, seenRefusals, wasFailing: false, words, facts })
  }

  async #pause(
    provider: Provider,
    { organizationId, channel }: AccountUser,
    { account, code, probeAt, seenRefusals, wasFailing, words, facts }: NewPause,
  ): Promise<Paused> {
    const { storage, clock, logger } = this.#context.options
    const at = clock.now()
    const owner = sourceOf(provider) === 'organization' ? organizationId : null
    const about = { account, organizationId: owner, channel, provider: provider.transport.name, code }
    const wasPaused = this.#paused.get(account) !== undefined && !wasFailing
    // At once, for the sends that begin while it is written.
    const first = { ...about, pausedSince: at, refusals: 1, probeAt }
    if (!wasPaused) this.#paused.keep(first)
    try {
      const row = await storage.accounts.refuse({ ...about, probeAt, seenRefusals, at })
      this.#paused.keep(row)
      if (!wasPaused && (wasFailing || row.refusals === 1))
        logger.warn(words, { organizationId: owner, channel, code, ...facts })
    } catch (error) {
      logger.warn('storing the pause of an account failed', { fault: faultOf(error) })
    }
    this.#watch.schedule()
    return { waitingFor: [account], rule: ruleOf(provider, first) }
  }

  /** The account sent as much as it may today: what is due for it waits for the next UTC day, or goes by another. */
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
    this.#watch.schedule()
  }

  /**
   * The provider took a message of the account, or said something about one recipient: the account and the sender are well. One
   * that fails too often is well when the message was to try it (`probe`).
   */
  async proven(provider: Provider, to: string, probe: Probe | null = null): Promise<void> {
    for (
      let known = this.#paused.pausedFor(provider, to);
      known !== null;
      known = this.#paused.pausedFor(provider, to)
    ) {
      const { account, refusals } = known.row
      // A probe that took too long counted as one more failure.
      const wasTried = probe?.account === account && probe.refusals === refusals
      // It is well, and has sent enough.
      if (isLimit(known.row) || (isFailing(known.row) && !wasTried)) return
      this.#health.forget(provider)
      if (!(await this.#recovered(account))) return
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
      this.#watch.schedule()
      return false
    }
    this.#watch.kick()
    // A failure meanwhile may have paused it again.
    return this.#paused.get(account) === undefined
  }
}

type NewPause = {
  readonly account: string
  readonly code: string
  readonly probeAt: Date
  readonly seenRefusals: number
  /** It was paused because it failed too often, and is refused now. */
  readonly wasFailing: boolean
  readonly words: string
  readonly facts: Readonly<Record<string, unknown>>
}
