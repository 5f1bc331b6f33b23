import { setImmediate as turn } from 'node:timers/promises'
import type { Reader } from '../kysely/merged-list.ts'
import type { Commands } from './engine.ts'

/** A statement holds the event loop for some 5 ms at most: places are read along an index, rows one by one. */
export const readerOf = async (engine: Commands): Promise<Reader> => ({
  ids: await engine.read(({ ids }) => ids),
  hop: 3000,
  window: 300,
  async ask(build) {
    const rows = await engine.read(({ bind, builder, lists }) =>
      bind(build({ builder, lists, merging: lists.sqliteMerging })).all({}),
    )
    await turn()
    return rows
  },
})
