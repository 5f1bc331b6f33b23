import type {
  AccountStore,
  AddressQueries,
  DeliveryQueries,
  DeliveryRow,
  DuePage,
  DuePlace,
  DueQuery,
  TaskQueries,
} from '../../../../src/index.ts'
import { sendQueueKey } from '../../../../src/ports/storage/due.ts'
import * as records from '../../../../src/records/index.ts'
import { heldAfter, lastId, silentAfter } from '../held.ts'
import { deliveriesOfProvider, deliveriesSentWith, listDeliveries } from '../history-list.ts'
import type { Mode } from '../query.ts'
import type { Runner } from '../runner.ts'

type Deliveries = 'get' | 'ofProvider' | 'sentWith' | 'silent' | 'list' | 'suspended' | 'claims'

export const deliveryQueries = <M extends Mode>({
  all,
  first,
  reader,
}: Runner<M>): Pick<DeliveryQueries, Deliveries> => ({
  get: (id) => first(({ statements }) => statements.deliveries.get.get({ id }), records.decodeDelivery),
  ofProvider: async (messageIds) => deliveriesOfProvider(await reader(), messageIds),
  sentWith: async (ids) => deliveriesSentWith(await reader(), ids),
  silent: (query) =>
    all(({ statements }) => statements.deliveries.silent.all(silentAfter(query)), records.decodeDelivery),
  list: async (query) => listDeliveries(await reader(), query),
  suspended: (after, limit) =>
    all(({ statements }) => statements.deliveries.suspended.all(heldAfter(after, limit)), records.decodeDelivery),
  claims: () => all(({ statements }) => statements.deliveries.claims.all({}), records.decodeClaim),
})

/** Counts of what waits go up to this. */
const countLimit = 10_000

/** The end of all time, for 'however late'. */
const never = new Date('9999-12-31T23:59:59Z')

const pageAfter = (until: Date | null, after: DuePlace | null, limit: number) => ({
  now: (until ?? never).getTime(),
  due_at: after?.dueAt.getTime() ?? 0,
  id: after?.id ?? 0,
  limit,
})

/** What was taken over, of the queues that are asked for. */
function takenOverPage(rows: readonly DeliveryRow[], { limit, except = [] }: DueQuery): DuePage<DeliveryRow> {
  const excepted = new Set(except.map(sendQueueKey))
  const asked = rows.filter((row) => !excepted.has(sendQueueKey(row)))
  return { rows: asked, more: rows.length < limit ? [] : asked }
}

/** The end that a page begins after. */
const afterOf = (after: Date | undefined): { readonly now: number } => ({ now: after?.getTime() ?? 0 })

export const taskQueries = <M extends Mode>({ all, first, read }: Runner<M>): Omit<TaskQueries, 'touch'> => ({
  waiting: (until, after, limit) =>
    all(({ statements }) => statements.tasks.waiting.all(pageAfter(until, after, limit)), records.decodeReminder),
  withoutAlarm: (until, after, limit) =>
    all(({ statements }) => statements.tasks.withoutAlarm.all(pageAfter(until, after, limit)), records.decodeReminder),
  waitingNotices: (now, after, limit) =>
    all(({ statements }) => statements.tasks.waitingNotices.all(pageAfter(now, after, limit)), records.decodeDelivery),
  dueTakenOver: async (query) => {
    const asked = { now: query.now.getTime(), limit: query.limit }
    const rows = await all(({ statements }) => statements.tasks.dueTakenOver.all(asked), records.decodeDelivery)
    return takenOverPage(rows, query)
  },
  nextTakenOverDueAt: (after) => first(({ statements }) => statements.tasks.nextTakenOver.get(afterOf(after)), dueAtOf),
  due: (now, limit) =>
    all(({ statements }) => statements.tasks.due.all({ now: now.getTime(), limit }), records.decodeTask),
  find: (of) =>
    first(
      ({ statements: { tasks } }) =>
        'reminderId' in of
          ? tasks.ofReminder.get({ reminder_id: of.reminderId })
          : tasks.ofNotification.get({ notification_id: of.notificationId }),
      records.decodeTask,
    ),
  summary: () =>
    read(function* ({ statements: { tasks } }, wait) {
      const pending = (yield* wait(tasks.pending.get({ limit: countLimit })))?.total ?? 0
      const since = (yield* wait(tasks.oldestPending.get({})))?.unregistered_since ?? null
      return {
        pending: Math.min(countLimit, pending),
        oldestPendingAt: since === null ? null : new Date(since),
        lastErrorCode: (yield* wait(tasks.lastFault.get({})))?.error_code ?? null,
      }
    }),
})

const dueAtOf = ({ due_at }: { readonly due_at: number | null }): Date | null =>
  due_at === null ? null : new Date(due_at)

export const accountQueries = <M extends Mode>({
  all,
  read,
  write,
  change,
}: Runner<M>): Omit<AccountStore, 'release'> => ({
  paused: () => all(({ statements }) => statements.accounts.paused.all({}), records.decodeAccount),
  refuse: (command) =>
    write(function* ({ statements: { accounts } }, wait) {
      yield* wait(accounts.refuse.run(records.encodeRefusal(command)))
      const row = yield* wait(accounts.get.get({ account: command.account }))
      // Another process may have found the account well in between.
      return row === undefined ? { ...command, pausedSince: command.at, refusals: 0 } : records.decodeAccount(row)
    }),
  takeProbe: async (account, probeAt, until) => {
    const taken = { account, probe_at: probeAt.getTime(), until: until.getTime() }
    return (await change(({ statements }) => statements.accounts.takeProbe.run(taken))) > 0
  },
  recover: async (account) => (await change(({ statements }) => statements.accounts.recover.run({ account }))) > 0,
  awaited: () =>
    read(function* ({ statements: { accounts } }, wait) {
      const found: { account: string; organizationId: string }[] = []
      for (let account = ''; ; ) {
        const next = yield* wait(accounts.nextAwaited.get({ account }))
        if (next === undefined) return found
        account = next.account
        found.push({ account, organizationId: next.organization_id })
      }
    }),
  previous: (accountId) =>
    all(({ statements }) => statements.accounts.previous.all({ accountId }), records.decodePrevious),
  erasePrevious: (now) => change(({ statements }) => statements.accounts.erasePrevious.run({ now: now.getTime() })),
})

export const addressQueries = <M extends Mode>({ all }: Runner<M>): Omit<AddressQueries, 'find'> => ({
  everywhere: ({ channel, address }) =>
    all(({ statements }) => statements.addresses.everywhere.all({ channel, address }), records.decodeAddress),
  suppressed: ({ organizationId, channel, before = lastId, limit }) =>
    all(({ statements: { addresses } }) => {
      const page = { organizationId, before, limit }
      return channel === undefined ? addresses.suppressed.all(page) : addresses.suppressedOn.all({ ...page, channel })
    }, records.decodeAddress),
})
