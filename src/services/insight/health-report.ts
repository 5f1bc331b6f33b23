import type { Channel } from '../../channels/index.ts'
import type { ReconcileStatus } from '../planning/reconcile-progress.ts'
import type { AccountFault } from '../shared/accounts/account-review.ts'
import type { PausedAccount } from '../shared/accounts/paused-accounts.ts'
import type { DirectoryStatus } from '../shared/directory/status.ts'
import type { TaskManagerStatus } from '../task-manager/integration.ts'

/**
 * `failing`: nobody's messages can be sent. `degraded`: those of one organization, channel or account cannot, or something
 * fails that others make up for.
 */
export type CheckStatus = 'ok' | 'degraded' | 'failing' | 'unknown'

/** What is wrong, and with whom. For staff of an organization, what concerns it: no id of another is in it. */
export type HealthReport = {
  readonly status: 'ok' | 'degraded' | 'failing'
  /** `fault`: why it does not answer, or takes no writes; null if all is well. */
  readonly storage: { readonly status: CheckStatus; readonly fault: string | null }
  /**
   * The clock of this process, beside the database's, by which the library goes. `offMs`: how far it is ahead (negative:
   * behind); null: not known, or they have one clock. `off` beyond 2 seconds, which delays and doubles nothing.
   */
  readonly clock: { readonly status: 'ok' | 'off'; readonly offMs: number | null }
  /** The host application's directory, as far as this process asked it. */
  readonly directory: DirectoryStatus
  readonly scheduler: SchedulerHealth
  /** How many messages wait for a decision since `afterRestore()`, counted up to 200; null: not known, or asked by staff. */
  readonly held: number | null
  /** The host application's own providers; accounts of organizations are verified by their first send. */
  readonly providers: readonly ProviderHealth[]
  /**
   * Provider accounts that refuse what is sent through them, of organizations and of the host application: what is due for
   * them waits. Those that are paused the longest, 20 at most, of `count`; null: not known.
   */
  readonly accounts: { readonly count: number; readonly paused: readonly PausedAccount[] } | null
  /** Organizations whose settings describe an account that cannot be used: 20 at most, of `count`; null: not known. */
  readonly settings: { readonly count: number; readonly faults: readonly AccountFault[] } | null
  /** Null where the option `taskManager` is not set, or where the rows cannot be read. */
  readonly taskManager: TaskManagerStatus | null
  /** A reconciliation that is under way in any process, or was interrupted; null where there is none, or the rows cannot be read. */
  readonly reconciliation: ReconcileStatus | null
  /** Warnings and errors that this process logged within ten minutes: 20 kinds at most, the last first. */
  readonly log: readonly LoggedFault[]
}

export type SchedulerHealth = {
  /** `degraded`: it is known why work is late, or it is all of one organization (where this process was not started). */
  readonly status: CheckStatus
  /** How long the oldest due work has been waiting; null: not known, or not of the organization whose staff asks. */
  readonly lagMs: number | null
  readonly nextDueAt: Date | null
  /** Why work is late, or nobody is woken for it; null if all is well. */
  readonly fault: string | null
  /** Whose work is late: how many, and the first of their ids. */
  readonly organizations: { readonly count: number; readonly ids: readonly string[] }
}

export type ProviderHealth = {
  readonly channel: Channel
  /** Name of the transport; null where none serves the channel by default. */
  readonly provider: string | null
  readonly status: CheckStatus
  /** A short word, such as the transport's error code; null if all is well. */
  readonly code: string | null
  /** What it means, and what to change; null if all is well. */
  readonly message: string | null
  readonly checkedAt: Date | null
}

/** Lines of one kind. `details`: the fields of the last of them, as text. */
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

/** Of the host application's own providers: one channel is not all, unless it is the only one. */
export function ofChannels(providers: readonly ProviderHealth[]): CheckStatus {
  const configured = providers.filter(({ provider }) => provider !== null)
  if (configured.length > 0 && configured.every(({ status }) => status === 'failing')) return 'failing'
  return providers.some(({ status }) => status === 'failing' || status === 'degraded') ? 'degraded' : 'ok'
}
