/** The floor beside the library: what its work changed is changed once more, in a database of its own, by the bare driver. */
import { type Sample, timed } from './measure.ts'
import { changesBetween } from './raw.ts'
import type { Place, Store } from './stores.ts'

export type Floor = {
  /**
   * Changes what the library changed since the last call, in commits of `each` of the `count` pieces of work. Asking for
   * claims is for work that has to claim what it does.
   */
  readonly follow: (count: number, each: number, claims?: boolean) => Promise<Sample>
  readonly close: () => Promise<void>
}

/** Begins with what the library has stored so far. */
export async function floorOf(store: Store, place: Place): Promise<Floor> {
  const mirror = await store.make()
  let known = await mirror.read()
  const follow = async (count: number, each: number, claims = false) => {
    const found = await place.read()
    const changes = changesBetween(known, found)
    known = found
    const { run, close } = await mirror.replaying({ changes, pieces: Math.ceil(count / each), claims })
    const sample = await timed(count, run)
    await close()
    await mirror.settle()
    return sample
  }
  await follow(1, 1)
  return { follow, close: mirror.drop }
}
