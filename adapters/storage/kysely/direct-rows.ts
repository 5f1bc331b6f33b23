import { type RawBuilder, sql } from 'kysely'
import * as records from '../../../src/records/index.ts'
import { once } from './once.ts'
import type { Builder, Prepare, Prepared } from './query.ts'

const { tables } = records
type TableName = records.TableName

const columnsOf = (table: TableName): string[] => Object.keys(tables[table].columns)
/** What an insert names: all but the id that the database gives. */
const inserted = (table: TableName): string[] => columnsOf(table).filter((name) => !isSerial(table, name))
const isSerial = (table: TableName, name: string): boolean => {
  const columns: Readonly<Record<string, records.Column>> = tables[table].columns
  return columns[name]?.kind === 'serial'
}

const refs = (names: readonly string[]) => sql.join(names.map((name) => sql.ref(name)))
const equals = (name: string) => sql`${sql.ref(name)} = ${null}`
const all = (conditions: readonly RawBuilder<unknown>[]) => sql.join(conditions, sql` and `)

function fixed([name, condition]: [string, records.Fixed]): RawBuilder<unknown> {
  if (condition === 'null') return sql`${sql.ref(name)} is null`
  if (condition === 'not null') return sql`${sql.ref(name)} is not null`
  return sql`${sql.ref(name)} in (${sql.join(condition.map((word) => sql.lit(word)))})`
}

const taskColumns = { reminder_id: 'reminder_id', notification_id: 'notification_id' } as const

type Shape = { readonly given: Map<string, Shape>; readonly empty: Map<string, Shape>; statement?: Prepared }
const newShape = (): Shape => ({ given: new Map(), empty: new Map() })
/** Of settings anything may change, and each statement takes memory: so many are kept at a time. */
const mostShapes = 100

/**
 * Statements by the columns that they write, and by which of these become null. A null is written into the statement: to bind one takes a third
 * as long as to store a value, and most rows are nulls for the greater part. Adds what is to be bound to `values`.
 */
function shaped(
  write: (columns: readonly { readonly name: string; readonly value: RawBuilder<unknown> }[]) => Prepared,
) {
  let shapes = newShape()
  let made = 0
  return (names: readonly string[], row: object, values: unknown[]): Prepared => {
    let shape = shapes
    for (const name of names) {
      const value: unknown = Reflect.get(row, name)
      if (value !== null) values.push(value)
      shape = once(value === null ? shape.empty : shape.given, name, newShape)
    }
    if (shape.statement === undefined) {
      if (made === mostShapes) [shapes, made] = [newShape(), 0]
      made += 1
      const written = (name: string) => (Reflect.get(row, name) === null ? sql`null` : sql`${null}`)
      shape.statement = write(names.map((name) => ({ name, value: written(name) })))
    }
    return shape.statement
  }
}

/** By what an object is, what was made of it first. */
function kept<K, V>(make: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>()
  return (key) => once(known, key, make)
}

/**
 * The rows of a command on a connection that answers at once: each verb is one statement, compiled at its first use. On SQLite a
 * statement costs microseconds, and gathering them into bulk statements of JSON was measured 22 to 47 % slower.
 */
export function directRows(db: Builder, prepare: Prepare, ids: records.IdCodec): records.Rows {
  const compiled = (statement: RawBuilder<unknown>): Prepared => prepare(statement.compile(db).sql)

  const reading = kept(({ table, by, columns, where }: records.AnyKey) =>
    compiled(
      sql`select ${refs(columns ?? columnsOf(table))} from ${sql.table(table)}
        where ${all([...by.map(equals), ...Object.entries(where).map(fixed)])}`,
    ),
  )
  const inserting = (otherwise: RawBuilder<unknown>) =>
    kept((table: TableName) => {
      const columns = inserted(table)
      const statementFor = shaped((written) => {
        const values = sql.join(written.map(({ value }) => value))
        return compiled(sql`insert into ${sql.table(table)} (${refs(columns)}) values (${values}) ${otherwise}`)
      })
      return (row: object) => {
        const values: unknown[] = []
        return statementFor(columns, row, values).run(values)
      }
    })
  const insert = inserting(sql``)
  const insertMissing = inserting(sql`on conflict do nothing`)

  /** By the names of the columns of the condition, with the number of their values. */
  const updating = kept((table: TableName) =>
    kept((only: string) => {
      const conditions = only.split(' ').flatMap((one) => {
        const [name = '', count] = one.split(':')
        const places = Array.from({ length: Number(count) }, () => sql`${null}`)
        return name === '' ? [] : [sql`${sql.ref(name)} in (${sql.join(places)})`]
      })
      return shaped((written) => {
        const changes = sql.join(written.map(({ name, value }) => sql`${sql.ref(name)} = ${value}`))
        return compiled(sql`update ${sql.table(table)} set ${changes} where ${all([equals('id'), ...conditions])}`)
      })
    }),
  )
  const deleting = kept((table: TableName) =>
    kept((names: string) => compiled(sql`delete from ${sql.table(table)} where ${all(names.split(' ').map(equals))}`)),
  )
  const touching = kept((column: keyof typeof taskColumns) =>
    compiled(
      sql`update task_manager_tasks set touched = touched + 1,
        next_at = case when next_at < ${null} then next_at else ${null} end where ${equals(column)}`,
    ),
  )
  const counter = records.keys.counter.by
  let adding: Prepared | undefined
  /** May go below what was counted for rows that another system wrote; never below zero. */
  const addition = () => {
    adding ??= compiled(
      sql`insert into notification_counters (${refs([...counter, 'count'])})
        values (${sql.join([...counter, 'count'].map((name) => (name === 'count' ? sql`max(0, ${null})` : sql`${null}`)))})
        on conflict (${refs(counter)}) do update set count = max(0, notification_counters.count + ${null})`,
    )
    return adding
  }
  const valuesOf = (key: records.AnyKey, of: object) => key.by.map((name) => Reflect.get(of, name))

  return {
    ids,
    rollsUp: true,
    get: (key, of) => reading(key).get(valuesOf(key, of)),
    list: (key, of) => reading(key).all(valuesOf(key, of)),
    insert: (table, row) => insert(table)(row).id,
    insertNew: ({ table }, row) => {
      const { changes, id } = insertMissing(table)(row)
      return changes === 0 ? null : id
    },
    appendNew: ({ table }, row) => insertMissing(table)(row).changes > 0,
    append: (table, row) => void insert(table)(row),
    ensure: (table, row) => void insertMissing(table)(row),
    update(table, id, change, only) {
      const conditions: unknown[] = []
      let shape = ''
      if (only !== undefined) {
        for (const [name, words = []] of Object.entries<readonly unknown[] | undefined>(only)) {
          shape += `${shape === '' ? '' : ' '}${name}:${words.length}`
          conditions.push(...words)
        }
      }
      const values: unknown[] = []
      const statement = updating(table)(shape)(Object.keys(change), change, values)
      values.push(id, ...conditions)
      statement.run(values)
    },
    deleteBy(table, of) {
      deleting(table)(Object.keys(of).join(' ')).run(Object.values(of))
    },
    add(row) {
      addition().run([...valuesOf(records.keys.counter, row), row.count, row.count])
    },
    touch(of, at) {
      if ('reminder_id' in of) touching('reminder_id').run([at, at, of.reminder_id])
      else touching('notification_id').run([at, at, of.notification_id])
    },
  }
}
