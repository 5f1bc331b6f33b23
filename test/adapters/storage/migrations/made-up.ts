/**
 * Migrations of a library that does not exist: what the real ones have not needed yet is tried on real databases. Three
 * releases of it, each a definition of the tables with the steps that lead there.
 */
import { expect, it } from 'vitest'
import type { Migration, Schema } from '../../../../adapters/storage/kysely/migrations.ts'
import { createEngine as createPostgresEngine } from '../../../../adapters/storage/postgres/engine.ts'
import { limitsOf } from '../../../../adapters/storage/postgres/limits.ts'
import { migrate as migratePostgres } from '../../../../adapters/storage/postgres/migrate.ts'
import { createEngine as createSqliteEngine } from '../../../../adapters/storage/sqlite/engine.ts'
import { migrate as migrateSqlite } from '../../../../adapters/storage/sqlite/migrate.ts'
import type { LogFields, MigrateOptions, MigrationReport } from '../../../../src/index.ts'
import { never, optional, required, type Table, word } from '../../../../src/ports/rows/tables/columns.ts'
import type { MakePlace } from './places.ts'

const first = {
  letters: {
    columns: {
      id: required('serial'),
      state: never(word<string>()),
      colour: required('text'),
      old_note: optional('text'),
    },
    indexes: [{ name: 'letters_old', columns: ['old_note'] }],
  },
} satisfies Record<string, Table>

const second = {
  letters: {
    columns: { ...first.letters.columns, weight: { kind: 'int' } as const },
    indexes: [...first.letters.indexes, { name: 'letters_weight', columns: ['weight'], whereNotNull: 'weight' }],
  },
  stamps: {
    columns: { id: required('serial'), letter_id: required('int') },
    indexes: [{ name: 'stamps_letter', columns: ['letter_id'] }],
  },
} satisfies Record<string, Table>

const { old_note: _removed, ...kept } = second.letters.columns
const third = {
  letters: {
    columns: { ...kept, colour: optional('text') },
    indexes: [{ name: 'letters_weight', columns: ['weight'], whereNotNull: 'weight' }],
  },
  stamps: second.stamps,
} satisfies Record<string, Table>

const steps: readonly Migration[] = [
  { version: 1, name: 'letters', oldest: 1, changes: [{ kind: 'create', tables: ['letters'] }] },
  {
    version: 2,
    name: 'weight_and_stamps',
    oldest: 1,
    changes: [
      { kind: 'create', tables: ['stamps'] },
      { kind: 'add', table: 'letters', columns: ['weight'] },
      { kind: 'fill', table: 'letters', set: 'weight = length(colour)', where: 'weight is null' },
      {
        kind: 'alter',
        table: 'letters',
        sqlite: (definition) => definition.replace(/("colour" text) not null/i, '$1'),
        postgres: (table) => [`alter table ${table} alter column colour drop not null`],
      },
    ],
  },
  {
    version: 3,
    name: 'without_old_notes',
    oldest: 2,
    changes: [
      { kind: 'dropIndexes', names: ['letters_old'] },
      { kind: 'dropColumns', table: 'letters', columns: ['old_note'] },
    ],
  },
]

export const release = (version: 1 | 2 | 3): Schema => ({
  tables: version === 1 ? first : version === 2 ? second : third,
  migrations: steps.slice(0, version),
})

const ids = { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' } as const

type Lines = { readonly message: string; readonly fields: LogFields | undefined }[]

/** Migrates a place to a release, as a process of its own would. */
export async function migrateTo(
  { path, url }: { readonly path?: string; readonly url?: string },
  version: 1 | 2 | 3,
  { dryRun = false, lines = [] }: { readonly dryRun?: boolean; readonly lines?: Lines } = {},
): Promise<MigrationReport> {
  const keep = (message: string, fields?: LogFields) => void lines.push({ message, fields })
  const logger = { debug: keep, info: keep, warn: keep, error: keep }
  const options: MigrateOptions = { ids, adopt: false, now: new Date('2031-03-10T12:00:00Z'), dryRun, logger }
  const schema = release(version)
  if (path !== undefined) {
    const engine = createSqliteEngine({ target: { path }, busyTimeoutMs: 5000 })
    return engine
      .migrate((connection) => migrateSqlite(connection, options, schema), !dryRun)
      .finally(() => engine.close())
  }
  const engine = createPostgresEngine({
    target: { url: url ?? '', connections: 2 },
    schema: 'public',
    limits: limitsOf({}),
  })
  return engine.migrate((migrator) => migratePostgres(migrator, options, schema)).finally(() => engine.close())
}

export function madeUpMigrations(make: MakePlace): void {
  it('adds, fills, alters and indexes what a release has, beside the release before', async () => {
    await using place = await make(null)
    expect((await migrateTo(place, 1)).applied).toEqual(['letters'])
    for (const colour of ['red', 'yellow']) {
      await place.run(`insert into letters (state, colour, old_note) values ('open', '${colour}', 'n')`)
    }
    expect((await migrateTo(place, 2)).applied).toEqual(['weight_and_stamps'])
    expect(await place.shape()).toMatchObject({
      letters: { columns: ['colour', 'id', 'old_note', 'state', 'weight'], indexes: ['letters_old', 'letters_weight'] },
      stamps: { indexes: ['stamps_letter'] },
    })
    const weights = await place.run('select weight from letters order by id')
    expect(weights.map(({ weight }) => Number(weight))).toEqual([3, 6])
    // The release before goes on writing what it knows; the one that may leave the colour out does.
    await place.run(`insert into letters (state, colour, old_note) values ('open', 'blue', 'n')`)
    await place.run(`insert into letters (state, weight) values ('sealed', 9)`)
    expect((await migrateTo(place, 2)).applied).toEqual([])
    expect((await migrateTo(place, 1)).applied).toEqual([])
  })

  it('contracts a release later, and refuses the release that still needs what went', async () => {
    await using place = await make(null)
    await migrateTo(place, 1)
    await place.run(`insert into letters (state, colour, old_note) values ('open', 'red', 'n')`)
    expect((await migrateTo(place, 3)).applied).toEqual(['weight_and_stamps', 'without_old_notes'])
    expect(await place.shape()).toMatchObject({
      letters: { columns: ['colour', 'id', 'state', 'weight'], indexes: ['letters_weight'] },
    })
    await expect(migrateTo(place, 1)).rejects.toMatchObject({ code: 'migration_refused' })
    await expect(migrateTo(place, 1)).rejects.toThrow(
      /only versions that know migration 2 may run; this one knows up to 1/,
    )
    expect((await migrateTo(place, 2)).applied).toEqual([])
  })

  it('makes the same of a new database as of an old one', async () => {
    await using old = await make(null)
    await migrateTo(old, 1)
    await migrateTo(old, 2)
    await migrateTo(old, 3)
    await using fresh = await make(null)
    expect((await migrateTo(fresh, 3)).applied).toEqual(['letters', 'weight_and_stamps', 'without_old_notes'])
    expect(await fresh.shape()).toEqual(await old.shape())
  })

  it('reports how far it is where rows are many, and fills each of them once', async () => {
    await using place = await make(null)
    await migrateTo(place, 1)
    const numbers = 'with recursive n(i) as (select 1 union all select i + 1 from n where i < 45000)'
    await place.run(
      place.path === undefined
        ? `${numbers} insert into letters (state, colour) select 'open', 'red' from n`
        : `insert into letters (state, colour) ${numbers} select 'open', 'red' from n`,
    )
    const dry = await migrateTo(place, 2, { dryRun: true })
    expect(dry.sql.some((sql) => /set weight = length\(colour\)/.test(sql))).toBe(true)
    expect((await migrateTo(place, 2)).applied).toEqual(dry.applied)
    const [filled] = await place.run('select count(*) as count from letters where weight = 3')
    expect(Number(filled?.['count'])).toBe(45_000)
  })
}
