import { setImmediate as turn } from 'node:timers/promises'
import { asking, type Runner, runAtOnce, wait } from '../kysely/runner.ts'
import type { Commands } from './engine.ts'

export const runnerOn = (engine: Commands): Runner<'sync'> => ({
  all: (ask, decode) =>
    engine.read((tx) =>
      asking(tx, ask)
        .all()
        .map((row) => decode(row)),
    ),
  first: (ask, decode) =>
    engine.read((tx) => {
      const row = asking(tx, ask).get()
      return row === undefined ? null : decode(row)
    }),
  change: (ask) => engine.write((tx) => asking(tx, ask).run().changes),
  read: (work) => engine.snapshot((tx) => runAtOnce(work(tx, wait))),
  write: (work) => engine.write((tx) => runAtOnce(work(tx, wait))),
  /** A statement holds the event loop for some 5 ms at most: places are read along an index, rows one by one. */
  reader: async () => ({
    ids: await engine.read(({ ids }) => ids),
    hop: 3000,
    window: 300,
    async ask(build) {
      const rows = await engine.read(({ bind, builder, lists, dialect }) =>
        bind(build({ builder, lists, dialect })).all({}),
      )
      await turn()
      return rows
    },
  }),
})
