import { setTimeout as wait } from 'node:timers/promises'
import { capture } from 'appointment-notifications/capture'
import { everybody, hourMs, idsFrom, openClinic, overAMonth } from '../clinic.ts'
import { expectCount, type Figure, quantile } from '../measure.ts'
import { measures } from '../measures.ts'
import { ourName } from '../ours.ts'
import { peersOf } from '../peers/all.ts'
import { addInBulk, jobsOf } from '../peers/contestant.ts'
import type { Peer } from '../peers/peer.ts'
import { find, leave, planPending } from '../pending.ts'
import { fileStore, type Store, serverStore } from '../stores.ts'
import type { World } from '../world.ts'

const pendingAppointments = 25_000
const pending = pendingAppointments * 4
const firstSoon = 5_000_000
/** An e-mail and an SMS each. */
const soon = 1000
const windowMs = 60_000
/** Peers are watched for a fifth of that, with as many due a second. */
const peersPart = 5

const month = overAMonth(Date.now())
const storesOf = ({ directory, servers }: World) => [fileStore(directory), serverStore(servers)]

/** Makes the databases with a hundred thousand pending reminders, which `lateness` opens in a fresh process. */
export async function pendingRows(world: World): Promise<Figure[]> {
  for (const store of storesOf(world)) {
    const place = await store.make()
    expectCount('pending reminders', await planPending(place, 1, pendingAppointments, month), pending)
    await place.settle()
    leave(world.directory, 'pending', store, place)
  }
  return []
}

const dueOf = (index: number, from: number) => from + Math.floor((index * windowMs) / soon)

/** From a reminder's time to the moment its message is with the transport, in ms. */
async function ourLateness(world: World, store: Store): Promise<number[]> {
  const place = find(world.directory, 'pending', store)
  const from = Date.now() + 24 * hourMs + 3000
  const startOf = (id: number) => (id < firstSoon ? month(id) : new Date(dueOf(id - firstSoon, from)))
  const outbox = capture()
  const calendar = { startOf, hasPhone: everybody }
  // It runs once in six hours and reads all plans: what that costs is another question.
  const library = await openClinic({ storage: place.storage(), transport: outbox, ...calendar, reconcileMs: false })
  await library.start()
  await library.notifications.scheduleMany(idsFrom(firstSoon, soon), { customReminders: [24] })
  globalThis.gc?.()
  await wait(from - 24 * hourMs + windowMs + 1000 - Date.now())
  await library.stop()
  await place.drop()
  // The address tells the appointment.
  const mails = outbox.sent.filter((message) => message.channel === 'EMAIL')
  expectCount('messages in time', mails.length, soon)
  return mails.map(({ to, at }) => {
    const id = Number(to.slice(1, to.indexOf('@')))
    return at.getTime() - (startOf(id).getTime() - 24 * hourMs)
  })
}

/** From a job's time to its handler, in ms. */
async function peerLateness(peer: Peer): Promise<number[]> {
  const queue = await peer.open()
  const later = Array.from({ length: pendingAppointments }, (_, index) => jobsOf(index, month(index))).flat()
  await addInBulk(later, queue.addMany)
  const late: number[] = []
  const stop = await queue.work(({ runAt }) => late.push(Date.now() - runAt), true)
  const count = (soon * 2) / peersPart
  const from = Date.now() + 3000
  const dueJobs = idsFrom(firstSoon, count).map((id, index) => ({
    ...jobsOf(id, new Date())[0],
    id: jobsOf(id, new Date())[0]?.id ?? '',
    runAt: new Date(dueOf(index / 2, from)),
  }))
  await addInBulk(dueJobs, queue.addMany)
  globalThis.gc?.()
  await wait(from + windowMs / peersPart + 1000 - Date.now())
  await stop()
  await queue.close()
  expectCount(`jobs of ${peer.name} in time`, late.length, count)
  return late
}

export async function lateness(world: World): Promise<Figure[]> {
  const note = `${soon * 2} due over ${windowMs / 1000} s, ${pending} pending; due time to transport, or to the handler of a peer; no reconciliation meanwhile`
  const figuresOf = (by: { name: string; durability: string }, late: readonly number[]): Figure[] =>
    (
      [
        [measures.latenessP50, 0.5],
        [measures.latenessP99, 0.99],
      ] as const
    ).map(([measure, part]) => ({
      measure,
      by: by.name,
      durability: by.durability,
      value: quantile(late, part),
      unit: 'ms',
      cpuUs: null,
      note,
    }))
  const figures: Figure[] = []
  for (const store of storesOf(world)) {
    const by = { name: ourName(store), durability: store.durability }
    figures.push(...figuresOf(by, await ourLateness(world, store)))
  }
  for (const peer of peersOf(world.servers)) figures.push(...figuresOf(peer, await peerLateness(peer)))
  return figures
}
