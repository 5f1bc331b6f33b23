import type { Actor } from '../../schemas/audit.ts'
import type { SettingsValues } from '../../schemas/settings.ts'
import type { ReplanScope } from './plans.ts'

export type SettingsRow = SettingsValues & {
  readonly id: number
  readonly organizationId: string
  /** Grows with every change; intents and plans are guarded by it. */
  readonly revision: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

export interface SettingsQueries {
  get(organizationIds: readonly string[]): Promise<SettingsRow[]>
  /** A page of all organizations' settings, in the order of their ids. `after`: the last id of the page before; null: the first page. */
  list(after: string | null, limit: number): Promise<SettingsRow[]>
}

/**
 * Writes are audited in their transaction, with `by` (default: the library itself); one that changes nothing is not. Commands of
 * `src/records`, which `Storage.carry` carries out.
 */
export interface SettingsCommands {
  /** Null if the organization has settings already: of concurrent callers one gets the row. */
  create(
    organizationId: string,
    values: SettingsValues,
    replan: ReplanScope | null,
    at: Date,
    by?: Actor,
  ): Promise<SettingsRow | null>
  /**
   * Changes the named columns only; null if there is no row. With `revision`, for a patch that rests on a row that was
   * read before: null, and nothing is written, where that row has another revision by now. `replan` is queued in the
   * same transaction.
   */
  update(
    organizationId: string,
    patch: Partial<SettingsValues>,
    replan: ReplanScope | null,
    at: Date,
    by?: Actor,
    revision?: number,
  ): Promise<SettingsRow | null>
}
export type SettingsStore = SettingsQueries & SettingsCommands
