import type * as records from '../../../src/records/index.ts'
import { postgresTypes, typeOf } from '../kysely/column-types.ts'
import { refuse } from '../kysely/migrations.ts'
import { requireUnique } from './indexes.ts'
import { addColumns, type Migrating, relax, tableOf } from './migrating.ts'
import { qualified, quoted } from './names.ts'

type Existing = {
  readonly name: string
  /** As the database writes it: `bigint`, `character varying(255)`. */
  readonly type: string
  readonly required: boolean
  readonly filled: boolean
}

const integers = ['integer', 'bigint']

/** Types that hold all that the library writes, and give it back as it was. */
function accepted({ kind }: records.Column, wanted: string): readonly string[] {
  switch (kind) {
    case 'serial':
    case 'int':
      return integers
    case 'instant':
      return ['timestamp with time zone', 'timestamp(3) with time zone', 'timestamp(6) with time zone']
    case 'flag':
      return ['boolean']
    case 'json':
      return ['jsonb', 'json']
    case 'number':
      return ['numeric', 'double precision']
    case 'text':
      return ['text', 'character varying']
    default:
      return wanted === 'text' ? ['text', 'character varying'] : integers
  }
}

async function columnsOf({ run, schema }: Migrating, name: string): Promise<Existing[]> {
  const { rows } = await run<{ name: string; type: string; required: string; filled: string }>(
    `select a.attname::text as name, format_type(a.atttypid, a.atttypmod) as type,
       (case when a.attnotnull then 'yes' else 'no' end) as required,
       (case when a.atthasdef or a.attidentity = 'd' then 'yes' else 'no' end) as filled
     from pg_attribute a where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`,
    [qualified(schema, name)],
  )
  return rows.map((row) => ({
    name: row.name,
    type: row.type,
    required: row.required === 'yes',
    filled: row.filled === 'yes',
  }))
}

/**
 * Makes a same-named table of somebody else's usable, or says which column stands in the way and what would make it fit.
 * Nothing of theirs is dropped but CHECKs that list words and indexes by the names of ours: columns and indexes are added,
 * and only an empty table without columns of its own is made anew.
 */
export async function adopt(migrating: Migrating, name: string): Promise<void> {
  const { run, schema, ids, builder, ddl, change } = migrating
  const table = tableOf(migrating, name)
  const qualifiedName = qualified(schema, name)
  const found = await columnsOf(migrating, name)
  const byName = new Map(found.map((column) => [column.name, column]))
  const { rows } = await run(`select 1 from ${qualifiedName} limit 1`)
  const empty = rows.length === 0
  const foreign = found.filter((column) => table.columns[column.name] === undefined)

  if (empty && foreign.length === 0) {
    await change(`drop table ${qualifiedName}`)
    await change(ddl.createTable(builder, name, table, postgresTypes, ids).sql)
  } else {
    const faults = [
      ...foreign.filter((column) => column.required && !column.filled).map(demanding),
      ...Object.entries(table.columns).flatMap(([columnName, column]) => {
        const existing = byName.get(columnName)
        return (existing === undefined ? missing(columnName, column, empty) : misfit(migrating, existing, column)) ?? []
      }),
    ]
    if (faults.length > 0) {
      throw refuse(
        `The table ${name} cannot be adopted: ${faults.join('; ')}. Change these columns, or rename the table and let the library make its own.`,
      )
    }
    await relax(migrating, name)
    await addColumns(migrating, name, Object.keys(table.columns))
    if (!byName.has('live') && table.columns['live'] !== undefined) {
      await change(`update ${qualifiedName} set live = 1 where status <> 'CANCELLED'`)
    }
    await requireUnique(migrating, name, table)
  }
  // An index of theirs by the same name may be another one.
  for (const index of table.indexes) await change(`drop index if exists ${qualified(schema, index.name)}`)
}

/** A column of theirs that must be filled, which the library does not know how to. */
const demanding = ({ name }: Existing): string =>
  `its column ${name} is NOT NULL without a default, and the library does not know it`

function missing(name: string, column: records.Column, empty: boolean): string | null {
  if (column.kind === 'serial') return `it lacks the column ${name} SERIAL PRIMARY KEY`
  return column.notNull === true && !empty ? `it has rows, and lacks the column ${name} that every row needs` : null
}

function misfit({ ids }: Migrating, existing: Existing, column: records.Column): string | null {
  const { name, type } = existing
  if (column.kind === 'serial' && !existing.filled) return `its column ${name} is not SERIAL, so rows get no ids`
  if (existing.required && column.notNull !== true) {
    return `its column ${name} is NOT NULL, and the library needs it to be empty at times (alter column ${quoted(name)} drop not null)`
  }
  const wanted = typeOf(column, postgresTypes, ids)
  if (accepted(column, wanted).includes(type)) return null
  if (type.startsWith('character varying') && column.isWord === true) return null
  return `its column ${name} is ${type}, and must be ${wanted} (alter column ${quoted(name)} type ${wanted})`
}
