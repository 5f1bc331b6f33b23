import type { Channel } from '../../../channels/index.ts'
import { isNotificationError } from '../../../errors.ts'
import type { SettingsRow } from '../../../ports/storage.ts'
import { channelSettings, channelsInUse } from '../../../schemas/channel-settings.ts'
import { type ProviderFault, ruleTable } from '../../../schemas/vocabulary.ts'
import { faultOf } from '../fault-log.ts'
import { isAccountBegun } from './providers.ts'
import type { AccountsContext } from './senders.ts'
import { missingAccount } from './sending-report.ts'

/** Why an organization cannot send through the account that its settings describe. */
export type AccountFault = {
  readonly organizationId: string
  readonly channel: Channel
  readonly code: ProviderFault
  readonly message: string
}

export type AccountReport = {
  readonly faults: readonly AccountFault[]
  /** Whether any organization can send by an account of its own. */
  readonly someWork: boolean
}

const pageSize = 500
/** For so long a look through all settings is good, unless this process changes some. */
const freshMs = 60_000

/**
 * Looks through the settings of all organizations for accounts that this process cannot send by: a key that was changed, or a
 * field that is missing, is found before a message is due. What is found is logged once, and shown in health.
 */
export class AccountReview {
  readonly #context: AccountsContext
  #report: AccountReport | null = null
  #freshUntil = Number.NEGATIVE_INFINITY
  #looking: Promise<AccountReport> | null = null

  constructor(context: AccountsContext) {
    this.#context = context
  }

  /** Looks at once, for the log. */
  start(): void {
    void this.report().catch((error: unknown) => {
      if (isNotificationError(error) && error.code === 'storage_closed') return
      this.#context.options.logger.warn('accounts of organizations not looked through', { fault: faultOf(error) })
    })
  }

  /** As of a minute ago at most. */
  async report(): Promise<AccountReport> {
    if (this.#report !== null && this.#context.options.clock.elapsedMs() < this.#freshUntil) return this.#report
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null
    })
    return this.#looking
  }

  /** Of one organization, as its settings are now. */
  async ofOrganization(organizationId: string): Promise<readonly AccountFault[]> {
    const [row] = await this.#context.options.storage.settings.get([organizationId])
    return row === undefined ? [] : this.#inspect(row).faults
  }

  /** Settings were changed by this process. */
  changed(): void {
    this.#freshUntil = Number.NEGATIVE_INFINITY
  }

  async #look(): Promise<AccountReport> {
    const { storage, clock, logger } = this.#context.options
    this.#freshUntil = clock.elapsedMs() + freshMs
    const before = new Set(this.#report?.faults.map(keyOf))
    const faults: AccountFault[] = []
    let someWork = false
    for (let after: string | null = null; ; ) {
      const page: readonly SettingsRow[] = await storage.settings.list(after, pageSize)
      for (const row of page) {
        const found = this.#inspect(row)
        someWork ||= found.works
        faults.push(...found.faults)
      }
      const last = page.at(-1)
      if (last === undefined || page.length < pageSize) break
      after = last.organizationId
    }
    for (const fault of faults) {
      if (before.has(keyOf(fault))) continue
      const { message, ...about } = fault
      logger.warn('account cannot be used: nothing is sent by it', { ...about, fault: message })
    }
    if (this.#report?.someWork !== someWork && !someWork) this.#reportNobody()
    this.#report = { faults, someWork }
    return this.#report
  }

  /** Where the host application has no account either, nothing is sent at all. */
  #reportNobody(): void {
    const missing = this.#context.providers.channels.map((channel) => ({
      channel,
      fault: missingAccount(this.#context, channel),
    }))
    if (missing.some(({ fault }) => fault === null)) return
    const fault = missing.map(({ channel, fault: one }) => `${channel}: ${one?.message}`).join('; ')
    this.#context.options.logger.warn('nothing can be sent: no channel has an account that works', { fault })
  }

  #inspect(row: SettingsRow): { readonly faults: readonly AccountFault[]; readonly works: boolean } {
    const begun = channelsInUse(row).filter((one) => channelSettings(row, one).enabled && isAccountBegun(row, one))
    const faults = begun.flatMap((channel): AccountFault[] => {
      const code = this.#context.providers.fault(row, channel)
      return code === null ? [] : [{ organizationId: row.organizationId, channel, code, message: ruleTable[code] }]
    })
    return { faults, works: begun.length > faults.length }
  }
}

const keyOf = ({ organizationId, channel, code }: AccountFault): string =>
  JSON.stringify([organizationId, channel, code])
