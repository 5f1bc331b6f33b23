import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { postgres } from '../../../../adapters/storage/postgres.ts'
import { isNotificationError, type Storage } from '../../../../src/index.ts'
import { migration, minutes, t0 } from '../../../conformance/storage/harness.ts'
import {
  guard,
  newReminder,
  nextPlan,
  noPreferences,
  noSettings,
  organizationId,
  patient,
  planCommand,
  planOne,
  planRow,
  reminderWork,
  sendIntent,
  settleCommand,
} from '../../../conformance/storage/rows.ts'
import { openPostgres, type PostgresServer } from '../../../support/postgres-server.ts'
import { freshSchema, opener } from './fixture.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())

async function migrated(tuning: Parameters<ReturnType<typeof opener>>[0] = {}) {
  const harness = await opener(() => server, 'url')(tuning)
  const storages = [harness.storage]
  onTestFinished(async () => {
    for (const storage of storages) await storage.close()
    await harness.dispose?.()
  })
  await harness.storage.migrate(migration())
  const another = async () => {
    const storage = (await harness.another?.()) ?? harness.storage
    storages.push(storage)
    return storage
  }
  return { ...harness, another, table: (name: string) => `"${harness.schema.replaceAll('"', '""')}".${name}` }
}

const planMany = (storage: Storage, count: number) =>
  storage.plans.apply(
    Array.from({ length: count }, (_, index) => planCommand({ plan: planRow({ appointmentId: index + 1 }) })),
  )

/** What a dispatcher does, without the sending: until nothing is due. Returns the ids of the reminders it won. */
async function sendAll(storage: Storage): Promise<number[]> {
  const won: number[] = []
  for (;;) {
    const due = await storage.reminders.due(t0, 200)
    if (due.length === 0) return won
    const outcomes = await storage.deliveries.commitIntents(
      due.map((row) =>
        sendIntent(reminderWork(row.id), {
          guard: guard({ plan: { organizationId, appointmentId: row.appointmentId, revision: 1 } }),
        }),
      ),
      t0,
    )
    const mine = outcomes.flatMap((outcome) =>
      outcome.status === 'committed' && outcome.delivery !== null ? [outcome.delivery] : [],
    )
    won.push(...mine.map((row) => row.reminderId ?? 0))
    await storage.deliveries.settle(mine.map((row) => settleCommand(row)))
  }
}

/** Resolves when a connection waits for a lock, so that a test knows how far a command has come. */
async function waiting(pool: pg.Pool, count = 1): Promise<void> {
  for (;;) {
    const { rows } = await pool.query(
      `select 1 from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'appointment-notifications'`,
    )
    if (rows.length >= count) return
    await wait(5)
  }
}

/** A host's connection that holds something until it is let go. */
async function holding(pool: pg.Pool, sql: string) {
  const client = await pool.connect()
  await client.query('begin')
  await client.query(sql)
  return async () => {
    await client.query('rollback')
    client.release()
  }
}

describe('postgres, several at once', () => {
  it('sends each of 2,000 due reminders once from several pools', async () => {
    const { storage, another } = await migrated()
    await planMany(storage, 2000)
    const won = (await Promise.all([storage, await another(), await another()].map(sendAll))).flat()
    expect(won).toHaveLength(2000)
    expect(new Set(won).size).toBe(2000)
    expect(await storage.deliveries.list({ limit: 1, offset: 0 })).toMatchObject({ total: 2000 })
    expect(await storage.statistics.countsByDay({})).toMatchObject([{ measure: 'SENT', count: 2000 }])
  })

  it('a cancel and a claim at once have one winner, and the cancel is told of the other', async () => {
    const { storage, another } = await migrated()
    const canceller = await another()
    await planMany(storage, 100)
    const due = await storage.reminders.due(t0, 1000)
    const claims = storage.deliveries.commitIntents(
      due.map((row) =>
        sendIntent(reminderWork(row.id), {
          guard: guard({ plan: { organizationId, appointmentId: row.appointmentId, revision: 1 } }),
        }),
      ),
      t0,
    )
    const cancels = Promise.all(
      due.map(async ({ appointmentId }) => {
        const plan = planRow({ appointmentId, status: 'cancelled', cancelReason: 'appointment_cancelled', revision: 2 })
        const [outcome] = await canceller.plans.apply([nextPlan(1, { plan, reminders: [] })])
        return outcome
      }),
    )
    const [outcomes, results] = await Promise.all([claims, cancels])
    for (const [index, result] of results.entries()) {
      const won = outcomes[index]?.status === 'committed'
      expect(result).toMatchObject({ status: 'applied', inFlight: won ? 1 : 0 })
    }
  })

  const absent = {
    preferences: {
      table: 'patient_notification_preferences',
      make: (storage: Storage) => storage.preferences.create(organizationId, patient, noPreferences, null, t0),
    },
    settings: {
      table: 'notification_settings',
      make: (storage: Storage) => storage.settings.create(organizationId, noSettings, null, t0),
    },
  } as const
  for (const [what, { table: name, make }] of Object.entries(absent)) {
    it(`${what} that are made while an intent commits without them wait for it`, async () => {
      const { storage, another, pool, table } = await migrated()
      const id = await planOne(storage)
      const release = await holding(pool, `select 1 from ${table('appointment_reminders')} for update`)
      const order: string[] = []
      const claim = storage.deliveries.commitIntents([sendIntent(reminderWork(id))], t0).then((outcomes) => {
        order.push('claim')
        return outcomes
      })
      await waiting(pool)
      const made = make(await another()).then(() => order.push('made'))
      await waiting(pool, 2)
      await release()
      await made
      expect(await claim).toMatchObject([{ status: 'committed' }])
      expect(order).toEqual(['claim', 'made'])
    })

    it(`${what} that are being made defeat an intent that saw none`, async () => {
      const { storage, another, pool, table } = await migrated()
      const id = await planOne(storage)
      const release = await holding(pool, `lock table ${table(name)} in share mode`)
      const made = make(await another())
      await waiting(pool)
      const claim = storage.deliveries.commitIntents([sendIntent(reminderWork(id))], t0)
      await waiting(pool, 2)
      await release()
      expect(await made).not.toBeNull()
      expect(await claim).toEqual([{ status: 'lost' }])
    })
  }

  it('a page of a re-plan waits for plans that are being inserted', async () => {
    const { storage, another, pool, table } = await migrated()
    await storage.settings.create(organizationId, noSettings, { organizationId, recipient: null }, t0)
    // The plan has its id before it waits: to write its decision comes last.
    const release = await holding(pool, `lock table ${table('notification_decisions')} in share mode`)
    const first = storage.plans.apply([planCommand()])
    await waiting(pool)
    const page = (await another()).plans.nextReplanPage(t0, 10)
    await waiting(pool, 2)
    await release()
    await first
    expect((await page)?.plans).toHaveLength(1)
  })

  it('migrates once under five starters, into a schema that was not there', async () => {
    const schema = freshSchema()
    const starters = Array.from({ length: 5 }, () => postgres({ url: server.url, schema }))
    const reports = await Promise.all(starters.map((one) => one.migrate(migration())))
    expect(reports.filter((report) => report.applied.length > 0)).toHaveLength(1)
    for (const one of starters) {
      await one.ping()
      await one.close()
    }
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
           where application_name = 'appointment-notifications' and state <> 'idle' limit 1`,
        )
        killed += rows.length
        await wait(10)
      }
    })()
    const results = await Promise.allSettled(
      Array.from({ length: 200 }, (_, index) =>
        storage.plans.apply([
          planCommand({
            plan: planRow({ appointmentId: index + 1 }),
            reminders: [newReminder(), newReminder({ channel: 'SMS' })],
          }),
        ]),
      ),
    )
    over = true
    await killer
    expect(killed).toBeGreaterThan(5)
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
    await planOne(storage, { plan: planRow({ appointmentId: 1000 }) })
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

describe('postgres, what others are told', () => {
  it('is told of what becomes due earlier than all before, and of nothing else', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    let heard = 0
    let own = 0
    const stops = [
      other.onForeignChange?.(() => {
        heard += 1
      }),
      storage.onForeignChange?.(() => {
        own += 1
      }),
    ]
    await other.ping()
    await expect
      .poll(async () => {
        await storage.plans.forgetAppointment(1, [], t0)
        await planOne(storage, {
          plan: planRow({ appointmentId: 1 }),
          reminders: [newReminder({ reminderTime: minutes(50) })],
        })
        return heard
      })
      .toBeGreaterThan(0)
    await planOne(storage, {
      plan: planRow({ appointmentId: 2 }),
      reminders: [newReminder({ reminderTime: minutes(60) })],
    })
    const before = heard
    await planOne(storage, {
      plan: planRow({ appointmentId: 3 }),
      reminders: [newReminder({ reminderTime: minutes(40) })],
    })
    await expect.poll(() => heard).toBe(before + 1)
    await storage.deliveries.commitIntents([], t0)
    expect(heard).toBe(before + 1)
    expect(own).toBe(0)
    for (const stop of stops) stop?.()
  })
})

describe('postgres, what looking for due work costs', () => {
  it('stays small with 200,000 pending', async () => {
    const { storage, pool, table } = await migrated()
    await planOne(storage)
    await pool.query(
      `insert into ${table('appointment_reminders')} (appointment_id, reminder_type, reminder_time,
        hours_before_appointment, status, created_at, updated_at, organization_id, recipient_type, recipient_id, "offset",
        starts_at, due_at, live)
      select 1000 + i, 'EMAIL', $1::timestamptz + i * interval '1 second', 24, 'PENDING', $1, $1, 'o', 'PATIENT', i, '24h', $1,
        $1::timestamptz + i * interval '1 second', 1 from generate_series(1, 200000) i`,
      [minutes(10)],
    )
    await pool.query(`analyze ${table('appointment_reminders')}`)
    const began = performance.now()
    expect(await storage.reminders.due(t0, 100)).toHaveLength(1)
    expect(await storage.reminders.due(minutes(12), 50)).toHaveLength(50)
    expect(await storage.deliveries.nextDueAt()).toEqual(t0)
    await planOne(storage, { plan: planRow({ appointmentId: 2 }) })
    // Reading 200,000 rows takes many times as long, also on a fast machine.
    expect(performance.now() - began).toBeLessThan(300)
  })
})
