import type { Actor } from '../../schemas/audit.ts'
import type { SettingsValues } from '../../schemas/settings.ts'
import type { PreviousAccount } from './accounts.ts'
import type { ReplanScope } from './plans.ts'

/** What is stored beside what callers write. */
export type OwnSettings = {
  /** What the ids of the organization's accounts begin with, which never changes. Null: the library did not write the row yet. */
  readonly accountKey: string | null
  /** The version of the templates that is published. Null: none, or they were stored before there were versions. */
  readonly templateVersion: number | null
  /** How many versions of the templates there are. Null: none. */
  readonly templateVersions: number | null
}

/** The stored settings of an organization. */
export type SettingsRow = SettingsValues &
  OwnSettings & {
    readonly id: number
    readonly organizationId: string
    /** Grows with every change; intents and plans are guarded by it. */
    readonly revision: number
    readonly createdAt: Date
    readonly updatedAt: Date
  }

/** What becomes of credentials that a change replaces. */
export type ReplacedCredentials = {
  readonly kept: readonly PreviousAccount[]
  /** None of the organization's previous credentials is valid any more. */
  readonly revoke: boolean
}

/** What a change of settings brings along. */
export type SettingsAlong = {
  readonly credentials?: ReplacedCredentials | undefined
  /** A version of the templates, which the change publishes. */
  readonly publishes?: number | undefined
}

/** Reads settings. */
export interface SettingsQueries {
  get(organizationIds: readonly string[]): Promise<SettingsRow[]>
  /** A page of all organizations' settings, in the order of their ids. `after`: the last id of the page before; null: the first page. */
  list(after: string | null, limit: number): Promise<SettingsRow[]>
  /** Of the organization that has this account key; null: none has it. */
  byAccountKey(accountKey: string): Promise<SettingsRow | null>
}

/**
 * Writes are audited in their transaction, with `by` (default: the library itself); one that changes nothing is not. Commands of
 * `src/records`, which `Storage.carry` carries out.
 */
export interface SettingsCommands {
  /** Null if the organization has settings already: of concurrent callers one gets the row. */
  create(
    organizationId: string,
    values: SettingsValues & Partial<OwnSettings>,
    replan: ReplanScope | null,
    at: Date,
    by?: Actor,
  ): Promise<SettingsRow | null>
  /**
   * Changes the named columns only; null if there is no row. With `revision`, for a patch that rests on a row that was
   * read before: null, and nothing is written, where that row has another revision by now. `replan` is queued, and
   * `credentials` are kept, in the same transaction. Where texts change, they are a new version, or `publishes` that is there already.
   */
  update(
    organizationId: string,
    patch: Partial<SettingsValues & OwnSettings>,
    replan: ReplanScope | null,
    at: Date,
    by?: Actor,
    revision?: number,
    along?: SettingsAlong,
  ): Promise<SettingsRow | null>
  /**
   * Replaces how secrets are sealed: the row keeps its revision, and nothing is audited. False where `change` changed nothing. It is
   * pure: it may be asked again.
   */
  reseal(
    reseals: readonly {
      readonly organizationId: string
      readonly change: (settings: SettingsRow) => SettingsValues | null
    }[],
  ): Promise<boolean[]>
}
export type SettingsStore = SettingsQueries & SettingsCommands
