import type { Actor } from '../../schemas/audit.ts'
import type { PreferenceRef, Preferences, PreferencesValues } from '../../schemas/preferences.ts'
import type { ReplanScope } from './plans.ts'

/** `patient_notification_preferences` and `client_notification_preferences`. */
export type PreferencesRow = Preferences & {
  /** Grows with every change; intents and plans are guarded by it. */
  readonly revision: number
}

/** Reads preferences. */
export interface PreferenceQueries {
  get(recipients: readonly PreferenceRef[]): Promise<PreferencesRow[]>
}

/**
 * Writes are audited in their transaction, with `by` (default: the library itself); one that changes nothing is not. Commands of
 * `src/records`, which `Storage.carry` carries out.
 */
export interface PreferenceCommands {
  /**
   * Null if the recipient has preferences already. Those of another organization, which had the id before, are replaced, and the
   * revision goes on from theirs.
   */
  create(
    organizationId: string,
    recipient: PreferenceRef,
    values: PreferencesValues,
    replan: ReplanScope | null,
    at: Date,
    by?: Actor,
  ): Promise<PreferencesRow | null>
  /** Changes the named columns only; null if there is no row. `inFlight` counts messages to the recipient being sent at that moment. */
  update(
    recipient: PreferenceRef,
    patch: Partial<PreferencesValues>,
    replan: ReplanScope | null,
    at: Date,
    by?: Actor,
  ): Promise<{ readonly row: PreferencesRow; readonly inFlight: number } | null>
}
export type PreferenceStore = PreferenceQueries & PreferenceCommands
