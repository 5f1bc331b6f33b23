import { type Actor, type Change, type DeliveryRow, type NewAudit, subjectTarget } from '../../../../src/index.ts'
import { encodeAudit } from '../codecs/audit.ts'
import type { Tx } from './tx.ts'

export function appendAudit(tx: Tx, audit: NewAudit): void {
  tx.statements.audit.insert.run(encodeAudit(audit))
}

/** A change of settings or preferences; one that changed nothing is no news. */
export function auditChange(
  tx: Tx,
  about: Pick<NewAudit, 'organizationId' | 'target'>,
  { action, changes }: Change,
  actor: Actor,
  at: Date,
): void {
  if (changes.length > 0) appendAudit(tx, { ...about, at, actor, action, detail: { changes } })
}

/** What one command queued, in a row a category: all of it is about one appointment or waitlist entry. */
export function auditQueued(tx: Tx, rows: readonly DeliveryRow[], actor: Actor, at: Date): void {
  for (const [category, queued] of Map.groupBy(rows, (row) => row.category)) {
    const [first] = queued
    if (first === undefined) continue
    const notificationIds = queued.map((row) => row.id)
    appendAudit(tx, {
      organizationId: first.organizationId,
      at,
      actor,
      action: 'notification.queued',
      target: subjectTarget(first),
      detail: { category, notificationIds },
    })
  }
}
