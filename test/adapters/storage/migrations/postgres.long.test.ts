import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { latestVersion } from '../../../../adapters/storage/kysely/migrations.ts'
import { migration } from '../../../conformance/storage/harness.ts'
import { openPostgres, type PostgresServer } from '../../../support/postgres-server.ts'
import { besideNewer, unfinished } from './beside.ts'
import { madeUpMigrations } from './made-up.ts'
import { postgresPlace } from './places.ts'
import { upgrades } from './upgrade.ts'

describe('migrations on PostgreSQL', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await openPostgres()
  })
  afterAll(() => server.stop())

  upgrades(postgresPlace(() => server))
  madeUpMigrations(postgresPlace(() => server))
  besideNewer(postgresPlace(() => server))
  unfinished(postgresPlace(() => server))

  it('leaves an index alone whose builder has built it, and has still to commit', async () => {
    await using place = await postgresPlace(() => server)(3)
    await place.run(`
      create table host_dropped (name text);
      create function host_slow() returns event_trigger language plpgsql as 'begin perform pg_sleep(0.3); end';
      create event trigger host_slow on ddl_command_end when tag in ('CREATE INDEX') execute function host_slow();
      create function host_note() returns event_trigger language plpgsql as $$
        begin insert into host_dropped select object_name from pg_event_trigger_dropped_objects() where object_type = 'index'; end $$;
      create event trigger host_note on sql_drop execute function host_note();`)
    const storages = [1, 2, 3].map(() => place.open())
    const reports = await Promise.all(storages.map((storage) => storage.migrate(migration())))
    await Promise.all(storages.map((storage) => storage.close()))
    expect(reports.map(({ version }) => version)).toEqual(storages.map(() => latestVersion))
    // Those that migrations 7, 24 and 29 replace.
    const dropped = await place.run('select name from host_dropped order by name')
    expect(dropped.map(({ name }) => name)).toEqual([
      'notification_audit_organization',
      'notification_history_created',
      'notification_history_due',
      'notification_history_lane',
      'notification_history_organization',
      'notification_history_recipient',
    ])
  })
})
