import type { ReplanScope } from '../../../../src/index.ts'
import { encodeOptionalId } from '../codecs/ids.ts'
import type { Tx } from './tx.ts'

/** Queues a re-plan. One of the same scope that is queued starts anew: what it planned so far rests on older settings. */
export function queueReplan(tx: Tx, replan: ReplanScope | null, at: Date): void {
  if (replan === null) return
  const recipientId = encodeOptionalId(tx.ids, 'recipient', replan.recipient?.id ?? null)
  const scope = JSON.stringify([replan.organizationId, replan.recipient?.type ?? null, recipientId])
  tx.statements.plans.dropJob.run({ scope })
  tx.statements.plans.addJob.run({
    organization_id: replan.organizationId,
    recipient_type: replan.recipient?.type ?? null,
    recipient_id: recipientId,
    scope,
    cursor: 0,
    created_at: at.getTime(),
  })
}
