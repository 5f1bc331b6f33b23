import type { AccountStore } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import type { Engine } from './engine.ts'

export const accountStore = (engine: Engine): AccountStore => ({
  paused: () => engine.read(({ statements }) => statements.accounts.paused.all({}).map(records.decodeAccount)),
  refuse: (command) =>
    engine.write(({ statements }) => {
      statements.accounts.refuse.run(records.encodeRefusal(command))
      const row = statements.accounts.get.get({ account: command.account })
      if (row === undefined) throw new Error('a refused account has a row')
      return records.decodeAccount(row)
    }),
  takeProbe: (account, probeAt, until) =>
    engine.write(({ statements }) => {
      const taken = { account, probe_at: probeAt.getTime(), until: until.getTime() }
      return statements.accounts.takeProbe.run(taken).changes > 0
    }),
  recover: (account) => engine.write(({ statements }) => statements.accounts.recover.run({ account }).changes > 0),
  awaited: () =>
    engine.read(({ statements }) => {
      const found: { account: string; organizationId: string }[] = []
      for (let account = ''; ; ) {
        const next = statements.accounts.nextAwaited.get({ account })
        if (next === undefined) return found
        account = next.account
        found.push({ account, organizationId: next.organization_id })
      }
    }),
  release: ({ account, organizationId, limit, skip = 0, at }) =>
    engine.write(({ statements: { accounts } }) => {
      const page = (offset: number) =>
        organizationId === undefined
          ? accounts.first.all({ account, limit, offset })
          : accounts.firstOf.all({ account, organizationId, limit, offset })
      const skipped = page(skip)
      const rows = skipped.length === 0 && skip > 0 ? page(0) : skipped
      for (const [index, row] of rows.entries()) {
        const due = { id: row.work_id, due_at: row.due_at, at: at.getTime() - (rows.length - 1 - index) }
        if (row.work === 'reminder') accounts.reminderDue.run(due)
        else accounts.deliveryDue.run(due)
        accounts.unlist.run(row)
      }
      return rows.length
    }),
  previous: (accountId) =>
    engine.read(({ statements }) => statements.accounts.previous.all({ accountId }).map(records.decodePrevious)),
  erasePrevious: (now) =>
    engine.write(({ statements }) => statements.accounts.erasePrevious.run({ now: now.getTime() }).changes),
})
