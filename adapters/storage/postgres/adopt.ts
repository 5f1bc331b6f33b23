import type { IdKinds } from '../../../src/index.ts'
import type * as records from '../../../src/records/index.ts'
import { postgresTypes, typeOf } from '../kysely/column-types.ts'
import type { Adoption, Existing } from '../kysely/migrating.ts'
import { requireUnique } from './indexes.ts'
import { qualified, quoted } from './names.ts'
import type { Run } from './source.ts'

const integers = ['integer', 'bigint']
const texts = ['text', 'character varying']
/** Types that hold all that the library writes, and give it back as it was. */
const accepted: Readonly<Record<Exclude<records.ColumnKind, keyof IdKinds>, readonly string[]>> = {
  serial: integers,
  int: integers,
  instant: ['timestamp with time zone', 'timestamp(3) with time zone', 'timestamp(6) with time zone'],
  flag: ['boolean'],
  json: ['jsonb', 'json'],
  number: ['numeric', 'double precision'],
  text: texts,
}
const acceptedFor = ({ kind }: records.Column, ids: IdKinds): readonly string[] => {
  if (kind === 'appointment' || kind === 'recipient' || kind === 'waitlistEntry')
    return ids[kind] === 'text' ? texts : integers
  return accepted[kind]
}

export const adoption = (run: Run, schema: string, ids: IdKinds): Adoption<'async'> => ({
  async columnsOf(table) {
    const { rows } = await run<{ name: string; type: string; required: string; filled: string }>(
      `select a.attname::text as name, format_type(a.atttypid, a.atttypmod) as type,
         (case when a.attnotnull then 'yes' else 'no' end) as required,
         (case when a.atthasdef or a.attidentity = 'd' then 'yes' else 'no' end) as filled
       from pg_attribute a where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`,
      [qualified(schema, table)],
    )
    return rows.map(({ name, type, required, filled }) => ({
      name,
      type,
      required: required === 'yes',
      filled: filled === 'yes',
    }))
  },
  isEmpty: async (table) => (await run(`select 1 from ${qualified(schema, table)} limit 1`)).rows.length === 0,
  misfit: async (_, existing, column) => misfit(ids, existing, column),
  requireUnique: (table, described) => requireUnique(run, schema, table, described),
})

/** What keeps the library from using it, with the statement that would make it fit. */
function misfit(ids: IdKinds, existing: Existing, column: records.Column): string | null {
  const { name, type } = existing
  if (column.kind === 'serial' && !existing.filled) return `its column ${name} is not SERIAL, so rows get no ids`
  if (existing.required && column.notNull !== true) {
    return `its column ${name} is NOT NULL, and the library needs it to be empty at times (alter column ${quoted(name)} drop not null)`
  }
  const wanted = typeOf(column, postgresTypes, ids)
  if (acceptedFor(column, ids).includes(type)) return null
  if (type.startsWith('character varying') && column.isWord === true) return null
  return `its column ${name} is ${type}, and must be ${wanted} (alter column ${quoted(name)} type ${wanted})`
}
