import { setImmediate } from 'node:timers'
import { z } from 'zod'
import type { AccountValues } from '../../../channels/channel.ts'
import { type Channel, channelOf, channels } from '../../../channels/index.ts'
import { NotificationError } from '../../../errors.ts'
import type { PreviousAccount } from '../../../ports/storage.ts'
import { accountPlaces, accountValues } from '../../../schemas/channel-settings.ts'
import type { SecretBox } from '../../../security/secret-box.ts'
import { takeJob } from '../job-lease.ts'
import { firstAccountId, newAccountKey } from './account-ids.ts'
import { openedValues, secretContext } from './account-secrets.ts'
import type { AccountsContext } from './senders.ts'

const job = 'host-accounts'
/** How long another process may take to note the same. */
const leaseMs = 30_000
/** How often to look whether another process has written the key. */
const looks = 20

/** What the library keeps of the host application's own accounts: their key, and by channel what they sign in with, sealed. */
const notes = z.object({ key: z.string(), accounts: z.record(z.string(), z.record(z.string(), z.unknown())) })
type Notes = z.output<typeof notes>

type HostContext = Pick<AccountsContext, 'options' | 'providers'> & { readonly secrets: SecretBox | null }

/** The owner of a secret of the host application's, which belongs to no organization. */
export const hostOwner = ''

/**
 * The ids of the host application's own accounts, which are the same in every process, and what these signed in with before:
 * where the `DEFAULT_*` variables changed since they were noted, the previous credentials stay valid for a while. That needs an
 * encryption key; the ids do not.
 */
export class HostAccounts {
  readonly #context: HostContext
  #noting: Promise<void> | null = null
  #isNoted = false

  constructor(context: HostContext) {
    this.#context = context
  }

  /** Where another process is about to write the key, this looks for it a few times; then the next call does. */
  async load(): Promise<void> {
    if (this.#isNoted) return
    this.#noting ??= this.#note().finally(() => {
      this.#noting = null
    })
    await this.#noting
    this.#isNoted = this.#context.providers.hostKey !== null
  }

  /** As `load`, but writes nothing: until a process has noted the key, the ids stay unknown. */
  async refresh(): Promise<void> {
    if (this.#context.providers.hostKey !== null) return
    const known = await this.#read()
    if (known !== null) this.#context.providers.hostKey = known.key
  }

  /** What is noted, sealed anew by `seal`. False: another process is at it. */
  async reseal(seal: (account: AccountValues, channel: Channel) => AccountValues | null): Promise<boolean> {
    const lease = await takeJob(this.#context, job, leaseMs)
    if (lease === null) return false
    try {
      const known = await this.#read()
      if (known === null) return true
      const accounts = Object.entries(known.accounts).map(([name, account]) => {
        const channel = channels.find((one) => one === name)
        return [name, (channel === undefined ? null : seal(account, channel)) ?? account] as const
      })
      await lease.keepProgress(JSON.stringify({ ...known, accounts: Object.fromEntries(accounts) } satisfies Notes))
      return true
    } finally {
      await lease.release()
    }
  }

  /** Shows what is noted, sealed. */
  async look(seen: (account: AccountValues, channel: Channel) => unknown): Promise<void> {
    for (const [name, account] of Object.entries((await this.#read())?.accounts ?? {})) {
      const channel = channels.find((one) => one === name)
      if (channel !== undefined) seen(account, channel)
    }
  }

  async #note(): Promise<void> {
    let isWritten = false
    for (let look = 0; look < looks; look += 1) {
      const known = await this.#read()
      if (known !== null) this.#context.providers.hostKey = known.key
      if (known !== null && (isWritten || this.#isUpToDate(known))) return
      isWritten ||= await this.#write()
      if (isWritten) continue
      if (known !== null) return
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  async #read(): Promise<Notes | null> {
    const found = await this.#context.options.storage.jobs.progress(job)
    return found === null ? null : notes.parse(JSON.parse(found.progress))
  }

  /** False: another process is about to. */
  async #write(): Promise<boolean> {
    const { storage, clock } = this.#context.options
    const lease = await takeJob(this.#context, job, leaseMs)
    if (lease === null) return false
    try {
      const known = await this.#read()
      const key = known?.key ?? newAccountKey()
      const replaced = this.#context.providers.channels.flatMap((channel) => {
        const before = known?.accounts[channel]
        if (before === undefined || this.#isSame(channel, before)) return []
        const expiresAt = new Date(clock.now().getTime() + channelOf(channel).receipts.withinHours * 3_600_000)
        const accountId = firstAccountId(key, channel)
        return [{ accountId, organizationId: null, channel, account: before, expiresAt } satisfies PreviousAccount]
      })
      if (replaced.length > 0) await storage.accounts.keepPrevious(replaced)
      const accounts = Object.fromEntries(this.#channels.map((channel) => [channel, this.#sealed(channel)]))
      // A process without the key to read them leaves them to those that have it.
      const noted = this.#context.secrets === null ? { ...known?.accounts } : accounts
      await lease.keepProgress(JSON.stringify({ key, accounts: noted } satisfies Notes))
      return true
    } finally {
      await lease.release()
    }
  }

  /** Those that are set. */
  get #channels(): readonly Channel[] {
    return this.#context.providers.channels.filter(
      (channel) => this.#values(channel)[channelOf(channel).account.place] !== null,
    )
  }

  #values(channel: Channel): AccountValues {
    return accountValues(this.#context.options.defaults, channel)
  }

  #isUpToDate({ accounts }: Notes): boolean {
    if (this.#context.secrets === null) return true
    // One that is set no more was replaced by nothing: what it sent may still be reported.
    return this.#context.providers.channels.every((channel) => {
      const before = accounts[channel]
      return before === undefined ? !this.#channels.includes(channel) : this.#isSame(channel, before)
    })
  }

  /** Whether nothing was replaced that providers sign with. What cannot be read any more cannot be compared, nor used. */
  #isSame(channel: Channel, before: AccountValues): boolean {
    const { secrets } = this.#context
    const opened = secrets === null ? null : openedValues(secrets, hostOwner, channel, null, before)
    if (opened === null) return false
    const values = this.#values(channel)
    const { place } = channelOf(channel).account
    return accountPlaces(channel).every(
      ({ name, rules }) => !(rules.isSecret || name === place) || (opened[name] ?? null) === values[name],
    )
  }

  #sealed(channel: Channel): AccountValues {
    const { secrets } = this.#context
    const values = this.#values(channel)
    const sealed = accountPlaces(channel).map(({ name, rules, place }) => {
      const value = values[name]
      if (rules.isSecret !== true || typeof value !== 'string') return [name, value] as const
      if (secrets === null)
        throw new NotificationError(
          'encryption_key_missing',
          'There is no encryption key: set the option "encryptionKey".',
        )
      return [name, secrets.seal(value, secretContext(hostOwner, place))] as const
    })
    return Object.fromEntries(sealed)
  }
}
