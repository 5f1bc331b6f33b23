import { addressKey } from '../../domain/effective.ts'
import type { TransportError } from '../../errors.ts'
import type { DeliveryRow } from '../../ports/storage.ts'
import { type Context, faultOf } from '../context.ts'

/** So long apart are refusals that count as of different days; a reminder each day, at about the same hour, is meant. */
const apartMs = 20 * 3_600_000
/** Failures of the recipient that are looked at, the newest first. */
const remembered = 50

/**
 * Whether nobody has the address by the provider's word of an earlier day too. A mail server that lost its directory for an
 * hour answers so for everybody (RFC 5321 leaves it no other word), and must not silence a patient for good.
 */
export async function isUnknownAgain(
  { options: { storage, logger } }: Context,
  error: TransportError,
  delivery: DeliveryRow,
  address: string,
  at: Date,
): Promise<boolean> {
  if (!error.addressUnknown || error.outcome !== 'permanent') return false
  const { organizationId, recipient, channel } = delivery
  const of = { organizationId, recipientType: recipient.type, recipientId: recipient.id, channel }
  try {
    const { rows } = await storage.deliveries.list({ ...of, status: 'FAILED', limit: remembered, offset: 0 })
    return rows.some(
      (row) =>
        row.errorCode === error.code &&
        addressKey(row.recipientEmail ?? row.recipientPhone ?? '') === addressKey(address) &&
        at.getTime() - row.updatedAt.getTime() >= apartMs,
    )
  } catch (fault) {
    logger.warn('reading earlier refusals of an address failed', { organizationId, fault: faultOf(fault) })
    return false
  }
}
