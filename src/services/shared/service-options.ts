import type { RetryPolicy } from '../../domain/retry.ts'
import type { Compilers, Languages, MailFrames } from '../../messages/index.ts'
import type { CalendarWriter } from '../../ports/calendar.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Directory } from '../../ports/directory.ts'
import type { Hooks } from '../../ports/hooks.ts'
import type { Logger } from '../../ports/logger.ts'
import type { IdKinds } from '../../ports/storage.ts'
import type { TraceContextOf } from '../../ports/trace-context.ts'
import type { Transport } from '../../ports/transport.ts'
import type { Store } from '../../records/store.ts'
import type { SettingsValues } from '../../schemas/settings.ts'
import type { TaskManagerMode } from '../../schemas/task-manager.ts'

/** The options that services use, with every default filled in. */
export type ServiceOptions = {
  readonly storage: Store
  readonly directory: Directory
  readonly transports: readonly Transport[]
  readonly encryptionKeys: readonly string[]
  /** From the documented `DEFAULT_*` variables: each account serves a whole channel, for organizations without one of their own. */
  readonly defaults: SettingsValues
  /** What the `DEFAULT_*` variables held before is not valid any more. */
  readonly revokePrevious: boolean
  readonly ids: IdKinds
  readonly languages: Languages
  /** How templates are compiled, which may name variables of the host application. */
  readonly compilers: Compilers
  /** What stands around mails. */
  readonly mailFrames: MailFrames
  readonly hooks: Hooks
  /** Null: there are no calendar files. */
  readonly calendar: CalendarWriter | null
  readonly hookTimeoutMs: number
  readonly retry: RetryPolicy
  readonly sendCap: { readonly perDay: number; readonly reminders: boolean } | null
  /** Without a trailing slash. */
  readonly publicUrl: string | null
  readonly taskManager: { readonly mode: TaskManagerMode } | null
  /** Where the variables are read from. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly leaseMs: number
  readonly sendTimeoutMs: number
  readonly leadMs: number
  /** Of organizations that set none. */
  readonly settleMs: number
  readonly sweepMs: number
  /** Null: never. */
  readonly reconcileMs: number | null
  readonly drainMs: number
  readonly directoryTimeoutMs: number
  readonly logger: Logger
  readonly clock: Clock
  readonly random: () => number
  /** Null: nothing is traced. */
  readonly traceContext: TraceContextOf | null
}
