import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { migration, t0 } from '../../../conformance/storage/harness.ts'
import {
  commit,
  newReminder,
  noSettings,
  organizationId,
  planCommand,
  planOne,
  reminderWork,
  sendIntent,
} from '../../../conformance/storage/rows.ts'
import { sqlite } from '../../../support/stores.ts'

const adopting = { ...migration(), adopt: true }

/** The documented table, as a host on SQLite has it. */
const documentedReminders = `create table appointment_reminders (
  id integer primary key,
  appointment_id integer not null,
  reminder_type varchar(10) not null check (reminder_type in ('EMAIL', 'SMS', 'BOTH')),
  reminder_time timestamp not null,
  hours_before_appointment integer not null,
  subject varchar(255),
  message text not null,
  status varchar(20) default 'PENDING',
  sent_at timestamp,
  error_message text,
  task_manager_task_id integer,
  task_manager_execution_id integer,
  created_at timestamp,
  updated_at timestamp
)`

describe('sqlite, adopting tables', () => {
  let database: Database.Database
  beforeEach(() => {
    database = new Database(':memory:')
  })
  afterEach(() => {
    database.close()
  })

  it('makes an empty documented table its own', async () => {
    database.exec(documentedReminders)
    const storage = sqlite({ database })
    expect((await storage.migrate(adopting)).applied).toContain('reminders_and_history')
    const id = await planOne(storage, { reminders: [newReminder({ hoursBefore: 0.5 })] })
    expect(await storage.reminders.get(id)).toMatchObject({ message: null, hoursBefore: 0.5 })
    expect(await commit(storage, sendIntent(reminderWork(id)))).not.toBeNull()
    await storage.close()
  })

  it('adds what is missing to a table with columns and rows of the host', async () => {
    database.exec(`create table notification_settings (
      id integer primary key, organization_id text not null, email_enabled boolean, revision integer not null,
      created_at integer not null, updated_at integer not null, colour text)`)
    database.exec(`insert into notification_settings values (7, 'mine', 0, 1, 5, 6, 'blue')`)
    const storage = sqlite({ database })
    await storage.migrate(adopting)
    expect(await storage.settings.get(['mine'])).toMatchObject([
      { ...noSettings, id: 7, emailEnabled: false, createdAt: new Date(5) },
    ])
    expect(await storage.settings.create(organizationId, noSettings, null, t0)).not.toBeNull()
    expect(await storage.settings.create('mine', noSettings, null, t0)).toBeNull()
    expect(database.prepare(`select colour from notification_settings where id = 7`).get()).toEqual({ colour: 'blue' })
    await storage.close()
  })

  const refusals: Record<string, { sql: string; says: RegExp }> = {
    'rows that nobody is the recipient of': {
      sql: `${documentedReminders}; insert into appointment_reminders (appointment_id, reminder_type, reminder_time, hours_before_appointment, message) values (1, 'EMAIL', 1, 24, 'm')`,
      says: /appointment_reminders cannot be adopted: .*lacks the column organization_id/,
    },
    'a column that must be empty at times': {
      sql: `create table notification_history (id integer primary key, subject text not null, mine text)`,
      says: /column subject is NOT NULL/,
    },
    'a column of the host that must be filled': {
      sql: `create table notification_history (id integer primary key, colour text not null)`,
      says: /column colour is NOT NULL without a default/,
    },
    'a type that would change text': {
      sql: `create table notification_settings (id integer primary key, organization_id uuid not null, mine text)`,
      says: /organization_id is declared uuid.*must be TEXT/i,
    },
    'instants of another form': {
      sql: `create table patient_notification_preferences (id integer primary key, patient_id integer not null, organization_id text not null, revision integer not null, created_at timestamp not null, updated_at integer not null, mine text);
        insert into patient_notification_preferences values (1, 2, 'o', 1, '2031-03-10 12:00:00', 5, null)`,
      says: /column created_at holds text.*integer milliseconds/,
    },
    'no primary key to number rows by': {
      sql: `create table notification_history (id text primary key, mine text)`,
      says: /column id is not INTEGER PRIMARY KEY/,
    },
    'ids of two rows where there may be one': {
      sql: `create table notification_settings (id integer primary key, organization_id text not null, revision integer not null, created_at integer not null, updated_at integer not null, mine text);
        insert into notification_settings values (1, 'o', 1, 5, 5, null), (2, 'o', 1, 5, 5, null)`,
      says: /notification_settings.*organization_id/,
    },
  }
  for (const [what, { sql, says }] of Object.entries(refusals)) {
    it(`refuses ${what}, names it and changes nothing`, async () => {
      database.exec(sql)
      const schema = () => database.prepare('select name, sql from sqlite_master order by name').all()
      const before = schema()
      const storage = sqlite({ database })
      const refused = storage.migrate(adopting)
      await expect(refused).rejects.toMatchObject({ code: 'migration_refused' })
      await expect(refused).rejects.toThrow(says)
      expect(schema()).toEqual(before)
      await storage.close()
    })
  }

  it('does not adopt unless told to', async () => {
    database.exec(documentedReminders)
    const storage = sqlite({ database })
    await expect(storage.migrate(migration())).rejects.toThrow(/adopt: true/)
    await expect(storage.plans.apply([planCommand()])).rejects.toMatchObject({ code: 'migration_missing' })
    await storage.close()
  })

  it('removes CHECKs that list words from a table with rows, and nothing else of the host', async () => {
    database.pragma('foreign_keys = on')
    database.exec(`create table patients (id integer primary key);
      insert into patients values (12);
      create table notification_settings (
        id integer primary key, organization_id text not null, sms_provider text,
        unknown_outcome text constraint known check (unknown_outcome in ('retry', 'hold')), colour text check (colour <> ''),
        past_reminders text, patient integer references patients (id) on delete cascade,
        revision integer not null, created_at integer not null, updated_at integer not null,
        check (past_reminders in ('skip', 'send_now')));
      create table notes (settings_id integer references notification_settings (id) on delete cascade, text text);
      create index by_colour on notification_settings (colour);
      create view settings_seen as select id, colour from notification_settings;
      create table changes (what text);
      create trigger seen after update on notification_settings begin insert into changes values (new.colour); end;
      insert into notification_settings values (7, 'mine', null, 'hold', 'blue', 'skip', 12, 1, 5, 6);
      insert into notes values (7, 'kept')`)
    const storage = sqlite({ database })
    await storage.migrate(adopting)
    database.exec(`update notification_settings set unknown_outcome = 'ask', past_reminders = 'later' where id = 7`)
    expect(() => database.exec(`update notification_settings set colour = ''`)).toThrow(/CHECK/)
    expect(database.prepare('select * from changes').all()).toEqual([{ what: 'blue' }])
    expect(database.prepare('select * from settings_seen').all()).toEqual([{ id: 7, colour: 'blue' }])
    expect(database.prepare('select * from notes').all()).toEqual([{ settings_id: 7, text: 'kept' }])
    expect(database.prepare(`select name from pragma_index_list('notification_settings')`).pluck().all()).toContain(
      'by_colour',
    )
    expect(database.pragma('foreign_keys', { simple: true })).toBe(1)
    expect(database.pragma('foreign_key_check')).toEqual([])
    database.exec('delete from patients')
    expect(database.prepare('select * from notes').all()).toEqual([])
    await storage.close()
  })

  it.each([true, false])('leaves a connection in the mode that its host chose: unsafe %s', async (isUnsafe) => {
    database.exec(`create table notification_settings (
      id integer primary key, organization_id text not null, revision integer not null, created_at integer not null,
      updated_at integer not null, past_reminders text check (past_reminders in ('skip')), colour text);
      insert into notification_settings values (7, 'mine', 1, 5, 6, 'skip', 'blue')`)
    database.unsafeMode(isUnsafe)
    const storage = sqlite({ database })
    await storage.migrate(adopting)
    database.exec(`update notification_settings set past_reminders = 'send_now'`)
    expect(database.pragma('writable_schema', { simple: true })).toBe(0)
    database.pragma('writable_schema = on')
    expect(database.pragma('writable_schema', { simple: true })).toBe(isUnsafe ? 1 : 0)
    expect(database.pragma('integrity_check')).toEqual([{ integrity_check: 'ok' }])
    await storage.close()
  })
})
