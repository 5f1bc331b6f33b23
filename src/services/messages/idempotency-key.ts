import { hash } from 'node:crypto'
import type { NewDelivery, ReminderRow } from '../../ports/storage.ts'
import { type RecipientRef, refKey } from '../../schemas/common.ts'

/**
 * What is sent decides the key under which it is sent, and not who sends it or when: a database that was restored from a
 * backup sends under the keys of before. Digests, because ids and a host's words may be anything.
 */
const keyOf = (...parts: readonly (string | number | null)[]): string =>
  hash('sha256', JSON.stringify(parts)).slice(0, 40)

/** The row is part of it: a reminder that was withdrawn and is planned anew is another one. */
export const reminderKey = (reminder: ReminderRow): string => {
  const { id, organizationId, appointmentId, recipient, channel, offset, startsAt } = reminder
  return keyOf(
    'reminder',
    organizationId,
    appointmentId,
    refKey(recipient),
    channel,
    offset,
    startsAt.toISOString(),
    id,
  )
}

/**
 * Of a notice that goes out once by its `dedupeKey`. The start is part of it: after a restore, another change of an
 * appointment may have the number of one that was lost.
 */
export const noticeKey = (
  {
    organizationId,
    recipient,
    channel,
    category,
  }: Pick<NewDelivery, 'organizationId' | 'recipient' | 'channel' | 'category'>,
  dedupeKey: string,
  startsAt: Date | null,
): string =>
  keyOf('notice', organizationId, refKey(recipient), channel, category, dedupeKey, startsAt?.toISOString() ?? null)

/** Of a reminder that went out in another one's message, whose key it has, so that what takes its place has one of its own. */
export const keyAlong = (key: string, deliveryId: number): string => keyOf('along', key, deliveryId)

/** Of a message that takes the place of another one on a channel; `other`: for another than its recipient. */
export const fallbackKey = (key: string, channel: string, other?: RecipientRef): string =>
  keyOf('fallback', key, channel, ...(other === undefined ? [] : [refKey(other)]))
