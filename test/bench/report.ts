import { createRequire } from 'node:module'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import Database from 'better-sqlite3'
import { z } from 'zod'
import type { Line } from './measure.ts'

const number = (value: number): string =>
  value >= 100
    ? Math.round(value).toLocaleString('en-US').replaceAll(',', ' ')
    : value.toLocaleString('en-US', { maximumSignificantDigits: 2 })

function cells({ measure, unit, ours, raw, cpuUs }: Line): string[] {
  return [
    measure,
    `${number(ours)} ${unit}`,
    raw === null ? '' : `${number(raw)} ${unit}`,
    raw === null ? '' : (ours / raw).toFixed(2),
    cpuUs === null ? '' : `${number(cpuUs.ours)} / ${number(cpuUs.raw)}`,
  ]
}

const heads = ['measure', 'ours', 'raw', 'ours/raw', 'CPU µs each: ours / raw']

/** The figures as a Markdown table, then what each was measured with. */
export function table(lines: readonly Line[]): string {
  const rows = [heads, ...lines.map(cells)]
  const widths = heads.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const written = rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))),
  )
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  const [head = [], ...body] = written
  const drawn = [head, rule, ...body].map((row) => `| ${row.join(' | ')} |`)
  const notes = lines.map(({ measure, note }) => `${measure}: ${note}`)
  return [...drawn, '', ...new Set(notes)].join('\n')
}

const versionOf = (name: string): string => {
  const require = createRequire(import.meta.url)
  return z.object({ version: z.string() }).parse(require(`${name}/package.json`)).version
}

/** Where, when, with what, and how durable. */
export function machine(): string {
  const database = new Database(':memory:')
  const sqlite = z.string().parse(database.prepare('select sqlite_version()').pluck().get())
  database.close()
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  const [load = 0] = loadavg()
  return [
    `${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores of ${model}, ${Math.round(totalmem() / 2 ** 30)} GB, load ${load.toFixed(1)} before the run`,
    `Node ${process.versions.node}, better-sqlite3 ${versionOf('better-sqlite3')} (SQLite ${sqlite}), nodemailer ${versionOf('nodemailer')}`,
    'Durability: SQLite file, WAL, synchronous=FULL on both sides: a commit is on the disk before it is told. Medians of three rounds.',
  ].join('\n')
}
