import { keys } from '../ports/rows/keys.ts'
import { type Command, each, read } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { PreviousAccount } from '../ports/storage/accounts.ts'
import type { SettingsRow } from '../ports/storage/settings.ts'
import type { SettingsValues } from '../schemas/settings.ts'
import { decodePrevious } from './codecs/accounts.ts'
import { decodeSettings, encodeSettings } from './codecs/settings.ts'

/** What `SettingsCommands.reseal` takes. `change`: null where there is nothing to change; pure, since it may be asked again. */
export type SettingsReseal = {
  readonly organizationId: string
  readonly change: (settings: SettingsRow) => SettingsValues | null
}

/** The revision stays: nothing was decided by how a secret is sealed, and nobody changed it. */
export const settingsReseals: Command<SettingsReseal, boolean> = {
  stages: [({ organizationId: organization_id }) => [read(keys.settings, { organization_id })]],
  run: each((rows, { organizationId: organization_id, change }) => {
    const row = rows.get(keys.settings, { organization_id })
    if (row === undefined) return false
    const before = decodeSettings(row)
    const after = change(before)
    if (after === null) return false
    const encoded = encodeSettings({ ...before, ...after }, before.revision, before.updatedAt)
    rows.update('notification_settings', row.id, changed(row, encoded))
    return true
  }),
  held: null,
}

/** Only the columns that hold something else now. */
const changed = (row: Row<'notification_settings'>, encoded: Partial<Row<'notification_settings'>>) =>
  Object.fromEntries(Object.entries(encoded).filter(([name, value]) => Reflect.get(row, name) !== value))

/** What `AccountCommands.reseal` takes, as `SettingsReseal`. */
export type AccountReseal = {
  readonly id: number
  readonly change: (previous: PreviousAccount) => PreviousAccount['account'] | null
}

export const accountReseals: Command<AccountReseal, boolean> = {
  stages: [({ id }) => [read(keys.previousAccount, { id }, 'none')]],
  run: each((rows, { id, change }) => {
    const row = rows.get(keys.previousAccount, { id })
    const after = row === undefined ? null : change(decodePrevious(row))
    if (after === null) return false
    rows.update('notification_previous_accounts', id, { account: JSON.stringify(after) })
    return true
  }),
  held: null,
}
