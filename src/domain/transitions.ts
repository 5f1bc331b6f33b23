import type { DeliveryState, DeliveryStatus } from '../schemas/vocabulary.ts'

/**
 * What a settled status may still become: SENT < FAILED < DELIVERED < BOUNCED. Providers accept a message long before they
 * know its outcome, and report late and out of order: a late 'sent' never overwrites 'failed', nor a late 'failed'
 * 'delivered'; but a delivered message may still bounce.
 */
export const statusTransitions: Readonly<Record<DeliveryStatus, readonly DeliveryStatus[]>> = {
  SENT: ['FAILED', 'DELIVERED', 'BOUNCED'],
  FAILED: ['DELIVERED', 'BOUNCED'],
  DELIVERED: ['BOUNCED'],
  BOUNCED: [],
}

/** A delivery without a status may get any. Staying the same is no transition. */
export function canTransition(from: DeliveryStatus | null, to: DeliveryStatus): boolean {
  return from === null || statusTransitions[from].includes(to)
}

/** Whether an attempt may have reached the recipient although it was never settled. */
export const isInDoubt = ({
  state,
  unknownOutcomes,
}: {
  readonly state: DeliveryState
  readonly unknownOutcomes: number
}) => state === 'sending' || unknownOutcomes > 0
