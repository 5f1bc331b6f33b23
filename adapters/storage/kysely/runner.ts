import type * as records from '../../../src/records/index.ts'
import type { Dialect } from './dialect.ts'
import type { Reader } from './merged-list.ts'
import type { Answer, Bind, Mode, Query } from './query.ts'
import type { Statements } from './statements.ts'

/** What a query asks with. */
export type Tools<M extends Mode> = {
  readonly dialect: Dialect
  readonly statements: Statements
  readonly bind: Bind<M>
  readonly ids: records.IdCodec
}

/** Which statement is asked, with what. */
export type Ask<A, R> = (
  statements: Statements,
  tools: Pick<Tools<Mode>, 'dialect' | 'ids'>,
) => readonly [query: Query<A, R>, args: A]

/** The statement with its parameters. */
export function asking<M extends Mode, A, R>(tools: Tools<M>, ask: Ask<A, R>) {
  const [query, args] = ask(tools.statements, tools)
  const bound = tools.bind(query)
  return { all: () => bound.all(args), get: () => bound.get(args), run: () => bound.run(args) }
}

/**
 * How a database runs the queries of `stores/`, which are written once for synchronous and asynchronous drivers. Rows are decoded where
 * they are read, so that one that cannot be decoded is a failure of the storage.
 */
export type Runner<M extends Mode> = {
  /** The rows of one statement. */
  all<A, R, T>(ask: Ask<A, R>, decode: (row: R) => T): Promise<T[]>
  /** The row of one statement, or null. */
  first<A, R, T>(ask: Ask<A, R>, decode: (row: R) => T): Promise<T | null>
  /** How many rows one statement changed. */
  change<A, R>(ask: Ask<A, R>): Promise<number>
  /** Several statements: of one snapshot where a database gives that for nothing, else each for itself. */
  read<T>(work: (tools: Tools<M>, wait: Wait<M>) => Steps<T>): Promise<T>
  /** Several statements that change rows: in one transaction, or each for itself. */
  write<T>(work: (tools: Tools<M>, wait: Wait<M>) => Steps<T>): Promise<T>
  /** For lists that are read in parts. */
  reader(): Promise<Reader>
}

/** Statements one after another: `yield* wait(...)` where asynchronous code alone would `await`. */
export type Steps<T> = Generator<Promise<void>, T, void>
export type Wait<M extends Mode> = <T>(answer: Answer<M, T>) => Steps<T>

/** What an answer is, once it is there. */
export function* wait<T>(answer: T | Promise<T>): Steps<T> {
  if (!(answer instanceof Promise)) return answer
  let given = (): T => {
    throw new Error('went on before the answer')
  }
  yield answer.then((value) => {
    given = () => value
  })
  return given()
}

/** On a synchronous driver nothing is waited for. */
export function runAtOnce<T>(steps: Steps<T>): T {
  const step = steps.next()
  if (step.done !== true) throw new Error('a synchronous driver answers at once')
  return step.value
}

export async function runAwaiting<T>(steps: Steps<T>): Promise<T> {
  let step = steps.next()
  while (step.done !== true) {
    step = await step.value.then(
      () => steps.next(),
      (error) => steps.throw(error),
    )
  }
  return step.value
}
