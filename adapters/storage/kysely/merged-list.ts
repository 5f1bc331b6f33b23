import type { IdCodec } from './codecs/ids.ts'
import type { Builder, NoArgs, Query } from './query.ts'
import type { Branch, List, Merging, Place, Span } from './statements/branches.ts'
import type * as lists from './statements/lists.ts'

export type Tools = { readonly builder: Builder; readonly lists: typeof lists; readonly merging: Merging }

export type Reader = {
  readonly ids: IdCodec
  /** Runs one statement; on a driver that is synchronous, the event loop turns after it. */
  readonly ask: <R>(build: (tools: Tools) => Query<NoArgs, R>) => Promise<R[]>
  /** Places that one statement passes over along an index, so that none takes long however far the caller asks. */
  readonly hop: number
  /** Rows that one statement looks at for what no index knows. */
  readonly window: number
}

/** A list as it is asked for; `span.also` is checked row by row. */
export type Reading = {
  readonly list: List
  readonly branches: readonly Branch[]
  readonly span: Span
}

/** The parts of a list, each small enough for its rows to be looked at in one statement; one part where an index knows all. */
async function* windowsOf({ ask, window }: Reader, { list, branches, span }: Reading): AsyncGenerator<Span> {
  const { also = {}, ...indexed } = span
  if (Object.keys(also).length === 0) return yield indexed
  for (let after = span.after; ; ) {
    const page = { limit: 1, offset: window - 1 }
    const [until] = await ask(({ builder, lists, merging }) =>
      lists.placesOf(builder, list, branches, { ...indexed, after }, page, merging),
    )
    yield { ...span, after, until }
    if (until === undefined) return
    after = until
  }
}

/** Where the rows of a page are, newest first. */
export async function readPlaces(
  reader: Reader,
  reading: Reading,
  { limit, offset }: { readonly limit: number; readonly offset: number },
): Promise<readonly Place[]> {
  const { ask, hop } = reader
  const { list, branches, span } = reading
  const placesIn = (within: Span, page: { limit: number; offset: number }) =>
    ask(({ builder, lists, merging }) => lists.placesOf(builder, list, branches, within, page, merging))

  if (span.also !== undefined && Object.keys(span.also).length > 0) {
    const found: Place[] = []
    for await (const window of windowsOf(reader, reading)) {
      found.push(...(await placesIn(window, { limit: offset + limit - found.length, offset: 0 })))
      if (found.length >= offset + limit) break
    }
    return found.slice(offset)
  }
  let { after } = span
  let left = offset
  for (; left > hop; left -= hop) {
    const [last] = await placesIn({ ...span, after }, { limit: 1, offset: hop - 1 })
    if (last === undefined) return []
    after = last
  }
  return placesIn({ ...span, after }, { limit, offset: left })
}

/** How many rows there are; `atMost` and one where there are more. */
export async function countUpTo(reader: Reader, reading: Reading, atMost: number): Promise<number> {
  const { list, branches } = reading
  let total = 0
  for await (const window of windowsOf(reader, reading)) {
    const page = { limit: atMost + 1 - total, offset: 0 }
    const [found] = await reader.ask(({ builder, lists, merging }) =>
      lists.countOf(builder, list, branches, window, page, merging),
    )
    total += found?.total ?? 0
    if (total > atMost) break
  }
  return total
}
