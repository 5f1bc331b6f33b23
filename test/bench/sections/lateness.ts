import { spawn } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import { capture } from 'appointment-notifications/capture'
import { plainOf } from '../by-hand/all.ts'
import { usual } from '../by-hand/usual.ts'
import { dayMs, everybody, hourMs, idsFrom, openClinic, overAMonth } from '../clinic.ts'
import type { Contestant } from '../contest.ts'
import { expectCount, type Figure, quantile } from '../measure.ts'
import { measures } from '../measures.ts'
import { ourName } from '../ours.ts'
import { find, leave, planPending } from '../pending.ts'
import { fileStore, type Store, serverStore } from '../stores.ts'
import type { World } from '../world.ts'

const pendingAppointments = 25_000
const pending = pendingAppointments * 4
const firstSoon = 5_000_000
/** An e-mail and an SMS each. */
const soon = 5000
const windowMs = 60_000
/** Peers are watched for a fifth of that, with as many due a second. */
const peersPart = 5
/** To plan what is due soon, before the first is. */
const leadMs = 5000
const patienceMs = 60_000

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

/** Starts of which the reminders of a day before are due one after another. */
const soonFrom = (from: number) => (id: number) =>
  id < firstSoon ? month(id) : new Date(from + dayMs + Math.floor(((id - firstSoon) * windowMs) / soon))

/** Waits until all have been sent. Whoever does not keep up is measured by that, within patience. */
async function arrived(count: () => number, wanted: number, end: number): Promise<void> {
  await wait(end - Date.now())
  while (count() < wanted && Date.now() < end + patienceMs) await wait(100)
  // Nothing is sent twice, either.
  await wait(500)
  expectCount('messages', count(), wanted)
}

/** From a reminder's time to the moment its message is with the transport, in ms. */
async function ourLateness(world: World, store: Store): Promise<number[]> {
  const place = find(world.directory, 'pending', store)
  const from = Date.now() + leadMs
  const startOf = soonFrom(from)
  const outbox = capture()
  const calendar = { startOf, hasPhone: everybody }
  // It runs once in six hours and reads all plans: what that costs is another question.
  const library = await openClinic({ storage: place.storage(), transport: outbox, ...calendar, reconcileMs: false })
  await library.start()
  await library.notifications.scheduleMany(idsFrom(firstSoon, soon), { customReminders: [24] })
  globalThis.gc?.()
  await arrived(() => outbox.sent.length, soon * 2, from + windowMs)
  await library.stop()
  await place.drop()
  // The address says which appointment it is about: p5000001@example.org, +14155000001.
  return outbox.sent.map(({ to, at }) => {
    const id = Number(/\d{7}(?=@|$)/.exec(to)?.[0])
    return at.getTime() - (startOf(id).getTime() - dayMs)
  })
}

/** The same by hand. What is due soon is moved there once the others are planned, which takes a while. */
async function peerLateness(peer: Contestant): Promise<number[]> {
  const ids = idsFrom(firstSoon, soon / peersPart)
  const late: number[] = []
  const deliver = async ({ due }: { readonly due: Date }) => void late.push(Date.now() - due.getTime())
  const outlet = { transport: capture(), env: {}, deliver }
  const later = idsFrom(1, pendingAppointments)
  const far = Date.now() + 10 * dayMs
  const contest = await peer.open({ ids: [...later, ...ids], startOf: soonFrom(far), phones: true, outlet })
  await contest.planMany(later)
  await contest.settle()
  await contest.start('fresh')
  const from = Date.now() + leadMs
  await contest.postpone(ids, (from - far) / hourMs)
  await contest.planMany(ids)
  globalThis.gc?.()
  await arrived(() => late.length, ids.length * 2, from + windowMs / peersPart)
  await contest.close()
  return late
}

/** Keeps one core busy until it is stopped, or this process is gone. */
function burnCore(): () => void {
  const second = 'const end = Date.now() + 1000; while (Date.now() < end);'
  const child = spawn(process.execPath, ['-e', `while (process.ppid === ${process.pid}) { ${second} }`])
  return () => void child.kill('SIGKILL')
}

export async function lateness(world: World): Promise<Figure[]> {
  const note = `${soon * 2} due over ${windowMs / 1000} s (peers: a fifth, in the usual way), ${pending} pending, another process burns one core; due time to transport; no reconciliation meanwhile`
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
  const stopBurning = burnCore()
  for (const store of storesOf(world)) {
    const by = { name: ourName(store), durability: store.durability }
    figures.push(...figuresOf(by, await ourLateness(world, store)))
  }
  for (const peer of plainOf(world.servers, [usual])) figures.push(...figuresOf(peer, await peerLateness(peer)))
  stopBurning()
  return figures
}
