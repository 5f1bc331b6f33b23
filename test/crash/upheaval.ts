import { setTimeout as wait } from 'node:timers/promises'
import type { NotificationService } from '../../src/index.ts'
import type { Chance } from './chance.ts'
import type { HostTable } from './host-table.ts'
import type { Hold } from './storages.ts'

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

/** What a host does to its appointments meanwhile: through the library, and behind its back. */
export class Upheaval {
  readonly cancels: Cancel[] = []
  readonly changes: Change[] = []
  readonly #options: UpheavalOptions
  /** Each appointment has one fate, so that it can be judged. */
  readonly #taken = new Set<number>()
  readonly #underWay: Promise<void>[] = []

  constructor(options: UpheavalOptions) {
    this.#options = options
  }

  /** Cancels half of its victims in the very moment of sending, the others before; resolves when all is done. */
  async run(): Promise<void> {
    const { chance, dueOf, cancels, changes } = this.#options
    const ids = chance.shuffle([...dueOf.keys()]).slice(0, cancels + changes)
    for (const id of ids) this.#taken.add(id)
    await Promise.all(
      ids.map(async (id, index) => {
        const racing = index < cancels && index % 2 === 0
        await until((dueOf.get(id) ?? 0) + (racing ? chance.between(-300, 400) : -chance.between(500, 3000)))
        if (index < cancels) await this.#cancel(id, cancelWays[index % cancelWays.length] ?? 'cancelReminders')
        else this.#change(id, changeWays[index % changeWays.length] ?? 'cancelled')
      }),
    )
  }

  /** Cancels one of these: nobody, or nobody yet, can say whether its mail has arrived. */
  cancelOneOf(holds: readonly Hold[]): void {
    const { chance } = this.#options
    const [hold] = chance.shuffle(holds.filter(({ appointmentId }) => !this.#taken.has(appointmentId)))
    const way = chance.shuffle(cancelWays)[0] ?? 'cancelReminders'
    if (hold === undefined) return
    this.#taken.add(hold.appointmentId)
    this.#underWay.push(this.#cancel(hold.appointmentId, way))
  }

  /** Resolves when the last of `cancelOneOf` has returned. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay)
  }

  async #cancel(appointmentId: number, way: Cancel['way']): Promise<void> {
    const { host, notifications } = this.#options
    if (way === 'appointmentCancelled') host.cancel(appointmentId)
    if (way === 'appointmentDeleted') host.delete(appointmentId)
    const calledAt = Date.now()
    const { inFlight } = await cancel(notifications, way, appointmentId)
    this.cancels.push({ appointmentId, way, calledAt, committedAt: Date.now(), inFlight })
  }

  #change(appointmentId: number, way: Change['way']): void {
    const { host, startOf } = this.#options
    if (way === 'cancelled') host.cancel(appointmentId)
    if (way === 'moved') host.move(appointmentId, new Date((startOf.get(appointmentId) ?? 0) + movedByMs))
    if (way === 'readdressed') host.readdress(appointmentId)
    this.changes.push({ appointmentId, way, at: Date.now() })
  }
}

function cancel(notifications: NotificationService, way: Cancel['way'], id: number): Promise<{ inFlight: number }> {
  if (way === 'cancelReminders') return notifications.cancelReminders(id)
  if (way === 'appointmentDeleted') return notifications.appointmentDeleted(id)
  return notifications.appointmentCancelled(id, { notify: false })
}

const until = (at: number) => wait(Math.max(0, at - Date.now()))
