import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { renamed, withoutWordChecks } from '../../../../adapters/storage/sqlite/definition.ts'

const columns = ['id', 'state', 'kind', 'note', 'sent_at']
const words = ['state', 'kind']
const cut = (sql: string) => withoutWordChecks(sql, columns, words)

describe('the text of a CREATE TABLE', () => {
  it.for([
    [`create table t (state text check (state in ('A', 'B')), note text)`, `create table t (state text, note text)`],
    [
      `create table t (state text not null check ("state" = 'A' or "state" = 'B') default 'A')`,
      `create table t (state text not null default 'A')`,
    ],
    [
      `create table t (state text, note text, constraint known_states check (state in ('A')), unique (note))`,
      `create table t (state text, note text, unique (note))`,
    ],
    [`create table t (state text CONSTRAINT "one of" CHECK ([state] IN ('A')))`, `create table t (state text)`],
    [
      `create table t (state text check (upper(state) in ('A', ('B'))), kind text check (kind in ('(', ')')))`,
      `create table t (state text, kind text)`,
    ],
    [
      `create table t (state text -- check (state in ('A')) is what we had\n check (state in ('A''s')) /* check */, note)`,
      `create table t (state text -- check (state in ('A')) is what we had\n /* check */, note)`,
    ],
  ] as const)('loses a CHECK that lists words: %s', ([before, after]) => {
    expect(cut(before)).toBe(after)
  })

  it.for([
    `create table t (note text check (note in ('A', 'B')))`,
    `create table t (state text check (length(state) < 20))`,
    `create table t (state text, sent_at integer, check (state <> 'SENT' or sent_at is not null))`,
    `create table t (state text default 'check (state in (''A''))')`,
    `create table t ("check" text, state text)`,
  ])('keeps what is something else: %s', (sql) => {
    expect(cut(sql)).toBe(sql)
  })

  it('is the same table under another name, whatever the first was called', () => {
    for (const name of ['t', '"a (b) c"', '[x]', 'if not exists t', '`q`']) {
      const database = new Database(':memory:')
      database.exec(renamed(`create table ${name} (id integer primary key, state text) strict`, 'other'))
      const made = database
        .prepare(`select name, strict from pragma_table_list where schema = 'main' and name not like 'sqlite_%'`)
        .all()
      expect(made).toEqual([{ name: 'other', strict: 1 }])
      database.close()
    }
  })
})
