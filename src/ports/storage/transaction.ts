import type { DeliveryStore } from './deliveries.ts'
import type { PlanStore } from './plans.ts'
import type { PreferenceStore } from './preferences.ts'
import type { ReminderStore } from './reminders.ts'
import type { SettingsStore } from './settings.ts'
import type { TaskStore } from './tasks.ts'

/** A Kysely `Transaction`, from `transaction()` or `startTransaction()`; its plugins are not applied. */
export type KyselyTransactionLike = {
  readonly isTransaction: true
  withoutPlugins(): object
  executeQuery(...query: never[]): Promise<object>
}
/** A `Client` or `PoolClient` of pg, between BEGIN and COMMIT; not a pool, whose statements run on any connection. */
export type PostgresClientLike = { query(...query: never[]): unknown; escapeLiteral(text: string): string }
/** A better-sqlite3 `Database` with an open transaction. */
export type BetterSqliteLike = { readonly inTransaction: boolean; prepare(source: string): object }

/** The host's own transaction; which of these a storage accepts depends on its database. */
export type HostTransaction = KyselyTransactionLike | PostgresClientLike | BetterSqliteLike

/** What planning reads and writes within a transaction of the host. */
export type TransactionStorage = {
  readonly plans: Pick<PlanStore, 'find' | 'apply' | 'forgetAppointment' | 'forgetRecipient'>
  readonly reminders: Pick<ReminderStore, 'list' | 'listMany'>
  readonly deliveries: Pick<DeliveryStore, 'notices'>
  readonly settings: Pick<SettingsStore, 'get' | 'suppressed'>
  readonly preferences: Pick<PreferenceStore, 'get'>
  readonly tasks: Pick<TaskStore, 'touch'>
}
