import { now, type Runner, wait } from '../kysely/runner.ts'
import type { Commands } from './engine.ts'
import { readerOf } from './lists.ts'

export const runnerOn = (engine: Commands): Runner<'sync'> => ({
  all: (ask, decode) => engine.read((tx) => ask(tx).map((row) => decode(row))),
  first: (ask, decode) =>
    engine.read((tx) => {
      const row = ask(tx)
      return row === undefined ? null : decode(row)
    }),
  change: (ask) => engine.write((tx) => ask(tx).changes),
  read: (work) => engine.snapshot((tx) => now(work(tx, wait))),
  write: (work) => engine.write((tx) => now(work(tx, wait))),
  reader: () => readerOf(engine),
})
