import { livesOf, randomFrom, stormOf } from '../../receipts/lives.ts'
import { type MakePlace, onPostgres, onSqlite } from '../../receipts/places.ts'
import { pass } from '../../receipts/storm.ts'
import { type Figure, quantile } from '../measure.ts'
import { measures } from '../measures.ts'
import type { World } from '../world.ts'

/** Signed reports on messages at their webhook: each twice, shuffled, half of them before the answer to the send. */
export async function receipts({ servers, size }: World): Promise<Figure[]> {
  const rate = async (make: MakePlace): Promise<number> => {
    const rates: number[] = []
    for (let round = 1; round <= size.rounds; round += 1) {
      const below = randomFrom(round)
      const lives = livesOf(size.appointments, below)
      await using place = await make()
      const { reports, seconds } = await pass(place.storage, lives.length, stormOf(lives, below))
      rates.push(reports / seconds)
    }
    return quantile(rates, 0.5)
  }
  const note = `${size.appointments} reports, twice over and shuffled; 64 requests under way`
  const line = { measure: measures.receipts, unit: '/s', cpuUs: null, note }
  return [
    { ...line, by: 'ours on SQLite', durability: 'synchronous=FULL', value: await rate(onSqlite) },
    {
      ...line,
      by: 'ours on Postgres',
      durability: 'synchronous_commit',
      value: await rate(onPostgres(servers.postgresUrl)),
    },
  ]
}
