import { type Calendar, dueOf } from './host.ts'
import type { Received } from './relay.ts'

/** How often each appointment was told of. */
export function timesTold(received: readonly { readonly appointmentId: number }[]): ReadonlyMap<number, number> {
  const times = new Map<number, number>()
  for (const { appointmentId } of received) times.set(appointmentId, (times.get(appointmentId) ?? 0) + 1)
  return times
}

export const twice = (received: readonly { readonly appointmentId: number }[]): number =>
  [...timesTold(received).values()].filter((times) => times > 1).length

/** Appointments nobody was told of. */
export const untold = (received: readonly { readonly appointmentId: number }[], appointments: number): number =>
  appointments - timesTold(received).size

/** How many of all each worker sent, the busiest first. */
export const shares = (received: readonly Received[]): number[] =>
  [...Map.groupBy(received, (one) => one.worker).values()].map((ones) => ones.length).sort((one, other) => other - one)

/** How long after its time each message arrived, in milliseconds. */
export const lateness = (
  received: readonly { readonly at: number; readonly appointmentId: number }[],
  calendar: Calendar,
): number[] => received.map(({ at, appointmentId }) => at - dueOf(calendar, appointmentId))
