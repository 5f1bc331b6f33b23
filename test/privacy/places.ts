import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import pg from 'pg'
import { postgres } from '../../adapters/storage/postgres.ts'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import type { Storage } from '../../src/index.ts'

/** A database of its own, into which a test looks past the library. */
export type Place = {
  readonly storage: () => Storage
  /** Where these words are: in columns, or in the bytes of files. */
  readonly find: (words: readonly string[]) => Promise<string[]>
  readonly run: (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

export function sqlitePlace(): Place {
  const directory = mkdtempSync(join(tmpdir(), 'privacy-'))
  const path = join(directory, 'clinic.sqlite')
  const bytesOf = (file: string) =>
    statSync(file, { throwIfNoEntry: false }) === undefined ? '' : readFileSync(file, 'latin1')
  return {
    storage: () => sqlite(path),
    // All that is on the disk: the file, its log, and what SQLite keeps beside it.
    find: async (words) =>
      ['', '-wal', '-journal'].flatMap((end) => {
        const bytes = bytesOf(path + end).toLowerCase()
        return words.filter((word) => bytes.includes(word.toLowerCase())).map((word) => `${word} in file${end}`)
      }),
    async run(source) {
      const database = new Database(path)
      try {
        const statement = database.prepare<[], Record<string, unknown>>(source)
        if (statement.reader) return statement.all()
        statement.run()
        return []
      } finally {
        database.close()
      }
    },
    [Symbol.asyncDispose]: async () => rmSync(directory, { recursive: true, force: true }),
  }
}

let made = 0

export function postgresPlace(url: string): Place {
  made += 1
  const schema = `privacy_${process.pid}_${made}`
  const pool = new pg.Pool({ connectionString: url, max: 1, options: `-c search_path=${schema}` })
  return {
    storage: () => postgres({ url, schema, connections: 3 }),
    async find(words) {
      const { rows } = await pool.query<{ table_name: string; column_name: string }>(
        'select table_name, column_name from information_schema.columns where table_schema = $1',
        [schema],
      )
      const found: string[] = []
      for (const { table_name: table, column_name: column } of rows) {
        for (const word of words) {
          const { rowCount } = await pool.query(`select 1 from "${table}" where "${column}"::text ilike $1 limit 1`, [
            `%${word}%`,
          ])
          if (rowCount !== 0) found.push(`${word} in ${table}.${column}`)
        }
      }
      return found
    },
    run: async (source) => (await pool.query<Record<string, unknown>>(source)).rows,
    async [Symbol.asyncDispose]() {
      await pool.query(`drop schema if exists "${schema}" cascade`)
      await pool.end()
    },
  }
}
