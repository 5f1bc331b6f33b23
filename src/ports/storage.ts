import type { AuditStore } from './storage/audit.ts'
import type { DecisionStore } from './storage/decisions.ts'
import type { DeliveryStore } from './storage/deliveries.ts'
import type { JobStore } from './storage/jobs.ts'
import type { PlanStore } from './storage/plans.ts'
import type { PreferenceStore } from './storage/preferences.ts'
import type { ReminderStore } from './storage/reminders.ts'
import type { RequestStore } from './storage/requests.ts'
import type { SettingsStore } from './storage/settings.ts'
import type { StatisticsStore } from './storage/statistics.ts'
import type { TaskStore } from './storage/tasks.ts'
import type { TransactionStorage } from './storage/transaction.ts'

export * from './storage/audit.ts'
export * from './storage/decisions.ts'
export * from './storage/deliveries.ts'
export * from './storage/due.ts'
export * from './storage/jobs.ts'
export * from './storage/plans.ts'
export * from './storage/preferences.ts'
export * from './storage/reminders.ts'
export * from './storage/requests.ts'
export * from './storage/settings.ts'
export * from './storage/statistics.ts'
export * from './storage/tasks.ts'
export * from './storage/transaction.ts'

/** How the host's ids are stored: `integer` as documented, or `text`. Organization ids are always text. */
export type IdKinds = {
  readonly appointment: IdKind
  readonly recipient: IdKind
  readonly waitlistEntry: IdKind
}
export type IdKind = 'integer' | 'text'

export type MigrateOptions = {
  readonly ids: IdKinds
  /** Adopt same-named tables that this library did not make. Default false: refuse. */
  readonly adopt: boolean
  readonly now: Date
}
export type MigrationReport = { readonly applied: readonly string[]; readonly version: number }

/**
 * The library's rows, in facets of single commands. There are no interactive transactions: a method is one atomic
 * command, all of it or nothing, and concurrent callers (also in other processes) see it before or after, never between.
 * Every method rejects with `storage_busy`, `storage_failed` or `storage_closed`, and with `migration_missing` where
 * the tables are not there.
 */
export interface Storage {
  readonly name: string
  /**
   * Brings the tables up to date; safe under several starters; a second call applies nothing.
   * Rejects with `migration_refused` for same-named foreign tables, other id kinds than before, or a newer ledger.
   */
  migrate(options: MigrateOptions): Promise<MigrationReport>
  /** Resolves if a trivial read works. */
  ping(): Promise<void>
  /**
   * Calls back when another process may have committed something. At most a hint: may be late, early or missing.
   * Returns the end of the subscription.
   */
  onForeignChange?(listener: () => void): () => void
  /**
   * The commands of planning inside a transaction that the host has open on its own connection: the host commits or rolls
   * back what they write, and nobody else sees it before. A command is all or nothing there too, and one that is refused
   * leaves the transaction usable. Calls are carried out one after another. Others that need the same rows (a worker's
   * intent above all) wait for the host's end, and then see what it left. Nothing is repeated that the transaction as a
   * whole would have to repeat: that rejects with `storage_busy`, and the host runs its transaction again.
   *
   * Left out where the database cannot do so. Throws `transaction_refused` for what is no transaction of a kind it takes;
   * methods reject with it where none is open on the connection.
   */
  within?(transaction: unknown): TransactionStorage
  /** Finishes what is under way and frees the connection. Idempotent. */
  close(): Promise<void>
  readonly plans: PlanStore
  readonly reminders: ReminderStore
  readonly deliveries: DeliveryStore
  readonly settings: SettingsStore
  readonly preferences: PreferenceStore
  readonly decisions: DecisionStore
  readonly requests: RequestStore
  readonly jobs: JobStore
  readonly audit: AuditStore
  readonly statistics: StatisticsStore
  readonly tasks: TaskStore
}
