import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { dueDeliveries, dueReminders, migration, minutes, t0 } from '../../../conformance/storage/harness.ts'
import { newReminder, planCommand } from '../../../conformance/storage/rows.ts'
import { sqlite } from '../../../support/stores.ts'

async function withPending(count: number) {
  const database = new Database(':memory:')
  const storage = sqlite({ database })
  await storage.migrate(migration())
  await storage.plans.apply([planCommand({ reminders: [newReminder()] })])
  database.exec(`
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count})
    insert into appointment_reminders (appointment_id, reminder_type, reminder_time, hours_before_appointment, status,
      created_at, updated_at, organization_id, recipient_type, recipient_id, "offset", starts_at, due_at, live)
    select 1000 + i, 'EMAIL', ${minutes(10).getTime()} + i, 24, 'PENDING', 0, 0, 'o', 'PATIENT', i, '24h',
      ${minutes(999).getTime()}, ${minutes(10).getTime()} + i, 1 from n`)
  return { database, storage }
}

/** The fastest of many: what it costs when nothing else happens on the machine. */
async function fastest(work: () => Promise<unknown>, rounds = 300): Promise<number> {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round += 1) {
    const before = performance.now()
    await work()
    best = Math.min(best, performance.now() - before)
  }
  return best
}

describe('sqlite, what looking for due work costs', () => {
  it('is the same with 200 and with 200,000 pending', async () => {
    const few = await withPending(200)
    const many = await withPending(200_000)
    const look = (storage: typeof few.storage) => async () => {
      expect(await dueReminders(storage, t0, 100)).toHaveLength(1)
      await storage.deliveries.nextDueAt()
      await dueDeliveries(storage, t0, 100)
    }
    const [fast, slow] = [await fastest(look(few.storage)), await fastest(look(many.storage))]
    // Reading all pending rows would cost a thousand times as much.
    expect(slow).toBeLessThan(fast * 5 + 0.2)
    for (const { storage, database } of [few, many]) {
      await storage.close()
      database.close()
    }
  }, 30_000)

  it('of the times of a window, is that of the times, not of the rows that share one', async () => {
    const few = await withPending(200)
    const many = await withPending(200_000)
    for (const { database } of [few, many])
      database.exec(`update appointment_reminders set due_at = due_at / 60000 * 60000`)
    const look = (storage: typeof few.storage) => async () => {
      expect((await storage.deliveries.dueTimes(t0, minutes(12), 100)).length).toBeGreaterThan(0)
    }
    const [fast, slow] = [await fastest(look(few.storage)), await fastest(look(many.storage))]
    expect(slow).toBeLessThan(fast * 5 + 0.2)
    for (const { storage, database } of [few, many]) {
      await storage.close()
      database.close()
    }
  }, 30_000)

  it('of a look past a queue that hides the others, is small with 5,000 organizations', async () => {
    const { database, storage } = await withPending(600)
    database.exec(`
      update appointment_reminders set due_at = ${t0.getTime()}, organization_id = 'hiding';
      with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000)
      insert into appointment_reminders (appointment_id, reminder_type, reminder_time, hours_before_appointment, status,
        created_at, updated_at, organization_id, recipient_type, recipient_id, "offset", starts_at, due_at, live)
      select 5000 + i, iif(i % 2, 'EMAIL', 'SMS'), 0, 24, 'PENDING', 0, 0, 'o' || (i / 2), 'PATIENT', i, '24h',
        ${minutes(999).getTime()}, iif(i = 7777, ${t0.getTime()}, ${minutes(10).getTime()}), 1 from n`)
    const look = async () => {
      const page = await storage.reminders.due({ now: t0, limit: 500 })
      expect(page.rows.filter((row) => row.organizationId !== 'hiding')).toMatchObject([{ appointmentId: 12_777 }])
    }
    // A call for each queue takes half a second, in which nothing else is done.
    expect(await fastest(look, 20)).toBeLessThan(150)
    await storage.close()
    database.close()
  }, 30_000)

  it('reads by the partial indexes, in order, without sorting all of it', async () => {
    const { database, storage } = await withPending(10)
    const seen: string[] = []
    const watched = new Proxy(database, {
      get(target, name) {
        const value = Reflect.get(target, name)
        if (name === 'prepare') {
          return (sql: string) => {
            seen.push(sql)
            return target.prepare(sql)
          }
        }
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const spied = sqlite({ database: watched })
    await dueReminders(spied, t0, 10)
    await dueDeliveries(spied, t0, 10)
    await spied.deliveries.nextDueAt()
    await spied.deliveries.dueTimes(t0, minutes(1), 10)
    const plans = seen
      .filter((sql) => sql.includes('due_at'))
      .map((sql) => {
        const parameters = Array.from({ length: sql.split('?').length - 1 }, () => 1)
        const rows = database.prepare<unknown[], { detail: string }>(`explain query plan ${sql}`).all(...parameters)
        return rows.map((row) => row.detail).join('; ')
      })
    expect(plans).toHaveLength(4)
    for (const plan of plans) {
      expect(plan).toMatch(/USING (COVERING )?INDEX (appointment_reminders|notification_history)_due/)
      expect(plan).not.toMatch(/USE TEMP B-TREE/)
    }
    await spied.close()
    await storage.close()
    database.close()
  })
})
