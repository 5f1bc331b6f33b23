import type { DeliveryState, DeliveryStatus } from '../schemas/vocabulary.ts'

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

/** What a delivery may do next. */
export const stateTransitions: Readonly<Record<DeliveryState, readonly DeliveryState[]>> = {
  /** Settled or unknown without an attempt: the text could not be rendered, or the organization holds it. */
  queued: ['sending', 'handed_over', 'unknown', 'settled', 'cancelled'],
  /** Queued again for a retry; sending again when its lease ran out and another holder claims it under a new fence. */
  sending: ['sending', 'queued', 'unknown', 'settled', 'cancelled'],
  /** Queued when taken back, which needs the outside service's word that nothing was sent. */
  handed_over: ['queued', 'unknown', 'settled', 'cancelled'],
  /** Only what the provider reports later ends it. */
  unknown: ['settled'],
  settled: [],
  cancelled: [],
}

export function canTransitionState(from: DeliveryState, to: DeliveryState): boolean {
  return stateTransitions[from].includes(to)
}
