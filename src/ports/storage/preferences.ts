import type { OffsetInput } from '../../schemas/offset.ts'
import type { PreferenceRef } from '../../schemas/preferences.ts'
import type { ReplanScope } from './plans.ts'

/** The columns of `patient_notification_preferences` and `client_notification_preferences`; null inherits. */
export type PreferencesValues = {
  readonly emailEnabled: boolean | null
  readonly smsEnabled: boolean | null
  readonly emailReminders: readonly OffsetInput[] | null
  readonly smsReminders: readonly OffsetInput[] | null
  readonly appointmentConfirmation: boolean | null
  readonly appointmentReminder: boolean | null
  readonly appointmentCancellation: boolean | null
  readonly appointmentReschedule: boolean | null
  readonly waitlistNotification: boolean | null
  readonly emailAddress: string | null
  readonly phoneNumber: string | null
}

export type PreferencesRow = PreferencesValues & {
  readonly id: number
  readonly organizationId: string
  readonly recipient: PreferenceRef
  /** Grows with every change; intents are guarded by it. */
  readonly revision: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

export interface PreferenceStore {
  get(recipients: readonly PreferenceRef[]): Promise<PreferencesRow[]>
  /** Null if the recipient has preferences already. */
  create(
    organizationId: string,
    recipient: PreferenceRef,
    values: PreferencesValues,
    replan: ReplanScope | null,
    at: Date,
  ): Promise<PreferencesRow | null>
  /** Changes the named columns only; null if there is no row. `inFlight` counts messages to the recipient being sent at that moment. */
  update(
    recipient: PreferenceRef,
    patch: Partial<PreferencesValues>,
    replan: ReplanScope | null,
    at: Date,
  ): Promise<{ readonly row: PreferencesRow; readonly inFlight: number } | null>
}
