import { capture } from 'appointment-notifications/capture'
import { onPostgres, onSqlite } from '../bare-dispatch.ts'
import { everybody } from '../clinic.ts'
import { prepare } from '../dispatching.ts'
import { expectCount, type Figure, Samples, timed, timedCount } from '../measure.ts'
import { measures } from '../measures.ts'
import { ourName } from '../ours.ts'
import { peersOf } from '../peers/all.ts'
import { addInBulk, jobsOf } from '../peers/contestant.ts'
import type { Peer } from '../peers/peer.ts'
import { fileStore, type Store, serverStore } from '../stores.ts'
import type { World } from '../world.ts'

const rounds = 3
const appointments = 5000
/** One e-mail and one SMS a day before; those two hours before stay pending. */
const due = appointments * 2
/** A peer that is not done by then is measured by what it did. */
const longestMs = 5000

const note = `${due} due at once; ours: the truth asked, decided, rendered, claimed, captured, recorded; peers: no-op handlers; bare: the same rows claimed and settled in 500s`

/** All due reminders of a place, and the same rows once more by the bare driver. */
async function dispatchOurs(
  store: Store,
  samples: Samples,
  bare: (target: string, now: number) => Promise<number>,
): Promise<void> {
  const place = await store.make()
  const outbox = capture()
  const { plan, sendAll, dueAt } = prepare({ place, appointments, due, transport: outbox, hasPhone: everybody })
  await plan()
  const copy = await place.copy()
  const { sample, settled } = await sendAll()
  expectCount('messages captured', outbox.sent.length, due)
  expectCount('deliveries settled', settled, due)
  samples.add(measures.dispatched, { name: ourName(store), durability: store.durability }, note, sample)
  await place.drop()
  const limit = await timed(due, async () => expectCount('claimed and settled', await bare(copy.target, dueAt), due))
  samples.add(measures.dispatched, { name: store.bare, durability: store.durability }, note, limit)
  await copy.drop()
}

async function dispatchPeer(peer: Peer, samples: Samples): Promise<void> {
  const queue = await peer.open()
  const now = new Date()
  const jobs = Array.from({ length: due / 4 }, (_, id) => jobsOf(id, now)).flat()
  await addInBulk(jobs, queue.addMany)
  let stop = async () => {}
  let done = 0
  const sample = await timedCount(async () => {
    const end = Promise.withResolvers<void>()
    const timer = setTimeout(end.resolve, longestMs)
    stop = await queue.work(() => {
      done += 1
      if (done === due) end.resolve()
    }, false)
    await end.promise
    clearTimeout(timer)
    return done
  })
  samples.add(measures.dispatched, peer, note, sample)
  await stop()
  await queue.close()
}

/** From due to sent and recorded, by everybody in turn, round by round. */
export async function dispatch({ directory, servers }: World): Promise<Figure[]> {
  const samples = new Samples()
  for (let count = 0; count < rounds; count += 1) {
    await dispatchOurs(fileStore(directory), samples, async (path, now) => onSqlite(path, now))
    await dispatchOurs(serverStore(servers), samples, onPostgres)
    for (const peer of peersOf(servers)) await dispatchPeer(peer, samples)
  }
  return samples.figures()
}
