import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeRow, encodeRow, encodeRows } from '../../../../adapters/storage/postgres/values.ts'

const ids = { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' } as const

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
        const row = decodeRow({ due_at: written(at, minutes) }, ids)
        expect(row.due_at).toBe(at.getTime())
      }),
    )
  })

  it('cuts microseconds off, and knows what is no instant', () => {
    expect(decodeRow({ due_at: '2026-03-01 09:30:00.570999+00' }, ids).due_at).toBe(Date.UTC(2026, 2, 1, 9, 30, 0, 570))
    for (const text of ['infinity', '-infinity', '2026-03-01', '0044-03-15 12:00:00+00 BC']) {
      expect(() => decodeRow({ due_at: text }, ids), text).toThrow('is not an instant')
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
    expect(decodeRow<{ [column: string]: unknown }>({ due_at: value }, ids)).toEqual({ due_at: 1_772_357_400_500 })
  })

  it('reads numbers and flags as a host may have them read', () => {
    const row: { [column: string]: unknown } = { fence: 7n, hours_before_appointment: { valueOf: () => '0.5' } }
    expect(decodeRow(row, ids)).toEqual({ fence: 7, hours_before_appointment: 0.5 })
    for (const yes of [true, 't', 'true', 1]) {
      const flags: { [column: string]: unknown } = { email_enabled: yes, sms_enabled: null }
      expect(decodeRow(flags, ids)).toEqual({ email_enabled: 1, sms_enabled: null })
    }
  })

  it('writes many rows as it writes one, whatever is in them', () => {
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
      fence: fc.nat(),
    })
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 5 }), (rows) => {
        // A null that is left out is one to the database.
        const all = (given: readonly object[]) => given.map((one) => ({ snapshot: null, due_at: null, ...one }))
        expect(all(JSON.parse(encodeRows(rows)))).toEqual(all(rows.map(encodeRow)))
      }),
    )
  })
})
