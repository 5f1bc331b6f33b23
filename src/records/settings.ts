import { settingsChange } from '../domain/audit.ts'
import { encodeOptionalId } from '../ports/rows/ids.ts'
import { keys } from '../ports/rows/keys.ts'
import { type Command, each, type Rows, read, unassigned } from '../ports/rows/rows.ts'
import type { PreviousAccount } from '../ports/storage/accounts.ts'
import type { ReplanScope } from '../ports/storage/plans.ts'
import type { OwnSettings, ReplacedCredentials, SettingsRow } from '../ports/storage/settings.ts'
import { type Actor, systemActor } from '../schemas/audit.ts'
import { patched } from '../schemas/channel-settings.ts'
import type { SettingsValues } from '../schemas/settings.ts'
import { auditChange } from './audit.ts'
import { encodePrevious } from './codecs/accounts.ts'
import { decodeSettings, encodeSettings } from './codecs/settings.ts'
import { publishTexts } from './template-versions.ts'

function settingsOf(rows: Rows, organizationId: string): SettingsRow | null {
  const row = rows.get(keys.settings, { organization_id: organizationId })
  return row === undefined ? null : decodeSettings(row)
}

const settingsTarget = (organizationId: string) => ({
  organizationId,
  target: { type: 'organization', id: organizationId } as const,
})

/** Queues a re-plan. One of the same scope that is queued starts anew: what it planned so far rests on older settings. */
export function queueReplan(rows: Rows, replan: ReplanScope | null, at: Date): void {
  if (replan === null) return
  const recipientId = encodeOptionalId(rows.ids, 'recipient', replan.recipient?.id ?? null)
  const scope = JSON.stringify([replan.organizationId, replan.recipient?.type ?? null, recipientId])
  rows.deleteBy('replan_jobs', { scope })
  rows.append('replan_jobs', {
    id: unassigned,
    organization_id: replan.organizationId,
    recipient_type: replan.recipient?.type ?? null,
    recipient_id: recipientId,
    scope,
    cursor: 0,
    created_at: at.getTime(),
  })
}

/** What `SettingsStore.create` takes. */
export type NewSettings = Write & {
  readonly organizationId: string
  readonly values: SettingsValues & Partial<OwnSettings>
}
/** What every change of settings and preferences has. */
export type Write = { readonly replan: ReplanScope | null; readonly at: Date; readonly by?: Actor | undefined }

const ofOrganization = ({ organizationId: organization_id }: { readonly organizationId: string }) => ({
  organization_id,
})

export const settingsCreations: Command<NewSettings, SettingsRow | null> = {
  absences: (command) => [{ key: keys.settings, of: ofOrganization(command), way: 'ends' }],
  stages: [(command) => [read(keys.settings, ofOrganization(command))]],
  inserts: () => [['notification_settings', 1]],
  run: each((rows, { organizationId, values, replan, at, by = systemActor }) => {
    if (rows.get(keys.settings, { organization_id: organizationId }) !== undefined) return null
    const numbers = publishTexts(rows, null, values, { organizationId, at, by, draft: undefined })
    const encoded = encodeSettings({ ...values, ...numbers }, 1, at)
    const row = { ...encoded, organization_id: organizationId, created_at: at.getTime() }
    if (rows.insertNew(keys.settings, { id: unassigned, ...row }) === null) return null
    auditChange(
      rows,
      settingsTarget(organizationId),
      { ...settingsChange(null, values), ...versionOf(numbers) },
      by,
      at,
    )
    queueReplan(rows, replan, at)
    return settingsOf(rows, organizationId)
  }),
  held: null,
}

/** What `SettingsStore.update` takes. */
export type SettingsPatch = Write & {
  readonly organizationId: string
  readonly patch: Partial<SettingsValues & OwnSettings>
  readonly revision?: number | undefined
  readonly credentials?: ReplacedCredentials | undefined
  readonly publishes?: number | undefined
}

export const settingsUpdates: Command<SettingsPatch, SettingsRow | null> = {
  stages: [
    (command) => [read(keys.settings, ofOrganization(command))],
    (command) =>
      command.publishes === undefined
        ? []
        : [read(keys.templateVersion, { ...ofOrganization(command), version: command.publishes })],
  ],
  run: each((rows, { organizationId, patch, replan, at, by = systemActor, revision, credentials, publishes }) => {
    const before = settingsOf(rows, organizationId)
    if (before === null || (revision !== undefined && revision !== before.revision)) return null
    const values = patched(before, patch)
    const numbers = publishTexts(rows, before, values, { organizationId, at, by, draft: publishes })
    const after = { ...values, ...numbers }
    rows.update('notification_settings', before.id, encodeSettings(after, before.revision + 1, at))
    const { action, changes } = settingsChange(before, after)
    const revoked = credentials?.revoke === true ? [{ field: 'revokePrevious', to: true }] : []
    auditChange(
      rows,
      settingsTarget(organizationId),
      { action, changes: [...changes, ...revoked], ...versionOf(numbers) },
      by,
      at,
    )
    if (credentials?.revoke === true)
      rows.deleteBy('notification_previous_accounts', { organization_id: organizationId })
    keepPrevious(rows, credentials?.kept ?? [])
    queueReplan(rows, replan, at)
    return settingsOf(rows, organizationId)
  }),
  held: null,
}

/** For the audit log. */
const versionOf = ({ templateVersion = null }: Partial<OwnSettings>) =>
  templateVersion === null ? {} : { version: templateVersion }

function keepPrevious(rows: Rows, kept: readonly PreviousAccount[]): void {
  for (const one of kept) rows.append('notification_previous_accounts', { id: unassigned, ...encodePrevious(one) })
}

/** `AccountCommands.keepPrevious`. */
export const previousAccounts: Command<readonly PreviousAccount[], true> = {
  stages: [],
  run: each((rows, kept) => {
    keepPrevious(rows, kept)
    return true
  }),
  held: null,
}
