import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { latestVersion } from '../../../../adapters/storage/kysely/migrations.ts'
import type { MakePlace, Place } from './places.ts'

const program = fileURLToPath(new URL('migrator.ts', import.meta.url))
const printed = z.object({ applied: z.array(z.string()), statements: z.number() })

type Ended = {
  readonly signal: NodeJS.Signals | null
  readonly report: z.infer<typeof printed> | null
  readonly errors: string
}

async function migrator(place: { readonly path?: string; readonly url?: string }, killAt = 0): Promise<Ended> {
  const child = spawn(process.execPath, [program, JSON.stringify({ path: place.path, url: place.url, killAt })])
  const [output, errors, [, signal]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { signal, errors, report: output === '' ? null : printed.parse(JSON.parse(output)) }
}

const counts = async (place: Place) => {
  const tables = [
    'appointment_reminders',
    'notification_history',
    'reminder_plans',
    'replan_jobs',
    'task_manager_tasks',
  ]
  const found: (readonly [count: number, last: number])[] = []
  for (const table of tables) {
    const [row] = await place.run(`select count(*) as count, max(id) as last from ${table}`)
    found.push([Number(row?.['count']), Number(row?.['last'])])
  }
  return found
}

export function severalMigrate(make: MakePlace): void {
  it.for([3, null] as const)(
    'eight processes at once migrate one database (%s), and one of them does it',
    async (version) => {
      await using place = await make(version)
      const before = version === null ? null : await counts(place)
      const ended = await Promise.all(Array.from({ length: 8 }, () => migrator(place)))
      expect(ended.map(({ errors }) => errors)).toEqual(Array(8).fill(''))
      expect(ended.filter(({ report }) => (report?.applied.length ?? 0) > 0)).toHaveLength(1)
      if (before !== null) expect(await counts(place)).toEqual(before)
      await using fresh = await make(null)
      await migrator(fresh)
      expect(await place.shape()).toEqual(await fresh.shape())
    },
  )
}

/** One in four steps, of which many are alike, as those of tables that are made anew; and the last, which are like no others. */
const stepsOf = (statements: number): number[] =>
  Array.from({ length: statements }, (_, index) => index + 1).filter((at) => at % 4 === 1 || at > statements - 3)

export function killedMigrations(make: MakePlace): void {
  it.for([null, 3] as const)('killed at its steps (from %s), a migration is done by the next call', async (version) => {
    await using whole = await make(version)
    const { report } = await migrator(whole)
    const expected = await whole.shape()
    const rows = await counts(whole)
    const statements = report?.statements ?? 0
    expect(statements).toBeGreaterThan(10)
    for (const killAt of stepsOf(statements)) {
      await using place = await make(version)
      const killed = await migrator(place, killAt)
      expect(killed).toMatchObject({ signal: 'SIGKILL', report: null })
      // What is half done is not taken for done.
      const storage = place.open()
      const answer = await storage.ping().then(
        () => 'usable',
        (error: unknown) => String(error),
      )
      const options = {
        ids: { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' },
        adopt: false,
        now: new Date('2031-03-11T12:00:00Z'),
      } as const
      const next = await storage.migrate(options)
      expect({ killAt, answer, version: next.version }).toEqual({
        killAt,
        answer: next.applied.length === 0 ? 'usable' : expect.stringContaining('migrate()'),
        version: latestVersion,
      })
      expect(await place.shape()).toEqual(expected)
      expect(await counts(place)).toEqual(rows)
      await storage.ping()
      await storage.close()
    }
  })
}
