import type { Logger } from './logger.ts'
import type { IdKinds } from './rows/ids.ts'
import type { Command } from './rows/rows.ts'
import type { AccountStore } from './storage/accounts.ts'
import type { AddressQueries } from './storage/addresses.ts'
import type { AnswerQueries } from './storage/answers.ts'
import type { AuditStore } from './storage/audit.ts'
import type { ConsentQueries } from './storage/consents.ts'
import type { DecisionQueries } from './storage/decisions.ts'
import type { DeliveryQueries } from './storage/deliveries.ts'
import type { JobStore } from './storage/jobs.ts'
import type { LinkQueries } from './storage/links.ts'
import type { KeyStore, PersonalQueries } from './storage/personal.ts'
import type { PlanQueries } from './storage/plans.ts'
import type { PreferenceQueries } from './storage/preferences.ts'
import type { ReminderStore } from './storage/reminders.ts'
import type { RequestStore } from './storage/requests.ts'
import type { SettingsQueries } from './storage/settings.ts'
import type { StatisticsQueries } from './storage/statistics.ts'
import type { TaskQueries } from './storage/tasks.ts'
import type { TemplateVersionQueries } from './storage/template-versions.ts'
import type { TransactionStorage } from './storage/transaction.ts'

export type { IdKind, IdKinds } from './rows/ids.ts'
export * from './storage/accounts.ts'
export * from './storage/addresses.ts'
export * from './storage/answers.ts'
export * from './storage/audit.ts'
export * from './storage/consents.ts'
export * from './storage/decisions.ts'
export * from './storage/deliveries.ts'
export * from './storage/delivery-rows.ts'
export * from './storage/due.ts'
export * from './storage/intents.ts'
export * from './storage/jobs.ts'
export * from './storage/links.ts'
export * from './storage/personal.ts'
export * from './storage/plans.ts'
export * from './storage/preferences.ts'
export * from './storage/reminders.ts'
export * from './storage/requests.ts'
export * from './storage/settings.ts'
export * from './storage/statistics.ts'
export * from './storage/tasks.ts'
export * from './storage/template-versions.ts'
export * from './storage/transaction.ts'

/** Options of `migrate()` of a storage. */
export type MigrateOptions = {
  /** How each kind of id is stored. */
  readonly ids: IdKinds
  /** True: takes over tables of the same names that this library did not create. False: refuses them. */
  readonly adopt: boolean
  /** The time of the migration, for its record. */
  readonly now: Date
  /** True changes nothing and returns what would be done. Default false. */
  readonly dryRun?: boolean | undefined
  /** Is given how far long work is. */
  readonly logger?: Logger | undefined
}
/** What a migration did, or would do. */
export type MigrationReport = {
  /** The names of the migrations applied by this call, in order; with `dryRun`, of those that would be. */
  readonly applied: readonly string[]
  /** Version of the tables now; with `dryRun`, the one they would have. */
  readonly version: number
  /** The SQL statements that changed something (with `dryRun`: that would), in order; empty for a storage without SQL. */
  readonly sql: readonly string[]
}

/**
 * The library's tables: `carry` for what changes them, and the questions that a storage answers itself, in groups. There are no
 * interactive transactions: each call is atomic, happens completely or not at all, and concurrent callers, in other processes too,
 * never see it half done. Every method may reject with `storage_busy`, `storage_failed`, `storage_replaced` or `storage_closed`, with `migration_missing`
 * if the tables are missing or older than the library, or with `library_outdated` if they are too new for it.
 */
export interface Storage {
  /** Such as `sqlite`; named in errors. */
  readonly name: string
  /**
   * Creates the tables or brings them up to date. Several processes may do so at once; a second call applies nothing. A
   * process that is killed leaves tables that the version before works with, and the next call goes on. Tables of a newer
   * version that still lets this one run are left as they are. Rejects with `migration_refused` if tables of the same names
   * belong to another program, if the kinds of ids are not the same as before, or if a newer version of the library migrated
   * the tables and does not let this one run.
   */
  migrate(options: MigrateOptions): Promise<MigrationReport>
  /** Resolves if a trivial read succeeds. */
  ping(): Promise<void>
  /**
   * What time it is by the database's own clock. Leave this out where it runs on the machine of its processes, and has
   * theirs.
   */
  now?(): Promise<Date>
  /**
   * Calls `listener` when another process may have committed something. This is only a hint: it may be early, late or
   * missing; a storage that cannot hear of it now says so to `logger`, once. Returns a function that ends the subscription.
   */
  onForeignChange?(listener: () => void, logger?: Logger): () => void
  /**
   * The planning commands, within a transaction that the host has open on its own connection: the host commits or rolls
   * back what they write, and nobody else sees it before that. Here too, a command happens completely or not at all,
   * and one that is refused leaves the transaction usable. Calls run one after another. Other connections that need the
   * same rows (above all workers that commit an intent) wait until the host's transaction ends, and then see what it
   * left. A fault that only a retry of the whole transaction can fix rejects with `storage_busy`, and the host runs its
   * transaction again.
   *
   * Leave this out if the database cannot do it. Throws `transaction_refused` if it is not given a kind of transaction
   * that it supports; methods reject with the same error if no transaction is open on the connection.
   */
  within?(transaction: unknown): TransactionStorage
  /**
   * Carries out commands of one kind in one transaction, each completely or not at all: gives `command.run` the rows that it
   * declares, and writes what it changed. Outcomes come in the order of the items.
   */
  carry<Item, Outcome>(command: Command<Item, Outcome>, items: readonly Item[]): Promise<Outcome[]>
  /** Finishes the commands in progress and releases the connection. Idempotent. */
  close(): Promise<void>
  readonly plans: PlanQueries
  readonly reminders: ReminderStore
  readonly deliveries: DeliveryQueries
  readonly settings: SettingsQueries
  readonly preferences: PreferenceQueries
  readonly addresses: AddressQueries
  readonly answers: AnswerQueries
  readonly consents: ConsentQueries
  readonly decisions: DecisionQueries
  readonly requests: RequestStore
  readonly jobs: JobStore
  readonly audit: AuditStore
  readonly statistics: StatisticsQueries
  readonly tasks: TaskQueries
  readonly accounts: AccountStore
  readonly links: LinkQueries
  readonly templateVersions: TemplateVersionQueries
  readonly personal: PersonalQueries
  readonly keys: KeyStore
  /**
   * Removes from the storage's own files what was deleted or overwritten, as far as the database leaves that to its users. False: others
   * use the files just now, and it is done when they have finished. Leave this out where there is nothing to do.
   */
  scrub?(): Promise<boolean>
  /**
   * How long a step of a job that changes very many rows should take, in ms: several times what an empty one takes, and far below what a
   * step may hold others up for. Default 5.
   */
  readonly stepMs?: number
  /**
   * Called between the steps of a job that changes very many rows: does now, a little at a time, what would otherwise hold up one of the next
   * commits for long. Left out: there is no such thing.
   */
  relieve?(): Promise<void>
}
