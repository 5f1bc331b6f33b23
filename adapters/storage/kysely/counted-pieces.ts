import type { Category, Channel, Count, Measure } from '../../../src/index.ts'

/** Days read at a time: a few thousand rows of an organization, so that no statement takes long. */
const pieceDays = 92
const dayMs = 86_400_000

const addDays = (day: string, days: number): string =>
  new Date(Date.parse(day) + days * dayMs).toISOString().slice(0, 10)

export type Period = { readonly from: string; readonly to: string }
type Asked = { readonly from: string | undefined; readonly to: string | undefined }

/** A period, as far as anything was counted in it, in pieces. */
export function pieces({ from, to }: Asked, counted: Period): Period[] {
  const first = from === undefined || from < counted.from ? counted.from : from
  const last = to === undefined || to > counted.to ? counted.to : to
  const found: Period[] = []
  for (let start = first; start <= last; start = addDays(start, pieceDays)) {
    const end = addDays(start, pieceDays - 1)
    found.push({ from: start, to: end < last ? end : last })
  }
  return found
}

/** As the counters hold it: '' stands for what does not apply. */
type CountedRow = Omit<Count, 'channel' | 'category'> & {
  readonly channel: Channel | ''
  readonly category: Category | ''
}

/** The sums over all pieces. */
export function summed(rows: readonly CountedRow[]): Count[] {
  const sums = new Map<string, Count>()
  for (const { channel, category, ...row } of rows) {
    const key = JSON.stringify([row.measure, channel, category, row.provider, row.detail])
    sums.set(key, {
      ...row,
      count: row.count + (sums.get(key)?.count ?? 0),
      channel: channel === '' ? null : channel,
      category: category === '' ? null : category,
    })
  }
  return [...sums.values()]
}

type CountOfDay = { readonly day: string; readonly measure: Measure; readonly count: number }

/** In the order of days and measures. */
export function summedByDay(rows: readonly CountOfDay[]): CountOfDay[] {
  const sums = new Map<string, CountOfDay>()
  for (const row of rows) {
    const key = `${row.day}|${row.measure}`
    sums.set(key, { ...row, count: row.count + (sums.get(key)?.count ?? 0) })
  }
  return [...sums].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, row]) => row)
}
