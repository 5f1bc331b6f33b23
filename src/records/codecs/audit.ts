import type { Row } from '../../ports/rows/tables/tables.ts'
import type { NewAudit } from '../../ports/storage/audit.ts'
import type { AuditDetail, AuditRecord } from '../../schemas/audit.ts'
export const encodeAudit = ({ organizationId, at, actor, action, target, detail }: NewAudit) => ({
  organization_id: organizationId,
  at: at.getTime(),
  actor_kind: actor.kind,
  // As JSON, so that 7 and "7" stay apart.
  actor_id: actor.id === null ? null : JSON.stringify(actor.id),
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
    actor: { kind: row.actor_kind, id: row.actor_id === null ? null : JSON.parse(row.actor_id) },
    action: row.action,
    target: row.target_type === null || row.target_id === null ? null : { type: row.target_type, id: row.target_id },
    detail,
  }
}
