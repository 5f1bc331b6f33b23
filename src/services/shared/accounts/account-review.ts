import type { Channel } from '../../../channels/index.ts'
import { isNotificationError } from '../../../errors.ts'
import type { SettingsRow } from '../../../ports/storage.ts'
import { channelSettings, channelsInUse } from '../../../schemas/channel-settings.ts'
import { type ProviderFault, ruleTable } from '../../../schemas/rules.ts'
import { faultOf } from '../fault-log.ts'
import { offeredFor } from '../settings-view.ts'
import { newAccountKey } from './account-ids.ts'
import { isAccountBegun } from './account-secrets.ts'
import type { AccountsContext } from './senders.ts'
import { calendarFault, missingAccount } from './sending-report.ts'

/** Why an organization cannot send through the account that its settings describe. */
export type AccountFault = {
  readonly organizationId: string
  readonly channel: Channel
  /** Of the account; null where the library did not write the settings. */
  readonly accountId: string | null
  readonly code: ProviderFault
  readonly message: string
}

export type AccountReport = {
  readonly faults: readonly AccountFault[]
  /** Whether any organization can send by an account of its own. */
  readonly someWork: boolean
  /** Organizations that have not decided on quiet hours, though they send on a channel that disturbs people at night. */
  readonly undecided: readonly string[]
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
  /** Rows of the last look that the host application wrote, or a library before. */
  #keyless: SettingsRow[] = []

  constructor(context: AccountsContext) {
    this.#context = context
  }

  /** Looks at once, for the log, and gives keys to settings that have none. */
  start(): void {
    void this.#begin().catch((error: unknown) => {
      if (isNotificationError(error) && error.code === 'storage_closed') return
      this.#context.options.logger.warn('accounts of organizations not looked through', { fault: faultOf(error) })
    })
  }

  async #begin(): Promise<void> {
    await this.report()
    const keyless = this.#keyless
    this.#keyless = []
    for (const row of keyless) await this.#giveKey(row)
  }

  /** As of a minute ago at most. Writes nothing. */
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

  /** Whether the organization has not decided on quiet hours. */
  async isUndecided(organizationId: string): Promise<boolean> {
    const [row] = await this.#context.options.storage.settings.get([organizationId])
    return row !== undefined && isUndecided(row)
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
    const undecided: string[] = []
    let someWork = false
    this.#keyless = []
    let withFiles = 0
    for (let after: string | null = null; ; ) {
      const page: readonly SettingsRow[] = await storage.settings.list(after, pageSize)
      for (const row of page) {
        if (row.accountKey === null) this.#keyless.push(row)
        const found = this.#inspect(row)
        someWork ||= found.works
        faults.push(...found.faults)
        if (isUndecided(row)) undecided.push(row.organizationId)
        if (row.calendarFiles === true) withFiles += 1
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
    if (this.#report === null && withFiles > 0) this.#reportFiles(withFiles)
    if (this.#report?.someWork !== someWork && !someWork) this.#reportNobody()
    this.#report = { faults, someWork, undecided }
    return this.#report
  }

  /** What the ids of its accounts begin with. */
  async #giveKey({ organizationId, revision }: SettingsRow): Promise<void> {
    const { storage, clock } = this.#context.options
    const given = { accountKey: newAccountKey() }
    await storage.settings.update(organizationId, given, null, clock.now(), undefined, revision)
  }

  /** Organizations that switched calendar files on expect them. */
  #reportFiles(organizations: number): void {
    const fault = calendarFault(this.#context)
    if (fault === null) return
    this.#context.options.logger.warn('calendar files are switched on, and no mail has one', { fault, organizations })
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
    const { providers } = this.#context
    const { organizationId } = row
    const enabled = channelsInUse(row).filter((one) => channelSettings(row, one).enabled)
    const begun = enabled.flatMap((channel) =>
      providers
        .find(row, channel)
        .filter(({ entry }) => entry !== null || isAccountBegun(row, channel))
        .map((one) => ({ channel, ...one })),
    )
    const faults = begun.flatMap(({ channel, accountId, sender }): AccountFault[] => {
      // TaskManager delivers what it can, whatever accounts there are.
      const code = providers.delivered ? providers.fault(row, channel) : typeof sender === 'string' ? sender : null
      return code === null ? [] : [{ organizationId, channel, code, accountId, message: ruleTable[code] }]
    })
    return { faults, works: begun.length > faults.length }
  }
}

const isUndecided = (row: SettingsRow): boolean => row.quietHours === null && offeredFor(row).length > 0

const keyOf = ({ organizationId, channel, accountId, code }: AccountFault): string =>
  JSON.stringify([organizationId, channel, accountId, code])
