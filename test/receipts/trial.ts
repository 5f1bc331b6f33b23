import { inOrder, livesOf, randomFrom, stormOf } from './lives.ts'
import type { MakePlace } from './places.ts'
import { differences, type Left, type Passed, pass } from './storm.ts'

export type Trial = { readonly messages: number; readonly storm: Passed; readonly breaches: readonly string[] }

/** A storm of this many reports, twice over and shuffled, beside the same reports in order: both must leave the same. */
export async function trial(
  make: MakePlace,
  reports: number,
  seed: number,
  spoil: (left: Left) => Left = (left) => left,
): Promise<Trial> {
  const below = randomFrom(seed)
  const lives = livesOf(reports, below)
  await using stormy = await make()
  await using calm = await make()
  const storm = await pass(stormy.storage, lives.length, stormOf(lives, below))
  await pass(calm.storage, lives.length, inOrder(lives), 1)
  return { messages: lives.length, storm, breaches: differences(spoil(await stormy.left()), await calm.left()) }
}
