import { instant } from '../../ports/rows/ids.ts'
import type { Row } from '../../ports/rows/tables/tables.ts'
import type { TemplateVersionRow } from '../../ports/storage/template-versions.ts'
import type { TemplateVersion } from '../../schemas/template-versions.ts'
import { decodeActor } from './audit.ts'

type VersionRecord = Omit<Row<'notification_template_versions'>, 'content' | 'id' | 'organization_id'>

export const decodeTemplateVersion = (row: VersionRecord): TemplateVersion => ({
  version: row.version,
  basedOn: row.based_on,
  createdAt: new Date(row.created_at),
  createdBy: decodeActor(row),
  publishedAt: instant(row.published_at),
  publishedBy:
    row.publisher_kind === null ? null : decodeActor({ actor_kind: row.publisher_kind, actor_id: row.publisher_id }),
})

export const decodeVersionRow = (row: Row<'notification_template_versions'>): TemplateVersionRow => ({
  ...decodeTemplateVersion(row),
  organizationId: row.organization_id,
  content: JSON.parse(row.content),
})
