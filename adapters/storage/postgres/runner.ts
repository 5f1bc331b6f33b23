import { inTime, type Runner, wait } from '../kysely/runner.ts'
import type { Engine } from './engine.ts'
import { readerOf } from './lists.ts'

/** Single statements, on whatever connection is free. */
export const runnerOn = (engine: Engine): Runner<'async'> => ({
  all: (ask, decode) => engine.read(async (database) => (await ask(database)).map((row) => decode(row))),
  first: (ask, decode) =>
    engine.read(async (database) => {
      const row = await ask(database)
      return row === undefined ? null : decode(row)
    }),
  change: (ask) => engine.read(async (database) => (await ask(database)).changes),
  read: (work) => engine.read((database) => inTime(work(database, wait))),
  write: (work) => engine.read((database) => inTime(work(database, wait))),
  reader: () => readerOf(engine),
})
