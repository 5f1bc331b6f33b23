import { dayMs, hourMs, overAMonth } from '../clinic.ts'
import { type Contestant, remindersEach } from '../contest.ts'
import type { Job, Peer } from './peer.ts'

/** Jobs in one call of a bulk, and how many such calls at once: what came out best. */
const bulkSize = 1000
const bulksAtOnce = 2

const uuid = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`

/** Jobs for reminders, at the times of the reminders. */
export function jobsOf(id: number, startsAt: Date): Job[] {
  const before = [dayMs, dayMs, 2 * hourMs, 2 * hourMs]
  return before.map((ms, index) => ({ id: uuid(id * remindersEach + index), runAt: new Date(startsAt.getTime() - ms) }))
}

/** Stores many jobs, in large calls and two of them at once. */
export async function addInBulk(jobs: readonly Job[], addMany: (jobs: readonly Job[]) => Promise<void>): Promise<void> {
  let next = 0
  const caller = async () => {
    while (next < jobs.length) {
      const first = next
      next += bulkSize
      await addMany(jobs.slice(first, next))
    }
  }
  await Promise.all(Array.from({ length: bulksAtOnce }, caller))
}

export const contestant = (peer: Peer): Contestant => ({
  name: peer.name,
  durability: peer.durability,
  async open() {
    const queue = await peer.open()
    const startOf = overAMonth(Date.now())
    const idsOf = (id: number) => jobsOf(id, startOf(id)).map((job) => job.id)
    let moves = 0
    return {
      planMany: (ids) =>
        addInBulk(
          ids.flatMap((id) => jobsOf(id, startOf(id))),
          queue.addMany,
        ),
      async planOne(id) {
        const [job] = jobsOf(id, startOf(id))
        if (job !== undefined) await queue.add(job)
      },
      plan: (id) => queue.addMany(jobsOf(id, startOf(id))),
      move(id) {
        moves += 1
        return queue.reschedule(idsOf(id), new Date(startOf(id).getTime() + (moves % 100) * hourMs))
      },
      cancel: (id) => queue.cancel(idsOf(id)),
      close: queue.close,
    }
  },
})
