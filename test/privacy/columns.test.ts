import { expect, it } from 'vitest'
import { tables } from '../../src/ports/rows/tables/tables.ts'
import { columns } from './columns.ts'

it('says of every column of every table whether it may hold something about a person', () => {
  const unclassified = Object.entries(tables).flatMap(([table, described]) => {
    const found = Object.entries(columns).find(([name]) => name === table)?.[1]
    if (found === undefined) return [table]
    const known = new Set([...Object.keys(found.personal), ...found.other])
    return found.rest
      ? []
      : Object.keys(described.columns).flatMap((name) => (known.has(name) ? [] : [`${table}.${name}`]))
  })
  expect(unclassified).toEqual([])
})

it('names no column that is not there, and none twice', () => {
  const wrong = Object.entries(columns).flatMap(([table, { personal, other }]) => {
    const there = Object.entries(tables).find(([name]) => name === table)?.[1].columns ?? {}
    const named = [...Object.keys(personal), ...other]
    return named.filter((name, place) => !(name in there) || named.indexOf(name) !== place)
  })
  expect(wrong).toEqual([])
})

it('a contact of a recipient is always personal', () => {
  expect(Object.keys(columns.patient_notification_preferences.personal)).toEqual(
    expect.arrayContaining(['email_address', 'phone_number', 'channels']),
  )
})
