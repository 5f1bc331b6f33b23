import type { AccountStore } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import type { Engine } from './engine.ts'
import { qualified } from './names.ts'
import { notification } from './notify.ts'

/**
 * Single statements. What is released is made due in one: a row that somebody else holds is left for the next call, with its
 * entry.
 */
function releaseSql(schema: string, ofOrganization: boolean): string {
  const waiting = qualified(schema, 'notification_waiting')
  const due = (table: string, work: string, state: string) => `
    update ${qualified(schema, table)} as t set due_at = $2::timestamptz - taken.place * interval '1 ms' from taken
    where taken.work = '${work}' and t.id = taken.work_id and t.due_at = taken.due_at and t.due_at > $2::timestamptz and ${state}`
  return `with listed as (
      delete from ${waiting} where (account, due_at, work, work_id) in (
        select account, due_at, work, work_id from ${waiting} where account = $1 ${ofOrganization ? 'and organization_id = $5' : ''}
        order by due_at, work, work_id limit $3 offset $4 for update skip locked)
      returning due_at, work, work_id
    ), taken as (
      select *, row_number() over (order by due_at desc, work desc, work_id desc) - 1 as place from listed
    ), reminders as (${due('appointment_reminders', 'reminder', `t.status = 'PENDING'`)}),
    deliveries as (${due('notification_history', 'delivery', `t.delivery_state = 'queued'`)})
    select count(*)::text as count from taken`
}

export const accountStore = (engine: Engine): AccountStore => ({
  paused: () =>
    engine.read(async ({ statements }) => (await statements.accounts.paused.all({})).map(records.decodeAccount)),
  refuse: (command) =>
    engine.read(async ({ statements }) => {
      await statements.accounts.refuse.run(records.encodeRefusal(command))
      const row = await statements.accounts.get.get({ account: command.account })
      // Another process found the account well in between.
      if (row === undefined) return { ...command, pausedSince: command.at, refusals: 0 }
      return records.decodeAccount(row)
    }),
  takeProbe: (account, probeAt, until) =>
    engine.read(async ({ statements }) => {
      const taken = { account, probe_at: probeAt.getTime(), until: until.getTime() }
      return (await statements.accounts.takeProbe.run(taken)).changes > 0
    }),
  recover: (account) =>
    engine.read(async ({ statements }) => (await statements.accounts.recover.run({ account })).changes > 0),
  awaited: () =>
    engine.read(async ({ statements }) => {
      const found: { account: string; organizationId: string }[] = []
      for (let account = ''; ; ) {
        const next = await statements.accounts.nextAwaited.get({ account })
        if (next === undefined) return found
        account = next.account
        found.push({ account, organizationId: next.organization_id })
      }
    }),
  release: ({ account, organizationId, limit, skip = 0, at }) =>
    engine.write(async (session) => {
      const { run, schema } = session
      const release = async (offset: number): Promise<number> => {
        const own = organizationId === undefined ? [] : [organizationId]
        const { rows } = await run<{ count: string }>(releaseSql(schema, own.length > 0), [
          account,
          at.toISOString(),
          limit,
          offset,
          ...own,
        ])
        return Number(rows[0]?.count)
      }
      const released = (await release(skip)) || (skip === 0 ? 0 : await release(0))
      if (released > 0) await run(...notification(session))
      return released
    }),
  previous: (accountId) =>
    engine.read(async ({ statements }) =>
      (await statements.accounts.previous.all({ accountId })).map(records.decodePrevious),
    ),
  erasePrevious: (now) =>
    engine.read(
      async ({ statements }) => (await statements.accounts.erasePrevious.run({ now: now.getTime() })).changes,
    ),
})
