import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { everybody, idsFrom, openClinic } from './clinic.ts'
import type { Place, Store } from './stores.ts'
import { silent } from './transports.ts'

/** Four reminders each. */
export async function planPending(place: Place, first: number, appointments: number, startOf: (id: number) => Date) {
  const library = await openClinic({ storage: place.storage(), transport: silent, startOf, hasPhone: everybody })
  const summaries = await library.notifications.scheduleMany(idsFrom(first, appointments))
  await library.stop()
  return summaries.reduce((sum, one) => sum + ('planned' in one ? one.planned : 0), 0)
}

const fileOf = (directory: string, what: string, store: Store) => join(directory, `${what}-${store.name}.json`)

/** A section makes a place that another opens in a fresh process. */
export const leave = (directory: string, what: string, store: Store, place: Place): void =>
  writeFileSync(fileOf(directory, what, store), JSON.stringify(place.target))

export const find = (directory: string, what: string, store: Store): Place =>
  store.at(z.string().parse(JSON.parse(readFileSync(fileOf(directory, what, store), 'utf8'))))
