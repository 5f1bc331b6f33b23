import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeRows, encodeColumn, encodeNamed } from '../../../../adapters/storage/postgres/values.ts'

const ids = { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' } as const

/** As the server reads an array of texts. */
const readArray = (array: string) =>
  [...array.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|([^,]+)/gs)].map(([, quoted, bare]) =>
    bare === 'NULL' ? null : (bare ?? quoted?.replace(/\\(.)/gs, '$1')),
  )

type Columns = { [column: string]: unknown }
const decodeRow = (row: Columns) => decodeRows([row], ids)[0]

/** As the server writes it: without the zeros at the end of the fraction. */
const written = (at: Date, offsetMinutes: number): string => {
  const [day, time = ''] = new Date(at.getTime() + offsetMinutes * 60_000).toISOString().slice(0, -1).split('T')
  const sign = offsetMinutes < 0 ? '-' : '+'
  const [hours, minutes] = [Math.trunc(Math.abs(offsetMinutes) / 60), Math.abs(offsetMinutes) % 60]
  const two = (number: number) => String(number).padStart(2, '0')
  const rest = minutes === 0 ? '' : `:${two(minutes)}`
  return `${day} ${time.replace(/\.?0+$/, (end) => (end.startsWith('.') ? '' : end.replace(/0+$/, '')))}${sign}${two(hours)}${rest}`
}

describe('values of Postgres', () => {
  it('reads an instant in whatever zone the connection has', () => {
    const date = fc.date({
      min: new Date('1000-01-02T00:00:00Z'),
      max: new Date('9998-12-30T00:00:00Z'),
      noInvalidDate: true,
    })
    const offset = fc.constantFrom(0, 60, -300, 330, -570, 765)
    fc.assert(
      fc.property(date, offset, (at, minutes) => {
        const row = decodeRow({ due_at: written(at, minutes) })
        expect(row?.['due_at']).toBe(at.getTime())
      }),
    )
  })

  it('cuts microseconds off, and knows what is no instant', () => {
    expect(decodeRow({ due_at: '2026-03-01 09:30:00.570999+00' })?.['due_at']).toBe(Date.UTC(2026, 2, 1, 9, 30, 0, 570))
    for (const text of ['infinity', '-infinity', '2026-03-01', '0044-03-15 12:00:00+00 BC']) {
      expect(() => decodeRow({ due_at: text }), text).toThrow('is not an instant')
    }
  })

  it.each([
    ['a Date', new Date('2026-03-01T09:30:00.5Z')],
    ['milliseconds', 1_772_357_400_500],
    [
      'an instant that turns into milliseconds',
      { valueOf: () => 1_772_357_400_500, toString: () => 'Sun Mar 01 2026' },
    ],
    ['a Temporal.Instant', { epochMilliseconds: 1_772_357_400_500, valueOf: () => Promise.reject }],
    ['one that turns into ISO text alone', { toString: () => '2026-03-01T09:30:00.500Z' }],
  ])('reads %s, which a parser of the host made', (_, value) => {
    expect(decodeRow({ due_at: value })).toEqual({ due_at: 1_772_357_400_500 })
  })

  it('reads each row by itself, also where the first has nothing in a column', () => {
    const rows: Columns[] = [
      { id: '1', due_at: null, entries: null },
      { id: '2', due_at: '2026-03-01 09:30:00.5+00', entries: [{ rule: 'a' }] },
    ]
    expect(decodeRows(rows, ids)).toEqual([
      { id: 1, due_at: null, entries: null },
      { id: 2, due_at: 1_772_357_400_500, entries: '[{"rule":"a"}]' },
    ])
  })

  it('reads numbers and flags as a host may have them read', () => {
    const row = { fence: 7n, hours_before_appointment: { valueOf: () => '0.5' } }
    expect(decodeRow(row)).toEqual({ fence: 7, hours_before_appointment: 0.5 })
    for (const yes of [true, 't', 'true', 1]) {
      const flags = { email_enabled: yes, sms_enabled: null }
      expect(decodeRow(flags)).toEqual({ email_enabled: 1, sms_enabled: null })
    }
  })

  it('writes the values of a column as it writes one, whatever is in them', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\0', '\\u0000', '\\\\u0000', '\ud800', '\\ud800', '{"a":"\\u0000"}', '"\\ud83d"', '𝄞'),
    )
    const row = fc.record({
      message: text,
      snapshot: fc.option(text),
      entries: fc.jsonValue().map((value) => JSON.stringify(value)),
      due_at: fc.option(fc.integer({ min: 0, max: 4_000_000_000_000 })),
      created_at: fc.constant(1_800_000_000_000),
      email_enabled: fc.constantFrom(0, 1, null),
      fence: fc.nat(),
    })
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 5 }), (rows) => {
        for (const name of Object.keys(rows[0] ?? {})) {
          const each = rows.map((one) => encodeNamed(name, Reflect.get(one, name)))
          const texts = each.map((value) => (value === null ? null : String(value)))
          expect(readArray(encodeColumn(name, rows)), name).toEqual(texts)
        }
      }),
    )
  })
})
