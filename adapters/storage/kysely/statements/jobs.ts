import { type Builder, type Param, query } from '../query.ts'

const table = 'notification_jobs'
type Held = { name: string; holder: string }

export const jobStatements = (db: Builder) => ({
  /** Changes one row where the job is free or the holder's already, and none where another has it, until `latest` at most. */
  acquire: query((p: Param<Held & { now: number; lease_until: number; latest: number }>) =>
    db
      .insertInto(table)
      .values({ name: p('name'), holder: p('holder'), lease_until: p('lease_until') })
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet({ holder: p('holder'), lease_until: p('lease_until') })
          .where((e) =>
            e.or([
              e('notification_jobs.lease_until', '<=', p('now')),
              e('notification_jobs.lease_until', '>', p('latest')),
              e('notification_jobs.holder', '=', p('holder')),
            ]),
          ),
      )
      .compile(),
  ),
  /** Whose time is not over, and can be true. */
  holders: query((p: Param<{ pattern: string; now: number; latest: number }>) =>
    db
      .selectFrom(table)
      .select('holder')
      .where('name', 'like', p('pattern'))
      .where('lease_until', '>', p('now'))
      .where('lease_until', '<=', p('latest'))
      .orderBy('holder')
      .compile(),
  ),
  /** What nobody gave back or took again. */
  forget: query((p: Param<{ pattern: string; now: number; latest: number }>) =>
    db
      .deleteFrom(table)
      .where('name', 'like', p('pattern'))
      .where((e) => e.or([e('lease_until', '<=', p('now')), e('lease_until', '>', p('latest'))]))
      .compile(),
  ),
  release: query((p: Param<Held>) =>
    db
      .deleteFrom(table)
      .where('name', '=', p('name'))
      .where('holder', '=', p('holder'))
      .where('progress', 'is', null)
      .compile(),
  ),
  /** Of a job that is not finished the row stays, for whoever goes on with it. */
  pause: query((p: Param<Held & { lease_until: number }>) =>
    db
      .updateTable(table)
      .set({ lease_until: p('lease_until') })
      .where('name', '=', p('name'))
      .where('holder', '=', p('holder'))
      .compile(),
  ),
  progress: query((p: Param<{ name: string }>) =>
    db.selectFrom(table).select(['progress', 'lease_until']).where('name', '=', p('name')).compile(),
  ),
  keepProgress: query((p: Param<Held & { progress: string | null }>) =>
    db
      .updateTable(table)
      .set({ progress: p('progress') })
      .where('name', '=', p('name'))
      .where('holder', '=', p('holder'))
      .compile(),
  ),
})
