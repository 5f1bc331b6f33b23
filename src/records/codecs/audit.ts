import type { Row } from '../../ports/rows/tables/tables.ts'
import type { NewAudit } from '../../ports/storage/audit.ts'
import type { Actor, AuditDetail, AuditRecord } from '../../schemas/audit.ts'

/** As JSON, so that 7 and "7" stay apart. */
export const encodeActor = ({ kind, id }: Actor) => ({
  actor_kind: kind,
  actor_id: id === null ? null : JSON.stringify(id),
})

export const decodeActor = (row: Pick<Row<'notification_audit'>, 'actor_kind' | 'actor_id'>): Actor => ({
  kind: row.actor_kind,
  id: row.actor_id === null ? null : JSON.parse(row.actor_id),
})

export const encodeAudit = ({ organizationId, at, actor, action, target, detail }: NewAudit) => ({
  organization_id: organizationId,
  at: at.getTime(),
  ...encodeActor(actor),
  action,
  target_type: target?.type ?? null,
  target_id: target?.id ?? null,
  details: JSON.stringify(detail),
})

export function decodeAudit(row: Row<'notification_audit'>): AuditRecord {
  const { consent, ...rest }: AuditDetail = JSON.parse(row.details)
  const detail = consent === undefined ? rest : { ...rest, consent: { ...consent, at: new Date(consent.at) } }
  return {
    id: row.id,
    organizationId: row.organization_id,
    at: new Date(row.at),
    actor: decodeActor(row),
    action: row.action,
    target: row.target_type === null || row.target_id === null ? null : { type: row.target_type, id: row.target_id },
    detail,
  }
}
