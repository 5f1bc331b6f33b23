import { setTimeout as wait } from 'node:timers/promises'
import { capture } from 'appointment-notifications/capture'
import { dayMs, everybody, hourMs, openClinic, overAMonth } from '../clinic.ts'
import { expectCount, type Figure, quantile } from '../measure.ts'
import { measures } from '../measures.ts'
import { ourName } from '../ours.ts'
import { find, leave, planPending } from '../pending.ts'
import { fileStore, type Place, type Store, serverStore } from '../stores.ts'
import type { World } from '../world.ts'

const fewAppointments = 2500
const manyAppointments = 250_000
const each = 4
/** Due a day before everything else. */
const firstDue = 5_000_000
const dueAppointments = 50
const queries = 200
/** Long enough for a sweep. */
const idleMs = 31_000

const begin = Date.now()
const month = overAMonth(begin)
const startOf = (id: number) => (id < firstDue ? month(id) : new Date(begin + 2 * dayMs))
/** Then the reminders of a day before are due, one e-mail and one SMS of each of those appointments. */
const dueAt = new Date(begin + dayMs + hourMs)

/** How long it takes to find what is due, in ms. */
async function dueQuery(place: Place): Promise<number> {
  const storage = place.storage()
  const times: number[] = []
  for (let count = 0; count < queries; count += 1) {
    const began = performance.now()
    const { rows } = await storage.reminders.due({ now: dueAt, limit: 500 })
    times.push(performance.now() - began)
    expectCount('reminders due', rows.length, dueAppointments * 2)
  }
  await storage.close()
  return quantile(times, 0.5)
}

async function costs(world: World, store: Store): Promise<Figure[]> {
  const place = await store.make()
  await planPending(place, firstDue, dueAppointments, startOf)
  await planPending(place, 1, fewAppointments, startOf)
  await place.settle()
  const few = await dueQuery(place)
  await planPending(place, fewAppointments + 1, manyAppointments - fewAppointments, startOf)
  await place.settle()
  const many = await dueQuery(place)
  leave(world.directory, 'million', store, place)
  const about = { by: ourName(store), durability: '', cpuUs: null }
  const note = `${dueAppointments * 2} due; median of ${queries}`
  return [
    { ...about, measure: measures.dueFew, value: few, unit: 'ms', note },
    { ...about, measure: measures.dueMany, value: many, unit: 'ms', note },
    { ...about, measure: measures.dueRatio, value: many / few, unit: 'x', note },
  ]
}

/** Makes the databases with a million pending reminders, which `idle` opens, and tells what they cost to search. */
export async function million(world: World): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const store of [fileStore(world.directory), serverStore(world.servers)])
    figures.push(...(await costs(world, store)))
  return figures
}

/** In a process of its own, so that memory and processor time are of an idle library alone. */
async function idle(world: World, store: Store): Promise<Figure[]> {
  const place = find(world.directory, 'million', store)
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  const library = await openClinic({
    storage: place.storage(),
    transport: capture(),
    startOf: month,
    hasPhone: everybody,
    // It runs once in six hours and reads all plans, which is not idling.
    reconcileMs: false,
  })
  await library.start()
  await wait(1000)
  globalThis.gc?.()
  const cpu = process.cpuUsage()
  await wait(idleMs)
  const { user, system } = process.cpuUsage(cpu)
  const rss = process.memoryUsage().rss
  await library.stop()
  await place.drop()
  const about = { by: ourName(store), durability: '', cpuUs: null }
  const note = `${manyAppointments * each} pending, ${idleMs / 1000} s, alarms, sweep and foreign commits watched; without reconciliation`
  return [
    { ...about, measure: measures.idleProcessor, value: (user + system) / idleMs / 10, unit: '%', note },
    { ...about, measure: measures.idleMemory, value: (rss - before) / 2 ** 20, unit: 'MB', note },
  ]
}

export const idleOnSqlite = (world: World) => idle(world, fileStore(world.directory))
export const idleOnPostgres = (world: World) => idle(world, serverStore(world.servers))
