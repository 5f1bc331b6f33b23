import pg from 'pg'
import { afterAll } from 'vitest'
import type { IdKinds } from '../../../../src/index.ts'
import type { PostgresServer } from '../../../support/postgres-server.ts'

export const ledger = 'appointment_notifications_migrations'
export const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`

type Place = { readonly schema: string; readonly pool: pg.Pool }

/** A schema that is larger is slow to read, even when its rows are gone. */
const maxBytes = 8_000_000

/**
 * Keeps the migrated schemas of tests that are over, without their rows, for the next tests of the file: making the tables
 * takes most of the time of a small test.
 */
export function spareSchemas(server: () => PostgresServer) {
  const spare = new Map<string, string[]>()
  const of = (ids: IdKinds): string[] => {
    const kinds = JSON.stringify(ids)
    const known = spare.get(kinds) ?? []
    spare.set(kinds, known)
    return known
  }
  afterAll(async () => {
    const pool = new pg.Pool({ connectionString: server().url })
    for (const schema of [...spare.values()].flat()) await dropSchema({ pool, schema })
    await pool.end()
  })
  return {
    take: (ids: IdKinds): string | undefined => of(ids).pop(),
    /** A schema whose tables are as migrated. Where it is not kept, it is dropped. */
    async giveBack(place: Place, ids: IdKinds): Promise<void> {
      const [{ bytes = 0 } = {}] = await inSchema<{ bytes: number }>(
        place,
        'sum(pg_relation_size(c.oid))::int as bytes',
      )
      if (bytes > maxBytes) return dropSchema(place)
      await removeRows(place)
      of(ids).push(place.schema)
    },
  }
}

/** Of a schema's tables and indexes, and of the triggers and functions with them: another one where a test has changed it. */
export async function shapeOf(place: Place): Promise<unknown> {
  const columns = `string_agg(concat_ws(' ', c.relname, a.attname, a.atttypid, a.attnotnull), ',' order by c.relname, a.attnum)`
  const tables = await inSchema(place, columns, 'join pg_attribute a on a.attrelid = c.oid and a.attnum > 0')
  const names = 'array_agg(t.tgname::text order by t.tgname) as names'
  const triggers = await inSchema(place, names, 'join pg_trigger t on t.tgrelid = c.oid and not t.tgisinternal')
  const functions = await place.pool.query(
    `select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = $1 order by p.proname`,
    [place.schema],
  )
  return { tables, triggers, functions: functions.rows }
}

/** A server that was started for the tests takes all schemas with it. */
export async function dropSchema({ pool, schema }: Place): Promise<void> {
  if (process.env['DATABASE_URL']) await pool.query(`drop schema if exists ${quoted(schema)} cascade`)
}

async function inSchema<Row extends pg.QueryResultRow>({ pool, schema }: Place, what: string, joined = '') {
  const sql = `select ${what} from pg_class c join pg_namespace n on n.oid = c.relnamespace ${joined} where n.nspname = $1`
  return (await pool.query<Row>(sql, [schema])).rows
}

async function removeRows({ pool, schema }: Place): Promise<void> {
  const { rows } = await pool.query<{ name: string }>(
    'select tablename as name from pg_tables where schemaname = $1 and tablename <> $2',
    [schema, ledger],
  )
  await pool.query(rows.map(({ name }) => `delete from ${quoted(schema)}.${quoted(name)}`).join(';'))
}
