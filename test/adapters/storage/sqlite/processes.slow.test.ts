import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { connect } from '../../../../adapters/storage/sqlite/connection.ts'
import { migration, t0 } from '../../../conformance/storage/harness.ts'
import { organizationId, planCommand, planRow } from '../../../conformance/storage/rows.ts'
import { sqlite } from '../../../support/stores.ts'
import { temporaryFile } from './fixture.ts'

const run = promisify(execFile)
const claimer = fileURLToPath(new URL('claimer.ts', import.meta.url))

it('pain 10: sends every reminder once from several processes on one file', async () => {
  const { path, remove } = await temporaryFile()
  const storage = sqlite(path)
  await storage.migrate(migration())
  const count = 400
  await storage.plans.apply(
    Array.from({ length: count }, (_, index) => planCommand({ plan: planRow({ appointmentId: index + 1 }) })),
  )
  const outputs = await Promise.all([1, 2, 3].map(() => run(process.execPath, [claimer, path, String(t0.getTime())])))
  const won = outputs.map(({ stdout }): number => JSON.parse(stdout).won)
  expect(won.reduce((sum, one) => sum + one, 0)).toBe(count)
  expect(await storage.deliveries.list({ organizationId, limit: 1, offset: 0 })).toMatchObject({ total: count })
  expect(await storage.statistics.countsByDay({})).toMatchObject([{ measure: 'SENT', count }])
  await storage.close()
  await remove()
}, 30_000)

it('commits durably: WAL with synchronous=FULL, and never waits inside SQLite', async () => {
  const { path, remove } = await temporaryFile()
  const storage = sqlite(path)
  await storage.migrate(migration())
  await storage.close()
  const { database } = await connect({ path })
  const pragma = (name: string) => database.pragma(name, { simple: true })
  expect({ mode: pragma('journal_mode'), full: pragma('synchronous'), wait: pragma('busy_timeout') }).toEqual({
    mode: 'wal',
    full: 2,
    wait: 0,
  })
  database.close()
  await remove()
})
