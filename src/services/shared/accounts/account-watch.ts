import type { AccountRow } from '../../../ports/storage.ts'
import { faultOf } from '../fault-log.ts'
import { isFailing, isLimit, type KnownPauses } from './known-pauses.ts'
import { abandonedOf } from './paused-accounts.ts'
import { verifyProvider } from './provider-calls.ts'
import type { Provider } from './providers.ts'
import { type AccountsContext, accountKeyOf, candidatesOf, destinationOf, limitKeyOf } from './senders.ts'

/** The wait before a probe: from the first to the longest, doubled by each refusal. */
export const firstProbeMs = 5000
export const longestProbeMs = 60_000
/** What is released at once; more would be put off again if the account fails anew. */
const releasedAtOnce = 500
/** Among so many of those with the least time left the probe is chosen in turn. */
const probedInTurn = 50
const pollMs = 30_000
const releasePollMs = 1000

/** Has paused accounts tried when it is time, and releases what waits for those that are well. */
export class AccountWatch {
  readonly #context: AccountsContext
  readonly #paused: KnownPauses
  readonly #recovered: (account: string) => Promise<boolean>
  #running = false
  #turn: Promise<void> | null = null
  #again = false
  #isReleasing = false
  #cancel = () => {}

  /** `recovered`: the account is well; false where that could not be written. */
  constructor(context: AccountsContext, paused: KnownPauses, recovered: (account: string) => Promise<boolean>) {
    this.#context = context
    this.#paused = paused
    this.#recovered = recovered
  }

  async start(): Promise<void> {
    this.#running = true
    await this.#look()
    this.schedule()
  }

  async stop(): Promise<void> {
    this.#running = false
    this.#cancel()
    await this.#turn
  }

  /** Looks at once. */
  kick(): void {
    if (!this.#running) return
    this.#again = true
    this.#turn ??= this.#run().finally(() => {
      this.#turn = null
      this.schedule()
    })
  }

  async #run(): Promise<void> {
    while (this.#again && this.#running) {
      this.#again = false
      await this.#look()
    }
  }

  schedule(): void {
    this.#cancel()
    if (!this.#running) return
    const { clock, sweepMs } = this.#context.options
    const now = clock.now().getTime()
    const probes = this.#paused.rows.map((row) => Math.max(0, row.probeAt.getTime() - now))
    const poll = this.#isReleasing ? releasePollMs : probes.length > 0 ? pollMs : sweepMs
    this.#cancel = clock.after(Math.min(poll, ...probes), () => this.kick())
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
      const taken = { ...row, probeAt: until }
      this.#paused.keep(taken)
      if (isFailing(row)) void this.#tryIfItAnswers(taken)
      else await this.#try(taken)
    }
  }

  async #try(row: AccountRow): Promise<void> {
    const { storage, clock } = this.#context.options
    this.#paused.keep(row, true)
    const skip = (row.refusals - 1) % probedInTurn
    const at = clock.now()
    await storage.accounts.release({ account: row.account, limit: 1, skip, at })
    this.#context.dueAt(at)
  }

  /**
   * Messages by it may end with an unknown outcome, so it has to take a sign-in before it gets one, where its transport can
   * make one. Nothing waits for that.
   */
  async #tryIfItAnswers(row: AccountRow): Promise<void> {
    const { options } = this.#context
    try {
      const provider = await this.#providerOf(row)
      const failure = provider === null ? null : await verifyProvider(options, provider)
      if (!this.#running || this.#paused.get(row.account) === undefined) return
      if (failure === null) return await this.#try(row)
      const at = options.clock.now()
      const probeAt = new Date(at.getTime() + longestProbeMs)
      this.#paused.keep(await options.storage.accounts.refuse({ ...row, probeAt, seenRefusals: row.refusals, at }))
      this.schedule()
    } catch (error) {
      options.logger.warn('checking a failing account failed', { fault: faultOf(error) })
    }
  }

  async #providerOf({ account, organizationId, channel }: AccountRow): Promise<Provider | null> {
    const accountsOf = await candidatesOf(this.#context, organizationId === null ? [] : [organizationId])
    for (const { sender } of accountsOf(organizationId, channel)) {
      if (typeof sender !== 'string' && accountKeyOf(sender) === account) return sender
    }
    return null
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
    const accountsOf = await candidatesOf(this.#context, [organizationId])
    return accountsOf(organizationId, channel).some(
      ({ sender }) =>
        typeof sender !== 'string' &&
        (accountKeyOf(sender) === account || limitKeyOf(sender) === account || destinationOf(sender, account) !== null),
    )
  }
}
