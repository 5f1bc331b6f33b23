import type * as records from '../../../src/records/index.ts'
import type { Dialect } from './dialect.ts'
import type { Builder, NoArgs, Query } from './query.ts'
import type { Branch, List, Place, Span } from './statements/branches.ts'
import type * as lists from './statements/lists.ts'

export type Tools = { readonly builder: Builder; readonly lists: typeof lists; readonly dialect: Dialect }

export type Reader = {
  readonly ids: records.IdCodec
  /** Runs one statement; on a driver that is synchronous, the event loop turns after it. */
  readonly ask: <R>(build: (tools: Tools) => Query<NoArgs, R>) => Promise<R[]>
  /** Places that one statement passes over along an index, so that none takes long however far the caller asks. */
  readonly hop: number
  /** Rows that one statement looks at for what no index knows. */
  readonly window: number
}

/** A list as it is asked for. */
export type Reading = {
  readonly list: List
  readonly branches: readonly Branch[]
  readonly span: Span
}

type Page = { readonly limit: number; readonly offset: number }

const placesOf = ({ ask }: Reader, { list, branches }: Reading, span: Span, page: Page): Promise<Place[]> =>
  ask(({ builder, lists, dialect }) => lists.placesOf(builder, list, branches, span, page, dialect))

/** Whether something is asked for that no index knows, so that every row has to be looked at. */
const isLookedAt = ({ also = {} }: Span): boolean => Object.keys(also).length > 0

/** The parts of such a list, each small enough for its rows to be looked at in one statement. */
async function* windowsOf(reader: Reader, reading: Reading): AsyncGenerator<Span> {
  const { also: _, ...indexed } = reading.span
  const page = { limit: 1, offset: reader.window - 1 }
  for (let { after } = indexed; ; ) {
    const [until] = await placesOf(reader, reading, { ...indexed, after }, page)
    yield { ...reading.span, after, until }
    if (until === undefined) return
    after = until
  }
}

/** Where the rows of a page are, newest first. */
export async function readPlaces(reader: Reader, reading: Reading, { limit, offset }: Page): Promise<readonly Place[]> {
  const { span } = reading
  if (isLookedAt(span)) {
    const found: Place[] = []
    for await (const window of windowsOf(reader, reading)) {
      const rest = { limit: offset + limit - found.length, offset: 0 }
      found.push(...(await placesOf(reader, reading, window, rest)))
      if (found.length >= offset + limit) break
    }
    return found.slice(offset)
  }
  let { after } = span
  let left = offset
  for (; left > reader.hop; left -= reader.hop) {
    const [last] = await placesOf(reader, reading, { ...span, after }, { limit: 1, offset: reader.hop - 1 })
    if (last === undefined) return []
    after = last
  }
  return placesOf(reader, reading, { ...span, after }, { limit, offset: left })
}

/** How many rows there are; more than `atMost` where there are more, nobody says how many. */
export async function countUpTo(reader: Reader, reading: Reading, atMost: number): Promise<number> {
  const { ask, hop } = reader
  const { list, branches, span } = reading
  let total = 0
  const countIn = async (within: Span) => {
    const page = { limit: atMost + 1 - total, offset: 0 }
    const [found] = await ask(({ builder, lists, dialect }) =>
      lists.countOf(builder, list, branches, within, page, dialect),
    )
    total += found?.total ?? 0
  }
  if (isLookedAt(span)) {
    for await (const window of windowsOf(reader, reading)) {
      await countIn(window)
      if (total > atMost) break
    }
    return total
  }
  let { after } = span
  for (; total + hop <= atMost; total += hop) {
    const [last] = await placesOf(reader, reading, { ...span, after }, { limit: 1, offset: hop - 1 })
    if (last === undefined) break
    after = last
  }
  await countIn({ ...span, after })
  return total
}
