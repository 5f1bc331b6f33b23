import { setTimeout as wait } from 'node:timers/promises'
import type { NotificationService } from '../../src/index.ts'
import type { Chance } from './chance.ts'
import type { HostTable } from './host-table.ts'

export const cancelWays = ['cancelReminders', 'appointmentCancelled', 'appointmentDeleted'] as const
export type Cancel = {
  readonly appointmentId: number
  readonly way: (typeof cancelWays)[number]
  readonly calledAt: number
  /** When the call had returned: from here on the cancel stands. */
  readonly committedAt: number
  readonly inFlight: number
}

export const changeWays = ['cancelled', 'moved', 'readdressed'] as const
/** The host changed its own data and told nobody. */
export type Change = {
  readonly appointmentId: number
  readonly way: (typeof changeWays)[number]
  readonly at: number
}

export type UpheavalOptions = {
  readonly chance: Chance
  readonly host: HostTable
  readonly notifications: NotificationService
  readonly dueOf: ReadonlyMap<number, number>
  readonly startOf: ReadonlyMap<number, number>
  readonly cancels: number
  readonly changes: number
}

export const movedByMs = 3 * 3_600_000

/** Cancels through the library, half of it in the very moment of sending, and changes behind the library's back. */
export async function upheaval(options: UpheavalOptions): Promise<{ cancels: Cancel[]; changes: Change[] }> {
  const { chance, host, dueOf, startOf } = options
  const ids = chance.shuffle([...dueOf.keys()])
  const dueAt = (id: number) => dueOf.get(id) ?? Number.NaN
  const cancels = ids.slice(0, options.cancels).map(async (appointmentId, index): Promise<Cancel> => {
    const way = cancelWays[index % cancelWays.length] ?? 'cancelReminders'
    const at = dueAt(appointmentId) + (index % 2 === 0 ? chance.between(-300, 400) : -chance.between(500, 3000))
    await until(at)
    if (way === 'appointmentCancelled') host.cancel(appointmentId)
    if (way === 'appointmentDeleted') host.delete(appointmentId)
    const calledAt = Date.now()
    const { inFlight } = await cancel(options.notifications, way, appointmentId)
    return { appointmentId, way, calledAt, committedAt: Date.now(), inFlight }
  })
  const changes = ids
    .slice(options.cancels, options.cancels + options.changes)
    .map(async (appointmentId, index): Promise<Change> => {
      const way = changeWays[index % changeWays.length] ?? 'cancelled'
      await until(dueAt(appointmentId) - chance.between(500, 3000))
      if (way === 'cancelled') host.cancel(appointmentId)
      if (way === 'moved') host.move(appointmentId, new Date((startOf.get(appointmentId) ?? 0) + movedByMs))
      if (way === 'readdressed') host.readdress(appointmentId)
      return { appointmentId, way, at: Date.now() }
    })
  return { cancels: await Promise.all(cancels), changes: await Promise.all(changes) }
}

function cancel(notifications: NotificationService, way: Cancel['way'], id: number): Promise<{ inFlight: number }> {
  if (way === 'cancelReminders') return notifications.cancelReminders(id)
  if (way === 'appointmentDeleted') return notifications.appointmentDeleted(id)
  return notifications.appointmentCancelled(id, { notify: false })
}

const until = (at: number) => wait(Math.max(0, at - Date.now()))
