import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Store } from '../../../../src/records/store.ts'
import { minutes } from '../../../conformance/storage/harness.ts'
import { storageConformance } from '../../../conformance/storage/index.ts'
import { newReminder, planCommand, planOne, planRow } from '../../../conformance/storage/rows.ts'
import { LogBook } from '../../../support/clinic.ts'
import { hasPgBouncer, type PgBouncer, startPgBouncer } from '../../../support/pgbouncer.ts'
import { openPostgres, type PostgresServer } from '../../../support/postgres-server.ts'
import { postgres } from '../../../support/stores.ts'
import { onServer, reusing } from './fixture.ts'

describe.skipIf(!hasPgBouncer)('behind PgBouncer in transaction mode', () => {
  let server: PostgresServer
  let pooler: PgBouncer
  beforeAll(async () => {
    server = await openPostgres()
    pooler = await startPgBouncer(server.url)
  })
  afterAll(async () => {
    await pooler.stop()
    await server.stop()
  })
  const pooled = (): PostgresServer => ({ ...server, url: pooler.url })
  const migrated = onServer(pooled)

  storageConformance({
    name: 'postgres, a URL',
    open: reusing(pooled, 'url'),
    only: ['claims', 'races', 're-plans', 'jobs'],
  })
  storageConformance({ name: 'postgres, a pool', open: reusing(pooled, 'pool'), only: ['claims', 'jobs'] })

  const planMany = (storage: Store, first: number) =>
    Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        storage.plans.apply([planCommand({ plan: planRow({ appointmentId: first + index }) })]),
      ),
    )

  it('leaves nothing of its own on connections that others get', async () => {
    const { storage, another, pool } = await migrated()
    await Promise.all([planMany(storage, 1), planMany(await another(), 100)])
    await storage.ping()
    // All of the pooler's connections at once, each as the next one finds it.
    const direct = new pg.Pool({ connectionString: server.url, max: 1 })
    onTestFinished(() => direct.end())
    const names = [
      'statement_timeout',
      'lock_timeout',
      'idle_in_transaction_session_timeout',
      'DateStyle',
      'enable_seqscan',
    ]
    const shown = `select ${names.map((name) => `current_setting('${name}') as "${name}"`).join(', ')}, pg_backend_pid() as pid`
    const { rows: fresh } = await direct.query(shown)
    const clients = await Promise.all([pool.connect(), pool.connect(), pool.connect()])
    const found = await Promise.all(
      clients.map(async (client) => {
        await client.query('begin')
        return (await client.query(shown)).rows[0]
      }),
    )
    for (const client of clients) {
      await client.query('rollback')
      client.release()
    }
    expect(new Set(found.map(({ pid }) => pid)).size).toBe(3)
    for (const { pid: _, ...row } of found) expect({ pid: 0, ...row }).toEqual({ ...fresh[0], pid: 0 })
  })

  it('finds out that it hears nothing, and says so once', async () => {
    const { storage } = await migrated()
    const log = new LogBook()
    onTestFinished(storage.onForeignChange?.(() => {}, log) ?? (() => {}))
    await planOne(storage, { reminders: [newReminder({ reminderTime: minutes(-5) })] })
    await expect
      .poll(() => log.lines, { timeout: 5000 })
      .toEqual([expect.stringContaining('pooler in transaction mode')])
  })

  it('works on with the host, which uses the same pooler for transactions of its own', async () => {
    const { schema, pool } = await migrated()
    const storage = postgres({ pool, schema })
    onTestFinished(() => storage.close())
    const client = await pool.connect()
    await client.query('begin')
    const booked = await storage.within?.(client).plans.apply([planCommand()])
    expect(booked).toMatchObject([{ status: 'applied' }])
    await planMany(storage, 200)
    await client.query('commit')
    client.release()
    expect(await storage.plans.find([100])).toHaveLength(1)
  })
})
