import type { Channel } from '../../channels/index.ts'
import type { AnswerRow } from '../../ports/storage.ts'
import type { WebhookStatus } from '../delivery/webhooks.ts'
import type { ReconcileStatus } from '../planning/reconcile-progress.ts'
import type { RetentionStatus } from '../privacy/retention.ts'
import type { KeyReport } from '../privacy/rotation.ts'
import type { AccountFault } from '../shared/accounts/account-review.ts'
import type { PausedAccount } from '../shared/accounts/paused-accounts.ts'
import type { DirectoryStatus } from '../shared/directory/status.ts'
import type { TaskManagerStatus } from '../task-manager/integration.ts'

/**
 * `failing`: no messages can be sent. `degraded`: those of one organization, channel or account cannot, or something
 * fails without stopping messages.
 */
export type CheckStatus = 'ok' | 'degraded' | 'failing' | 'unknown'

/** What is wrong, and for whom. Staff of an organization see only what concerns it, without ids of others. */
export type HealthReport = {
  readonly status: 'ok' | 'degraded' | 'failing'
  /** `fault`: why it does not respond, or accepts no writes; null if all is well. */
  readonly storage: { readonly status: CheckStatus; readonly fault: string | null }
  /**
   * The clock of this process, compared with that of the database, which the library uses. `offMs`: how far it is ahead (negative:
   * behind); null: unknown, or both have the same clock. `off`: by more than 2 seconds, which neither delays nor duplicates messages.
   */
  readonly clock: { readonly status: 'ok' | 'off'; readonly offMs: number | null }
  /** The host application's directory, as seen by this process. */
  readonly directory: DirectoryStatus
  readonly scheduler: SchedulerHealth
  /** How many messages `afterRestore()` holds for a decision, counted up to 200; null: unknown, or the reader is staff. */
  readonly held: number | null
  /** The host application's own providers; accounts of organizations are verified by their first send. */
  readonly providers: readonly ProviderHealth[]
  /**
   * Paused provider accounts, of organizations and of the host application: they refuse messages, and their due messages
   * wait. Of `count`, the 20 paused the longest; null: unknown.
   */
  readonly accounts: { readonly count: number; readonly paused: readonly PausedAccount[] } | null
  /** Organizations whose settings describe an account that cannot be used: at most 20 of `count`; null: unknown. */
  readonly settings: {
    readonly count: number
    readonly faults: readonly AccountFault[]
    /** Organizations that have not decided on quiet hours, so that messages go out at night: how many, and the first 20 of their ids. No fault. */
    readonly quietHoursUnset: { readonly count: number; readonly ids: readonly string[] }
  } | null
  /** Null if the option `taskManager` is not set, or the rows cannot be read. */
  readonly taskManager: TaskManagerStatus | null
  /** A reconciliation that is running in any process or was interrupted; null if there is none, or the rows cannot be read. */
  readonly reconciliation: ReconcileStatus | null
  /** The last or current run of retention, in any process; null: there was none, or the reader is staff. */
  readonly retention: RetentionStatus | null
  /**
   * With which keys secrets are encrypted, at most a minute old; null: there is only one key, it is unknown, or the reader
   * is staff.
   */
  readonly keys: KeyReport | null
  /** Webhooks called since this process started, by account: at most 20, latest first. */
  readonly webhooks: readonly WebhookStatus[]
  /** Calls of hooks that failed and will be repeated: at most 20 of `count`. Null: there are no hooks, or it is unknown. */
  readonly hooks: { readonly count: number; readonly failing: readonly FailingHook[] } | null
  /** Warnings and errors that this process logged in the last ten minutes: at most 20 kinds, latest first. */
  readonly log: readonly LoggedFault[]
}

export type SchedulerHealth = {
  /** `degraded`: the reason why work is late is known, or (if this process was not started) all of it is of one organization. */
  readonly status: CheckStatus
  /** How long the oldest due work has been waiting; null: unknown, or not shown to staff. */
  readonly lagMs: number | null
  readonly nextDueAt: Date | null
  /** Why work is late, or why the scheduler wakes no one for it; null if all is well. */
  readonly fault: string | null
  /** Organizations whose work is late: how many, and the first of their ids. */
  readonly organizations: { readonly count: number; readonly ids: readonly string[] }
}

export type ProviderHealth = {
  readonly channel: Channel
  /** Of the default account; null: there is none. */
  readonly accountId: string | null
  /** Name of the transport; null if none serves the channel by default. */
  readonly provider: string | null
  readonly status: CheckStatus
  /** A short word, such as the transport's error code; null if all is well. */
  readonly code: string | null
  /** What it means, and what to change; null if all is well. */
  readonly message: string | null
  readonly checkedAt: Date | null
}

/** A call of a hook that failed and will be repeated. */
export type FailingHook = {
  readonly answerId: number
  readonly organizationId: string | null
  /** The kind of answer, as in `answers.list()`. */
  readonly hook: AnswerRow['kind']
  readonly since: Date
  readonly attempts: number
  readonly lastError: string
}

/** Log lines of one kind. `details`: the fields of the last one, as text. */
export type LoggedFault = {
  readonly level: 'warn' | 'error'
  readonly message: string
  readonly details: string
  readonly organizationId: string | null
  readonly count: number
  readonly firstAt: Date
  readonly lastAt: Date
}

/** `unknown` is no fault. */
export function worstOf(statuses: readonly CheckStatus[]): HealthReport['status'] {
  return (['failing', 'degraded'] as const).find((status) => statuses.includes(status)) ?? 'ok'
}

export const lessened = (status: CheckStatus): CheckStatus => (status === 'failing' ? 'degraded' : status)

/** The status of the host application's own providers: `failing` only if those of all configured channels are. */
export function ofChannels(providers: readonly ProviderHealth[]): CheckStatus {
  const configured = providers.filter(({ provider }) => provider !== null)
  if (configured.length > 0 && configured.every(({ status }) => status === 'failing')) return 'failing'
  return providers.some(({ status }) => status === 'failing' || status === 'degraded') ? 'degraded' : 'ok'
}
