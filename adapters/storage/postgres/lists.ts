import type { Reader } from '../kysely/merged-list.ts'
import type { Engine } from './engine.ts'

export const readerOf = async (engine: Engine): Promise<Reader> => ({
  ids: await engine.read(async ({ ids }) => ids),
  hop: 20_000,
  window: 5000,
  ask: (build) =>
    engine.read(({ bind, builder, lists, schema }) =>
      bind(build({ builder, lists, merging: lists.postgresMerging(schema) })).all({}),
    ),
})
