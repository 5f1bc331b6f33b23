import type { Transport } from 'appointment-notifications'
import { clockAhead } from '../support/clock-ahead.ts'
import { type Calendar, hourMs, idsFrom, minuteMs, openClinic } from './clinic.ts'
import { timed } from './measure.ts'
import type { Place } from './stores.ts'
import { silent } from './transports.ts'

export type Load = {
  readonly place: Place
  readonly appointments: number
  /** How many of the planned reminders are due an hour from now. */
  readonly due: number
  readonly transport: Transport
  readonly hasPhone: Calendar['hasPhone']
  readonly env?: Record<string, string>
}

/** Plans appointments whose reminders of a day before are due within the hour; all of them are sent by `sendAll`. */
export function prepare({ place, appointments, due, transport, hasPhone, env = {} }: Load) {
  const base = Date.now()
  const calendar = { startOf: (id: number) => new Date(base + 24 * hourMs + minuteMs + (id % 3000) * 1000), hasPhone }
  return {
    dueAt: base + hourMs,
    async plan() {
      const library = await openClinic({ storage: place.storage(), transport: silent, ...calendar })
      await library.notifications.scheduleMany(idsFrom(1, appointments))
      await library.stop()
      await place.settle()
    },
    /** In a process that starts when all is due, which is an hour later. */
    async sendAll() {
      const clock = clockAhead(() => hourMs)
      const options = { clock, env, reconcileMs: false } as const
      const library = await openClinic({ storage: place.storage(), transport, ...calendar, ...options })
      const all = Promise.withResolvers<void>()
      let sent = 0
      library.events.on('reminder.sent', () => {
        sent += 1
        if (sent === due) all.resolve()
      })
      library.events.on('reminder.failed', ({ code }) => all.reject(new Error(code)))
      const sample = await timed(due, async () => {
        await library.start()
        await all.promise
      })
      const { total } = await library.notifications.history({ status: 'SENT', limit: 1 })
      await library.stop()
      return { sample, settled: total }
    },
  }
}
