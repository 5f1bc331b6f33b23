import type { Command } from '../rows/rows.ts'
import type { AddressQueries } from './addresses.ts'
import type { DeliveryQueries } from './deliveries.ts'
import type { PlanQueries } from './plans.ts'
import type { PreferenceQueries } from './preferences.ts'
import type { ReminderStore } from './reminders.ts'
import type { SettingsQueries } from './settings.ts'
import type { TaskQueries } from './tasks.ts'

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
  /** As `Storage.carry`. */
  carry<Item, Outcome>(command: Command<Item, Outcome>, items: readonly Item[]): Promise<Outcome[]>
  readonly plans: Pick<PlanQueries, 'find'>
  readonly reminders: Pick<ReminderStore, 'list' | 'listMany'>
  readonly deliveries: Pick<DeliveryQueries, 'notices'>
  readonly settings: Pick<SettingsQueries, 'get'>
  readonly preferences: Pick<PreferenceQueries, 'get'>
  readonly addresses: Pick<AddressQueries, 'find'>
  readonly tasks: Pick<TaskQueries, 'touch'>
}
