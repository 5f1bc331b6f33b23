import { asking, type Runner, runAwaiting, wait } from '../kysely/runner.ts'
import type { Commands } from './engine.ts'

/** Each statement for itself, on whatever connection is free. */
export const runnerOn = (engine: Pick<Commands, 'read'>): Runner<'async'> => ({
  all: (ask, decode) => engine.read(async (database) => (await asking(database, ask).all()).map((row) => decode(row))),
  first: (ask, decode) =>
    engine.read(async (database) => {
      const row = await asking(database, ask).get()
      return row === undefined ? null : decode(row)
    }),
  change: (ask) => engine.read(async (database) => (await asking(database, ask).run()).changes),
  read: (work) => engine.read((database) => runAwaiting(work(database, wait))),
  write: (work) => engine.read((database) => runAwaiting(work(database, wait))),
  reader: async () => ({
    ids: await engine.read(async ({ ids }) => ids),
    hop: 20_000,
    window: 5000,
    ask: (build) =>
      engine.read(({ bind, builder, lists, dialect }) => bind(build({ builder, lists, dialect })).all({})),
  }),
})
