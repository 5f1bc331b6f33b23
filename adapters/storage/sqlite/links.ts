import type { LinkQueries } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import type { Engine } from './engine.ts'

export const linkStore = (engine: Engine): LinkQueries => ({
  find: (hashes) =>
    engine.read(({ statements: { links } }) => {
      for (const hash of hashes) {
        const row = links.get.get({ hash })
        if (row !== undefined) return records.decodeLink(row)
      }
      return null
    }),
  purge: (until, limit) =>
    engine.write(({ statements: { links } }) => links.purge.run({ until: until.getTime(), limit }).changes),
})
