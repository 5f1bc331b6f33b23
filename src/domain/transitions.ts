import type { DeliveryStatus } from '../schemas/vocabulary.ts'

/**
 * What a settled status may still become. Forward only: providers report late and out of order, and a late 'sent' never
 * overwrites 'delivered'. A delivery without a status may get any.
 */
export const statusTransitions: Readonly<Record<DeliveryStatus, readonly DeliveryStatus[]>> = {
  SENT: ['DELIVERED', 'BOUNCED'],
  DELIVERED: [],
  BOUNCED: [],
  FAILED: [],
}

/** Staying the same is no transition. */
export function canTransition(from: DeliveryStatus | null, to: DeliveryStatus): boolean {
  return from === null || statusTransitions[from].includes(to)
}
