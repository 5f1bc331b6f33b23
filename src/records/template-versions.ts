import { keys } from '../ports/rows/keys.ts'
import { type Command, each, type Rows, read, unassigned } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { OwnSettings, SettingsRow } from '../ports/storage/settings.ts'
import type { DiscardedDraft, NewDraft } from '../ports/storage/template-versions.ts'
import { type Actor, systemActor } from '../schemas/audit.ts'
import type { SettingsValues } from '../schemas/settings.ts'
import {
  contentOf,
  hasContent,
  isSameContent,
  type TemplateContent,
  type TemplateVersion,
} from '../schemas/template-versions.ts'
import { appendAudit } from './audit.ts'
import { encodeActor } from './codecs/audit.ts'
import { decodeSettings } from './codecs/settings.ts'
import { decodeTemplateVersion } from './codecs/template-versions.ts'

type Writing = { readonly organizationId: string; readonly at: Date; readonly by: Actor }
type Numbers = Pick<OwnSettings, 'templateVersion' | 'templateVersions'>

const published = (at: Date, by: Actor) => {
  const { actor_kind: publisher_kind, actor_id: publisher_id } = encodeActor(by)
  return { published_at: at.getTime(), publisher_kind, publisher_id }
}

const newRow = (
  { organizationId: organization_id, at, by }: Writing,
  content: TemplateContent,
  version: number,
  based_on: number | null,
): Row<'notification_template_versions'> => ({
  id: unassigned,
  organization_id,
  version,
  based_on,
  content: JSON.stringify(contentOf(content)),
  created_at: at.getTime(),
  ...encodeActor(by),
  published_at: null,
  publisher_kind: null,
  publisher_id: null,
})

/**
 * The versions that a change of settings makes: one for what is published, unless that is `draft`, and before it one for texts that
 * were there before there were versions, so that somebody can go back to them. Empty where no text changes.
 */
export function publishTexts(
  rows: Rows,
  before: SettingsRow | null,
  after: SettingsValues,
  { draft, ...writing }: Writing & { readonly draft: number | undefined },
): Partial<Numbers> {
  const { at, by, organizationId: organization_id } = writing
  const isSame = before === null ? !hasContent(after) : isSameContent(before, after)
  if (isSame && draft === undefined) return {}
  const append = (row: Row<'notification_template_versions'>) => rows.append('notification_template_versions', row)
  let latest = before?.templateVersions ?? 0
  let current = before?.templateVersion ?? null
  if (before !== null && current === null && hasContent(before)) {
    latest += 1
    current = latest
    const then = { organizationId: organization_id, at: before.updatedAt, by: systemActor }
    append({ ...newRow(then, before, latest, null), ...published(before.updatedAt, systemActor) })
  }
  const row = draft === undefined ? undefined : rows.get(keys.templateVersion, { organization_id, version: draft })
  if (row !== undefined && row.published_at === null) {
    rows.update('notification_template_versions', row.id, published(at, by))
    return { templateVersion: row.version, templateVersions: latest }
  }
  latest += 1
  append({ ...newRow(writing, after, latest, current), ...published(at, by) })
  return { templateVersion: latest, templateVersions: latest }
}

/** `TemplateVersionCommands.draft`. The settings keep their revision: what is sent does not change. */
export const templateDrafts: Command<NewDraft, TemplateVersion | null> = {
  stages: [({ organizationId: organization_id }) => [read(keys.settings, { organization_id })]],
  run: each((rows, { content, basedOn, ...writing }) => {
    const { organizationId, at, by } = writing
    const settings = rows.get(keys.settings, { organization_id: organizationId })
    if (settings === undefined) return null
    const { templateVersion, templateVersions } = decodeSettings(settings)
    if (templateVersion !== basedOn) return null
    const version = (templateVersions ?? 0) + 1
    const row = newRow(writing, content, version, basedOn)
    rows.append('notification_template_versions', row)
    rows.update('notification_settings', settings.id, { template_versions: version })
    const target = { type: 'organization', id: organizationId } as const
    appendAudit(rows, { organizationId, at, actor: by, action: 'templates.drafted', target, detail: { version } })
    return decodeTemplateVersion(row)
  }),
  held: null,
}

/** `TemplateVersionCommands.discard`. */
export const templateDiscards: Command<DiscardedDraft, TemplateVersion | null> = {
  stages: [
    ({ organizationId: organization_id, version }) => [read(keys.templateVersion, { organization_id, version })],
  ],
  run: each((rows, { organizationId, version, at, by }) => {
    const key = { organization_id: organizationId, version }
    const row = rows.get(keys.templateVersion, key)
    if (row === undefined || row.published_at !== null) return null
    rows.deleteBy('notification_template_versions', key)
    const target = { type: 'organization', id: organizationId } as const
    appendAudit(rows, { organizationId, at, actor: by, action: 'templates.discarded', target, detail: { version } })
    return decodeTemplateVersion(row)
  }),
  held: null,
}
