import { describe, expect, it } from 'vitest'
import { withoutWordChecks } from '../../../../adapters/storage/sqlite/definition.ts'

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
})
