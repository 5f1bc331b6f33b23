import { idsFrom } from '../clinic.ts'
import { type Contest, type Contestant, firstOfFour, firstOfOne, remindersEach } from '../contest.ts'
import { expectCount, type Figure, Samples, timed, timedCalls } from '../measure.ts'
import { measures } from '../measures.ts'
import { type OurContest, ours } from '../ours.ts'
import { peersOf } from '../peers/all.ts'
import { contestant } from '../peers/contestant.ts'
import { fileStore, type Store, serverStore } from '../stores.ts'
import type { World } from '../world.ts'

const rounds = 3
const appointments = 5000
const atOnce = 10
const forMs = 1000
/** Appointments that the library itself plans in one commit. */
const bulkBatch = 500
const singleBatch = 10

const bulkNote = `${appointments} appointments, ${remindersEach} reminders each; peers: a job for each reminder; bare: the same rows, ${bulkBatch} appointments a commit`
const callNote = `for ${forMs / 1000} s; peers: the jobs of the appointment in as few calls as they allow; bare: the same rows, ${singleBatch} appointments a commit`

function* circling(ids: readonly number[]) {
  for (;;) yield* ids
}

const perReminder = (sample: Awaited<ReturnType<typeof timed>>) => ({
  perSecond: sample.perSecond * remindersEach,
  cpuUs: sample.cpuUs / remindersEach,
})

async function bulkOf(contest: Contest) {
  return perReminder(await timed(appointments, () => contest.planMany(idsFrom(1, appointments))))
}

async function callsOf(contest: Contest, add: (measure: string, sample: Awaited<ReturnType<typeof timed>>) => void) {
  const many = 1_000_000
  const planned = idsFrom(1, appointments)
  add(measures.one, await timedCalls(idsFrom(firstOfOne, many), atOnce, forMs, contest.planOne))
  add(measures.four, await timedCalls(idsFrom(firstOfFour, many), atOnce, forMs, contest.plan))
  add(measures.moved, await timedCalls(circling(planned), atOnce, forMs, contest.move))
  add(measures.cancelled, await timedCalls(planned, atOnce, forMs, contest.cancel))
}

/** The rows that the library just wrote for its bulk, by the bare driver: in large commits, and in small ones. */
async function limitOf(store: Store, { place }: OurContest, samples: Samples): Promise<void> {
  const rows = await place.rows()
  const reminders = rows.find(({ table }) => table === 'appointment_reminders')?.rows.length ?? 0
  expectCount('reminders stored', reminders, appointments * remindersEach)
  const by = { name: store.bare, durability: store.durability }
  for (const [measure, batch] of [
    [measures.bulk, bulkBatch],
    [measures.four, singleBatch],
  ] as const) {
    const empty = await store.make()
    const { inserting, close } = await empty.bare()
    const sample = await timed(appointments, inserting(rows, appointments, batch))
    samples.add(measure, by, '', measure === measures.bulk ? perReminder(sample) : sample)
    await close()
    await empty.drop()
  }
}

async function round<C extends Contest>(
  one: Contestant<C>,
  samples: Samples,
  between: (contest: C) => Promise<void> = async () => {},
): Promise<void> {
  const contest = await one.open()
  samples.add(measures.bulk, one, bulkNote, await bulkOf(contest))
  await between(contest)
  await callsOf(contest, (measure, sample) => samples.add(measure, one, callNote, sample))
  await contest.close()
}

/** Storing, moving and cancelling, by everybody in turn, round by round. */
export async function planning({ directory, servers }: World): Promise<Figure[]> {
  const samples = new Samples()
  const peers = peersOf(servers).map(contestant)
  for (let count = 0; count < rounds; count += 1) {
    for (const store of [fileStore(directory), serverStore(servers)]) {
      await round(ours(store), samples, (contest) => limitOf(store, contest, samples))
    }
    for (const peer of peers) await round(peer, samples)
  }
  return samples.figures()
}
