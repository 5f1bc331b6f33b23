import { type Channel, channelOf } from '../../../channels/index.ts'
import { type ProviderFault, ruleTable } from '../../../schemas/rules.ts'
import { faultOf } from '../fault-log.ts'
import { areThereWorkers, leftBehind } from '../workers.ts'
import { isAccountBegun } from './account-secrets.ts'
import { sourceOf } from './providers.ts'
import type { AccountsContext } from './senders.ts'

/** What the host application's own account lacks for a channel. */
export type MissingAccount = {
  readonly code: ProviderFault
  /** The variables to set, if it is those. */
  readonly set: string | undefined
  /** The reason, with what to set. */
  readonly message: string
  /** Some of it is there, so that the rest was meant to be. */
  readonly isBegun: boolean
}

/** Null where it serves the channel, or where TaskManager does. */
export function missingAccount({ providers, options }: AccountsContext, channel: Channel): MissingAccount | null {
  const code = providers.first(null, channel)
  if (typeof code !== 'string' || providers.delivered) return null
  const set = channelOf(channel).account.remedies[code]?.variables
  const isBegun = isAccountBegun(options.defaults, channel)
  return { code, set, message: set === undefined ? ruleTable[code] : `${ruleTable[code]}; set ${set}`, isBegun }
}

/** Why no mail has a calendar file, whatever an organization sets; null: nothing is in the way. */
export function calendarFault({ providers, options }: AccountsContext): string | null {
  if (options.calendar === null) return 'the host application has not set the option "calendar"'
  return providers.delivered ? 'TaskManager delivers, and takes no files' : null
}

/** What this process can send for organizations without an account of their own, and what not: a line a channel. */
export function reportChannels(context: AccountsContext): void {
  const { providers, options } = context
  if (providers.delivered) options.logger.info('sending: TaskManager delivers')
  else for (const channel of providers.channels) reportChannel(context, channel)
}

function reportChannel(context: AccountsContext, channel: Channel): void {
  const { providers, options } = context
  const missing = missingAccount(context, channel)
  if (missing === null) {
    const found = providers.sender(null, channel)
    if (found === null) return
    options.logger.info('sending', { channel, provider: found.transport.name, account: sourceOf(found) })
    return
  }
  const { code, set, isBegun } = missing
  const message =
    code === 'no_transport'
      ? 'not sending: no transport for this channel'
      : 'not sending for organizations without their own account'
  // A clinic that writes no texts is as it should be; an account that lacks something is not.
  const fields = { channel, fault: code, reason: ruleTable[code], ...(set !== undefined && { set }) }
  options.logger[isBegun ? 'warn' : 'info'](message, fields)
}

const askedEveryMs = 60_000
/** Work that waits longer, where another process should have sent it. */
const lateMs = 2 * 60_000

/**
 * Notices that what this process plans is sent by nobody: it was not started, and no other process sends either. Asked of the
 * storage when something is planned, once a minute at most.
 */
export class Unattended {
  readonly #context: AccountsContext
  readonly #isRunning: () => boolean
  #askedAt = Number.NEGATIVE_INFINITY

  constructor(context: AccountsContext, isRunning: () => boolean) {
    this.#context = context
    this.#isRunning = isRunning
  }

  planned(): void {
    const { clock } = this.#context.options
    if (this.#isRunning() || clock.elapsedMs() - this.#askedAt < askedEveryMs) return
    this.#askedAt = clock.elapsedMs()
    void this.#look()
  }

  async #look(): Promise<void> {
    const { storage, clock, logger, sweepMs } = this.#context.options
    try {
      const [nextDueAt, [left]] = await Promise.all([storage.deliveries.nextDueAt(), leftBehind(this.#context.options)])
      const times = [nextDueAt, left?.until].flatMap((at) => at?.getTime() ?? [])
      const lagMs = clock.now().getTime() - Math.min(clock.now().getTime(), ...times)
      if (lagMs < Math.max(lateMs, 2 * sweepMs) || this.#isRunning()) return
      // They say themselves why it waits.
      if (await areThereWorkers(this.#context.options)) return
      logger.warn(
        'due messages are not sent by any process: call start() here, or in the process that is to send them',
        {
          lateSeconds: Math.round(lagMs / 1000),
        },
      )
    } catch (error) {
      logger.debug('checking for due messages failed', { fault: faultOf(error) })
    }
  }
}
