import { hourMs, openClinic, overAMonth } from './clinic.ts'
import { type Contest, type Contestant, firstOfFour, firstOfOne } from './contest.ts'
import type { Place, Store } from './stores.ts'
import { silent } from './transports.ts'

export type OurContest = Contest & { readonly place: Place }

export const ourName = (store: Pick<Store, 'name'>) => `ours on ${store.name}`

/** The library as a host calls it: it asks the directory, decides, explains, and stores. */
export const ours = (store: Store): Contestant<OurContest> => ({
  name: ourName(store),
  durability: store.durability,
  async open() {
    const place = await store.make()
    const month = overAMonth(Date.now())
    const moves = new Map<number, number>()
    const library = await openClinic({
      storage: place.storage(),
      transport: silent,
      startOf: (id) => new Date(month(id).getTime() + (moves.get(id) ?? 0) * hourMs),
      // Without an SMS, and with one offset, there is one reminder.
      hasPhone: (id) => id < firstOfOne || id >= firstOfFour,
    })
    const { notifications } = library
    return {
      place,
      async planMany(ids) {
        await notifications.scheduleMany(ids)
      },
      planOne: (id) => notifications.scheduleReminders(id, { customReminders: [24] }),
      plan: (id) => notifications.scheduleReminders(id),
      move(id) {
        moves.set(id, (moves.get(id) ?? 0) + 1)
        return notifications.rescheduleReminders(id)
      },
      cancel: (id) => notifications.cancelReminders(id),
      async close() {
        await library.stop()
        await place.drop()
      },
    }
  },
})
