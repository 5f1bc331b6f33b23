import { isAfterFailure, isUnanswered } from './errors.ts'
import { withinLimit } from './limits.ts'
import type { StatementNames } from './statement-names.ts'
import type { PgClient, PgKysely, PgPool, PgRow } from './vendor.ts'

/** Where connections come from. */
export type PostgresTarget =
  | { readonly url: string; readonly connections: number }
  | { readonly pool: PgPool }
  | { readonly kysely: PgKysely }

export type Answer<R> = { readonly rows: R[]; readonly count: number }
/**
 * Runs one statement, after all that were given before it; nobody has to wait for the answer to one before giving the next. Where
 * one fails in a transaction, the server refuses those behind it. Values arrive as the database wrote them, or as the host's
 * settings read them.
 */
export type Run = <R extends PgRow>(sql: string, values?: readonly unknown[]) => Promise<Answer<R>>

export type Lending = {
  /** Names for statements that the connection is to prepare once; without, each is parsed and planned whenever it runs. */
  readonly names?: StatementNames
  /** Statements may take as long as they need, here and on the server. */
  readonly isUnlimited?: boolean
}

export type Lent = {
  readonly run: Run
  /** `sessionSettings` hold on this connection already; else each transaction has to set its own. */
  readonly isPrepared: boolean
}

export type Source = {
  /**
   * Lends one connection for as long as the work takes. One that breaks, or leaves a statement without an answer, is not
   * used again.
   */
  session<T>(work: (lent: Lent) => Promise<T>, lending?: Lending): Promise<T>
  /** A connection to keep, for notifications; null where there is none to spare. */
  readonly dedicated: (() => Promise<PgClient>) | null
  /** Breaks what is still lent, so that whoever waits on it hears of it, and closes what the library opened. */
  close(): Promise<void>
}

/** Text as the server wrote it: what a host changed in pg's parsers does not reach the library. */
const asText = { getTypeParser: () => (text: string) => text }

export const ignore = () => {}

/**
 * Keeps statements in order: each is asked when the one before it was answered, or, over a connection that is pipelined, at once, so
 * that several cost one round trip. Each has its time, which begins when the one before it was answered. What is refused only because
 * one before it failed rejects with what that one did, and so does what would be asked behind one that was given up: pg takes no
 * statement beside one that it waits for.
 */
export function inTurn(ask: Run, limitMs: number, isPipelined = false): Run {
  /** Resolves when the last one was answered, with what was wrong with it. */
  let before: Promise<unknown> = Promise.resolve()
  return <R extends PgRow>(sql: string, values?: readonly unknown[]) => {
    const asked = isPipelined ? ask<R>(sql, values) : null
    // It may fail while nobody listens yet.
    asked?.catch(ignore)
    async function answered(last: Promise<unknown>): Promise<Answer<R>> {
      const fault = await last
      if (asked === null && isUnanswered(fault)) throw fault
      try {
        return await withinLimit(asked ?? ask<R>(sql, values), limitMs)
      } catch (error) {
        throw isAfterFailure(error) && fault !== undefined ? fault : error
      }
    }
    const answer = answered(before)
    before = answer.then(
      () => undefined,
      (error) => error,
    )
    return answer
  }
}

/** Gives a connection up at once: to end one that is pipelined, pg waits for the answers to all that was sent. */
export function discard(client: PgClient): void {
  if (client.pipeline === true) client.connection?.stream?.destroy()
  client.release(true)
}

type Connection = { readonly names?: StatementNames | undefined; readonly isPipelined?: boolean }

export function runOn(client: Pick<PgClient, 'query'>, limitMs: number, { names, isPipelined }: Connection = {}): Run {
  async function ask<R extends PgRow>(text: string, values: readonly unknown[] = []): Promise<Answer<R>> {
    const name = values.length === 0 ? undefined : names?.of(text)
    const query = { text, values: [...values], types: asText, ...(name && { name }) }
    const { rows, rowCount } = await client.query<R>(query)
    return { rows, count: rowCount ?? 0 }
  }
  return inTurn(ask, limitMs, isPipelined)
}
