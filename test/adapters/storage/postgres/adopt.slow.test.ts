import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { migration } from '../../../conformance/storage/harness.ts'
import { claimOne, newDelivery, organizationId, planOne, queue } from '../../../conformance/storage/rows.ts'
import { openPostgres, type PostgresServer } from '../../../support/postgres-server.ts'
import { opener } from './fixture.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())

const adopting = { ...migration(), adopt: true }

async function withTables(sql: string) {
  const harness = await opener(() => server, 'pool')()
  onTestFinished(async () => {
    await harness.storage.close()
    await harness.close()
  })
  const schema = `"${harness.schema.replaceAll('"', '""')}"`
  await harness.pool.query(`create schema ${schema}; set search_path to ${schema}; ${sql}; reset search_path`)
  return { ...harness, table: (name: string) => `${schema}.${name}` }
}

const history = (columns: string) => `create table notification_history (id serial primary key, ${columns})`

describe('postgres, tables of somebody else', () => {
  it('says of the documented table which columns stand in the way, and what would make them fit', async () => {
    const { storage, hasTable } = await withTables(`create table appointment_reminders (
        id serial primary key, appointment_id integer not null, reminder_type varchar(10) not null,
        reminder_time timestamp with time zone not null, hours_before_appointment integer not null, subject varchar(255),
        message text not null, status varchar(20) default 'PENDING', sent_at timestamp with time zone, error_message text,
        task_manager_task_id integer, task_manager_execution_id integer,
        created_at timestamp with time zone default now(), updated_at timestamp with time zone default now(),
        note text not null);
      insert into appointment_reminders (appointment_id, reminder_type, reminder_time, hours_before_appointment, message, note)
        values (1, 'EMAIL', now(), 24, 'Hello', 'n')`)
    const refused = await storage.migrate(adopting).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'migration_refused' })
    for (const part of [
      'column note is NOT NULL without a default',
      'alter column "message" drop not null',
      'alter column "hours_before_appointment" type numeric',
      'alter column "task_manager_task_id" type text',
      'lacks the column organization_id that every row needs',
    ]) {
      expect(String(refused)).toContain(part)
    }
    expect(await hasTable?.('reminder_plans')).toBe(false)
  })

  it('makes an empty table without columns of its own anew', async () => {
    const { storage } = await withTables(
      history("status varchar(20) default 'SENT', sent_at timestamptz default now()"),
    )
    await storage.migrate(adopting)
    const [row] = await queue(storage, [newDelivery()])
    expect(await storage.deliveries.get(row?.id ?? 0)).toMatchObject({ status: null, sentAt: null })
  })

  it('adopts a table with columns of its own, and works on it', async () => {
    const { storage, pool, table } = await withTables(
      history(`clinic_note text, recipient_email varchar, status varchar(20) default 'SENT', sent_at timestamptz default now(),
        appointment_id bigint, created_at timestamptz not null default now()`),
    )
    await storage.migrate(adopting)
    const held = await claimOne(storage)
    expect(await storage.deliveries.get(held.id)).toEqual(held)
    expect(held).toMatchObject({ status: null, sentAt: null })
    expect((await storage.deliveries.list({ organizationId, limit: 5, offset: 0 })).total).toBe(1)
    const { rows } = await pool.query(`select clinic_note from ${table('notification_history')}`)
    expect(rows).toEqual([{ clinic_note: null }])
  })

  it('removes CHECKs that list words, and no others', async () => {
    const { storage, pool, table } = await withTables(
      history(`clinic_note text check (clinic_note <> ''), status varchar(20) check (status in ('SENT', 'FAILED')),
        notification_type varchar(10) constraint known check (notification_type in ('EMAIL', 'SMS')), sent_at timestamptz,
        check (status <> 'SENT' or sent_at is not null)`),
    )
    await storage.migrate(adopting)
    await claimOne(storage)
    await pool.query(`update ${table('notification_history')} set notification_type = 'WHATSAPP', status = 'READ'`)
    const { rows } = await pool.query<{ definition: string }>(
      `select pg_get_constraintdef(oid) as definition from pg_constraint where contype = 'c' and conrelid = $1::regclass order by 1`,
      [table('notification_history')],
    )
    expect(rows.map(({ definition }) => definition)).toEqual([
      expect.stringContaining('sent_at IS NOT NULL'),
      expect.stringContaining('clinic_note'),
    ])
  })

  it('refuses rows of which there may be one only, before anything is changed', async () => {
    const { storage, hasTable } = await withTables(`create table notification_settings (id serial primary key,
      organization_id text not null, revision bigint not null, created_at timestamptz not null, updated_at timestamptz not null);
      insert into notification_settings (organization_id, revision, created_at, updated_at)
        select 'twice', 1, now(), now() from generate_series(1, 2)`)
    await expect(storage.migrate(adopting)).rejects.toThrow(/several rows with the same organization_id/)
    expect(await hasTable?.('reminder_plans')).toBe(false)
  })

  it('stores the documented types', async () => {
    const { storage, pool, table } = await withTables('select 1')
    await storage.migrate(migration())
    await planOne(storage)
    const { rows } = await pool.query<{ column: string; type: string }>(
      `select attname as column, format_type(atttypid, atttypmod) as type from pg_attribute
       where attrelid = any(array[$1, $2]::regclass[]) and attnum > 0`,
      [table('appointment_reminders'), table('notification_settings')],
    )
    expect(Object.fromEntries(rows.map(({ column, type }) => [column, type]))).toMatchObject({
      id: 'integer',
      appointment_id: 'bigint',
      reminder_time: 'timestamp(3) with time zone',
      hours_before_appointment: 'numeric',
      email_enabled: 'boolean',
      default_email_reminders: 'jsonb',
      email_smtp_port: 'bigint',
      organization_id: 'text',
    })
    const { rows: raw } = await pool.query(`select reminder_time, live from ${table('appointment_reminders')}`)
    expect(raw).toEqual([{ reminder_time: new Date('2031-03-10T12:00:00.000Z'), live: '1' }])
  })
})
