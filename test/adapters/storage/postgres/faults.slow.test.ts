import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { isNotificationError } from '../../../../src/index.ts'
import { minutes } from '../../../conformance/storage/harness.ts'
import { newReminder, nextPlan, planCommand, planOne, planRow } from '../../../conformance/storage/rows.ts'
import { openPostgres, type PostgresServer, startPostgres } from '../../../support/postgres-server.ts'
import { postgres } from '../../../support/stores.ts'
import { holding, onServer } from './fixture.ts'

let server: PostgresServer
beforeAll(async () => {
  // Its connections are cut, and it is restarted.
  server = await (process.env['DATABASE_URL'] ? openPostgres() : startPostgres())
})
afterAll(() => server.stop())
const migrated = onServer(() => server)

describe('postgres, what a host did to the tables of the library', () => {
  it('is named where a trigger keeps rows from being changed', async () => {
    const { storage, pool, table } = await migrated({ busyTimeoutMs: 100 })
    await planOne(storage)
    const keep = table('kept')
    await pool.query(`create function ${keep}() returns trigger language plpgsql as $$ begin return null; end $$;
      create trigger keeps before update on ${table('appointment_reminders')} for each row execute function ${keep}()`)
    const cancelled = nextPlan(1, { plan: planRow({ revision: 2, status: 'cancelled' }), reminders: [] })
    await expect(storage.plans.apply([cancelled])).rejects.toMatchObject({
      code: 'storage_busy',
      message: expect.stringMatching(/"appointment_reminders" could not be changed.*trigger/),
    })
    await pool.query(`drop function ${keep} cascade`)
    expect(await storage.plans.apply([cancelled])).toMatchObject([{ status: 'applied' }])
  })

  it('is named where an index of its own keeps them from being inserted', async () => {
    const { storage, pool, table } = await migrated({ busyTimeoutMs: 100 })
    await pool.query(`create unique index only_one on ${table('reminder_plans')} ((true))`)
    await planOne(storage)
    const second = planCommand({ plan: planRow({ appointmentId: 2 }) })
    await expect(storage.plans.apply([second])).rejects.toMatchObject({
      code: 'storage_busy',
      message: expect.stringContaining('only_one'),
    })
  })
})

describe('postgres, what breaks', () => {
  it('leaves nothing half written when connections are killed under load, and works on', async () => {
    const { storage, pool, table } = await migrated()
    let over = false
    let killed = 0
    const killer = (async () => {
      while (!over) {
        const { rows } = await pool.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and application_name = 'appointment-notifications' and state <> 'idle' limit 1`,
        )
        killed += rows.length
        await wait(10)
      }
    })()
    const planned = (from: number) =>
      Array.from({ length: 200 }, (_, index) =>
        storage.plans.apply([
          planCommand({
            plan: planRow({ appointmentId: from + index }),
            reminders: [newReminder(), newReminder({ channel: 'SMS' })],
          }),
        ]),
      )
    const results = await Promise.allSettled(planned(1))
    // A quick machine has planned them before many were killed.
    while (killed <= 5) results.push(...(await Promise.allSettled(planned(results.length + 1))))
    over = true
    await killer
    for (const result of results) {
      if (result.status === 'rejected') {
        expect(isNotificationError(result.reason) && result.reason.code).toMatch(/^storage_(busy|failed)$/)
      } else expect(result.value[0]?.status).toMatch(/^(applied|conflict)$/)
    }
    const { rows } = await pool.query(`select plan.appointment_id,
        (select count(*)::int from ${table('appointment_reminders')} r where r.appointment_id = plan.appointment_id) as reminders,
        (select count(*)::int from ${table('notification_decisions')} d where d.appointment_id = plan.appointment_id) as decisions,
        (select count(*)::int from ${table('reminder_plan_recipients')} l where l.plan_id = plan.id) as links
      from ${table('reminder_plans')} plan`)
    for (const row of rows) expect(row).toMatchObject({ reminders: 2, decisions: 1, links: 1 })
    const applied = results.filter((one) => one.status === 'fulfilled' && one.value[0]?.status === 'applied').length
    expect(rows.length).toBeGreaterThanOrEqual(applied)
    expect((await pool.query(`select 1 from ${table('appointment_reminders')}`)).rows).toHaveLength(rows.length * 2)
    await planOne(storage, { plan: planRow({ appointmentId: 1_000_000 }) })
  })

  it('waits for a server that restarts, hears again afterwards, and looks once for what it missed', async ({
    skip,
  }) => {
    if (process.env['DATABASE_URL']) return skip('the server of DATABASE_URL is not restarted')
    const { storage, another } = await migrated()
    const other = await another()
    let heard = 0
    const stop = storage.onForeignChange?.(() => {
      heard += 1
    })
    await storage.ping()
    const restarted = server.restart()
    const made = storage.plans.apply([planCommand()])
    await restarted
    expect(await made).toMatchObject([{ status: 'applied' }])
    await expect.poll(() => heard, { timeout: 10_000 }).toBeGreaterThan(0)
    heard = 0
    await planOne(other, {
      plan: planRow({ appointmentId: 2 }),
      reminders: [newReminder({ reminderTime: minutes(-9) })],
    })
    await expect.poll(() => heard, { timeout: 10_000 }).toBe(1)
    stop?.()
  })

  it.each([
    ['its connections forget what they prepared', async (pool: pg.Pool) => void (await pool.query('deallocate all'))],
    [
      'a table gets another column',
      async (pool: pg.Pool, table: (name: string) => string) =>
        void (await pool.query(`alter table ${table('reminder_plans')} add column note text`)),
    ],
  ])('works on, whole, when %s', async (_, happen) => {
    const { schema, pool, table } = await migrated()
    // One connection, which the host uses too.
    const one = new pg.Pool({ connectionString: server.url, max: 1 })
    one.on('error', () => {})
    const storage = postgres({ pool: one, schema })
    onTestFinished(async () => {
      await storage.close()
      await one.end()
    })
    await planOne(storage)
    const { rows: prepared } = await one.query('select name from pg_prepared_statements')
    expect(prepared.length).toBeGreaterThan(5)
    await happen(one, table)
    await storage.plans.apply([nextPlan(1)])
    await planOne(storage, { plan: planRow({ appointmentId: 2 }) })
    const { rows } = await pool.query(`select revision::int from ${table('reminder_plans')} order by id`)
    expect(rows).toEqual([{ revision: 2 }, { revision: 1 }])
  })

  it('works on where several connections find out at once that a table has another column', async () => {
    const { storage, pool, table } = await migrated()
    const all = (revision: number) =>
      Promise.all(
        Array.from({ length: 8 }, (_, index) => {
          const plan = planRow({ appointmentId: index + 1, revision })
          return storage.plans.apply([revision === 1 ? planCommand({ plan }) : nextPlan(revision - 1, { plan })])
        }),
      )
    for (let revision = 1; revision <= 4; revision += 1) await all(revision)
    await pool.query(`alter table ${table('reminder_plans')} add column note text`)
    expect((await all(5)).flat()).toMatchObject(Array.from({ length: 8 }, () => ({ status: 'applied' })))
  })

  it('tells busy from broken, and says when the tables are gone', async () => {
    const { storage, pool, schema, table } = await migrated({ busyTimeoutMs: 100 })
    await planOne(storage)
    const release = await holding(pool, `select 1 from ${table('reminder_plans')} for update`)
    await expect(storage.plans.apply([nextPlan(1)])).rejects.toMatchObject({ code: 'storage_busy' })
    await release()
    expect(await storage.plans.apply([nextPlan(1)])).toMatchObject([{ status: 'applied' }])
    const unreachable = postgres({ url: 'postgres://nobody:secret@127.0.0.1:1/none', busyTimeoutMs: 50 })
    const refused = await unreachable.ping().catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'storage_busy', message: expect.stringContaining('could not be reached') })
    expect(String(refused)).not.toContain('secret')
    await pool.query(`drop table ${table('replan_jobs')}`)
    await expect(storage.ping()).rejects.toMatchObject({ code: 'migration_missing' })
    await pool.query(`drop schema "${schema.replaceAll('"', '""')}" cascade`)
    await expect(storage.ping()).rejects.toMatchObject({ code: 'migration_missing' })
  })
})
