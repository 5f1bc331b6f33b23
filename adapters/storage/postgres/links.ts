import type { LinkQueries } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import type { Engine } from './engine.ts'

export const linkStore = (engine: Engine): LinkQueries => ({
  find: (hashes) =>
    engine.read(async ({ statements: { links } }) => {
      for (const hash of hashes) {
        const row = await links.get.get({ hash })
        if (row !== undefined) return records.decodeLink(row)
      }
      return null
    }),
  purge: (until, limit) =>
    engine.read(
      async ({ statements: { links } }) => (await links.purge.run({ until: until.getTime(), limit })).changes,
    ),
})
