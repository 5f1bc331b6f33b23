import { CompiledQuery } from 'kysely'
import type { KyselyTransaction } from '../kysely/host-transaction.ts'
import type { Prepare } from '../kysely/query.ts'

/** What the database said to a statement. Whoever asked knows what its rows are. */
type Answer = { readonly rows: never[]; readonly changes: number; readonly id: number }

/** A command asked what was not answered yet. */
class Unanswered extends Error {
  readonly sql: string
  readonly values: readonly unknown[]

  constructor(sql: string, values: readonly unknown[]) {
    super(`not answered yet: ${sql}`)
    this.sql = sql
    this.values = values
  }
}

/** A driver told to give integers as BigInt gives them to the host; the library's all fit a number. */
function withNumbers<Row>(row: Row): Row {
  for (const [name, value] of Object.entries(Object(row))) {
    if (typeof value === 'bigint') Reflect.set(Object(row), name, Number(value))
  }
  return row
}

async function ask(transaction: KyselyTransaction, { sql, values }: Unanswered): Promise<Answer> {
  const { rows, numAffectedRows, insertId } = await transaction.executeQuery<never>(CompiledQuery.raw(sql, [...values]))
  return { rows: rows.map(withNumbers), changes: Number(numAffectedRows ?? 0), id: Number(insertId ?? 0) }
}

/**
 * Runs synchronous commands on a connection that answers later: a command's statements are answered from what was answered
 * before, and where one is not, it is left, the statement is carried out, and the command begins anew. A command is
 * deterministic, so each statement is carried out once, in its order. Beginning anew costs microseconds a statement, and saves
 * writing every command twice.
 */
export function createReplay() {
  // Of the command that runs now: it runs in one synchronous block.
  let answers: readonly { readonly sql: string; readonly answer: Answer }[] = []
  let next = 0

  function answerTo(sql: string, values: readonly unknown[]): Answer {
    const found = answers[next]
    if (found === undefined) throw new Unanswered(sql, values)
    if (found.sql !== sql) throw new Error('a command asked something else when it ran again')
    next += 1
    return found.answer
  }

  const prepare: Prepare = (source) => ({
    all: (values) => answerTo(source, values).rows,
    get: (values) => answerTo(source, values).rows[0],
    run: (values) => {
      const { changes, id } = answerTo(source, values)
      return { changes, id }
    },
  })

  async function perform<T>(transaction: KyselyTransaction, work: () => T): Promise<T> {
    const known: { sql: string; answer: Answer }[] = []
    for (;;) {
      answers = known
      next = 0
      let asked: Unanswered
      try {
        return work()
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error
        asked = error
      }
      known.push({ sql: asked.sql, answer: await ask(transaction, asked) })
    }
  }

  return { prepare, perform }
}

/** One statement that answers nothing. */
export async function step(transaction: KyselyTransaction, source: string): Promise<void> {
  await transaction.executeQuery(CompiledQuery.raw(source))
}
