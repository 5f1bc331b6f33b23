import { readFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import pg from 'pg'
import type { Store } from '../../../../src/records/store.ts'
import type { PostgresServer } from '../../../support/postgres-server.ts'
import { postgres, sqlite } from '../../../support/stores.ts'
import { temporaryFile } from '../sqlite/fixture.ts'

export type Version = 1 | 2 | 3
export const versions: readonly Version[] = [1, 2, 3]

const fixture = (kind: string, version: Version): string =>
  readFileSync(new URL(`../../../fixtures/databases/${kind}-${version}.sql`, import.meta.url), 'utf8')

export type Shape = Readonly<
  Record<string, { readonly columns: readonly string[]; readonly indexes: readonly string[] }>
>

/** A database of its own, as a host has it. */
export type Place = {
  readonly open: () => Store
  /** Runs statements as the host would, and returns the rows of the last one. */
  readonly run: (sql: string) => Promise<readonly Record<string, unknown>[]>
  /** What is there: every table with the names of its columns and indexes. */
  readonly shape: () => Promise<Shape>
  readonly checks: () => Promise<number>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** As the fixture of this version left it; null: empty. */
export type MakePlace = (version: Version | null) => Promise<Place & { readonly path?: string; readonly url?: string }>

const grouped = (rows: readonly { table: string; columns: string; indexes: string }[]): Shape =>
  Object.fromEntries(
    rows.map(({ table, columns, indexes }) => [
      table,
      { columns: columns.split(',').sort(), indexes: indexes === '' ? [] : indexes.split(',').sort() },
    ]),
  )

export const sqlitePlace: MakePlace = async (version) => {
  const { path, remove } = await temporaryFile()
  const database = new Database(path)
  // As the library leaves a file: hosts have it in this mode.
  database.pragma('journal_mode = WAL')
  if (version !== null) database.exec(fixture('sqlite', version))
  return {
    path,
    open: () => sqlite(path),
    run: async (sql) => {
      if (!/^\s*select/i.test(sql)) database.exec(sql)
      else return database.prepare<[], Record<string, unknown>>(sql).all()
      return []
    },
    shape: async () =>
      grouped(
        database
          .prepare<[], { table: string; columns: string; indexes: string }>(
            `select name as "table", (select group_concat(c.name) from pragma_table_info(m.name) c) as columns,
             coalesce((select group_concat(i.name) from sqlite_master i where i.type = 'index' and i.tbl_name = m.name and i.sql is not null), '') as indexes
             from sqlite_master m where type = 'table' and name not like 'sqlite_%'`,
          )
          .all(),
      ),
    checks: async () =>
      database.prepare<[], number>(`select count(*) from sqlite_master where sql like '%CHECK%'`).pluck().get() ?? 0,
    [Symbol.asyncDispose]: async () => {
      database.close()
      await remove()
    },
  }
}

let made = 0

/** Fixtures lie in the schema `public`, so each place is a database. */
export const postgresPlace =
  (server: () => PostgresServer): MakePlace =>
  async (version) => {
    made += 1
    const name = `migrations_${process.pid}_${made}`
    const admin = new pg.Client({ connectionString: server().url })
    await admin.connect()
    await admin.query(`create database ${name}`)
    const address = new URL(server().url)
    address.pathname = `/${name}`
    const client = new pg.Client({ connectionString: address.href })
    client.on('error', () => {})
    await client.connect()
    if (version !== null) await client.query(fixture('postgres', version))
    return {
      url: address.href,
      open: () => postgres({ url: address.href, connections: 4 }),
      run: async (sql) => {
        const answer: pg.QueryResult | pg.QueryResult[] = await client.query(sql)
        return Array.isArray(answer) ? (answer.at(-1)?.rows ?? []) : answer.rows
      },
      shape: async () => {
        const { rows } = await client.query<{ table: string; columns: string; indexes: string }>(
          `select c.relname as "table",
             (select string_agg(attname::text, ',') from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped) as columns,
             coalesce((select string_agg(i.relname::text, ',') from pg_index x join pg_class i on i.oid = x.indexrelid
               where x.indrelid = c.oid and x.indisvalid and not x.indisprimary), '') as indexes
           from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'`,
        )
        return grouped(rows)
      },
      checks: async () => {
        const { rows } = await client.query(
          `select 1 from pg_constraint where contype = 'c' and connamespace = 'public'::regnamespace`,
        )
        return rows.length
      },
      [Symbol.asyncDispose]: async () => {
        await client.end()
        await admin.query(`drop database ${name} with (force)`)
        await admin.end()
      },
    }
  }
