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

type Deliveries =
  | 'nextDueAt'
  | 'dueTimes'
  | 'get'
  | 'ofProvider'
  | 'sentWith'
  | 'silent'
  | 'list'
  | 'suspended'
  | 'claims'

export const deliveryQueries = <M extends Mode>({
  all,
  first,
  reader,
}: Runner<M>): Pick<DeliveryQueries, Deliveries> => ({
  get: (id) => first(({ bind, statements }) => bind(statements.deliveries.get).get({ id }), records.decodeDelivery),
  ofProvider: async (messageIds) => deliveriesOfProvider(await reader(), messageIds),
  sentWith: async (ids) => deliveriesSentWith(await reader(), ids),
  silent: (query) =>
    all(({ bind, statements }) => bind(statements.deliveries.silent).all(silentAfter(query)), records.decodeDelivery),
  list: async (query) => listDeliveries(await reader(), query),
  suspended: (after, limit) =>
    all(
      ({ bind, statements }) => bind(statements.deliveries.suspended).all(heldAfter(after, limit)),
      records.decodeDelivery,
    ),
  nextDueAt: (after) =>
    first(
      ({ bind, statements: { dueTimes } }) =>
        after === undefined ? bind(dueTimes.first).get({}) : bind(dueTimes.next).get({ now: after.getTime() }),
      ({ reminder_due_at: reminder, delivery_due_at: delivery }) =>
        dueAtOf({
          due_at: reminder === null || delivery === null ? (reminder ?? delivery) : Math.min(reminder, delivery),
        }),
    ),
  dueTimes: (after, until, limit) =>
    all(
      ({ bind, statements }) =>
        bind(statements.dueTimes.all).all({ now: after.getTime(), until: until.getTime(), limit }),
      ({ due_at }) => new Date(due_at),
    ),
  claims: () => all(({ bind, statements }) => bind(statements.deliveries.claims).all({}), records.decodeClaim),
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
    all(
      ({ bind, statements }) => bind(statements.tasks.waiting).all(pageAfter(until, after, limit)),
      records.decodeReminder,
    ),
  withoutAlarm: (until, after, limit) =>
    all(
      ({ bind, statements }) => bind(statements.tasks.withoutAlarm).all(pageAfter(until, after, limit)),
      records.decodeReminder,
    ),
  waitingNotices: (now, after, limit) =>
    all(
      ({ bind, statements }) => bind(statements.tasks.waitingNotices).all(pageAfter(now, after, limit)),
      records.decodeDelivery,
    ),
  dueTakenOver: async (query) => {
    const asked = { now: query.now.getTime(), limit: query.limit }
    const rows = await all(
      ({ bind, statements }) => bind(statements.tasks.dueTakenOver).all(asked),
      records.decodeDelivery,
    )
    return takenOverPage(rows, query)
  },
  nextTakenOverDueAt: (after) =>
    first(({ bind, statements }) => bind(statements.tasks.nextTakenOver).get(afterOf(after)), dueAtOf),
  due: (now, limit) =>
    all(({ bind, statements }) => bind(statements.tasks.due).all({ now: now.getTime(), limit }), records.decodeTask),
  find: (of) =>
    first(
      ({ bind, statements: { tasks } }) =>
        'reminderId' in of
          ? bind(tasks.ofReminder).get({ reminder_id: of.reminderId })
          : bind(tasks.ofNotification).get({ notification_id: of.notificationId }),
      records.decodeTask,
    ),
  summary: () =>
    read(function* ({ bind, statements: { tasks } }, wait) {
      const pending = (yield* wait(bind(tasks.pending).get({ limit: countLimit })))?.total ?? 0
      const since = (yield* wait(bind(tasks.oldestPending).get({})))?.unregistered_since ?? null
      return {
        pending: Math.min(countLimit, pending),
        oldestPendingAt: since === null ? null : new Date(since),
        lastErrorCode: (yield* wait(bind(tasks.lastFault).get({})))?.error_code ?? null,
      }
    }),
})

const dueAtOf = ({ due_at }: { readonly due_at: number | null }): Date | null =>
  due_at === null ? null : new Date(due_at)

export const accountQueries = <M extends Mode>({ all, read, write, change }: Runner<M>): AccountStore => ({
  paused: () => all(({ bind, statements }) => bind(statements.accounts.paused).all({}), records.decodeAccount),
  refuse: (command) =>
    write(function* ({ bind, statements: { accounts } }, wait) {
      yield* wait(bind(accounts.refuse).run(records.encodeRefusal(command)))
      const row = yield* wait(bind(accounts.get).get({ account: command.account }))
      // Another process may have found the account well in between.
      return row === undefined ? { ...command, pausedSince: command.at, refusals: 0 } : records.decodeAccount(row)
    }),
  takeProbe: async (account, probeAt, until) => {
    const taken = { account, probe_at: probeAt.getTime(), until: until.getTime() }
    return (await change(({ bind, statements }) => bind(statements.accounts.takeProbe).run(taken))) > 0
  },
  recover: async (account) =>
    (await change(({ bind, statements }) => bind(statements.accounts.recover).run({ account }))) > 0,
  awaited: () =>
    read(function* ({ bind, statements: { accounts } }, wait) {
      const found: { account: string; organizationId: string }[] = []
      for (let account = ''; ; ) {
        const next = yield* wait(bind(accounts.nextAwaited).get({ account }))
        if (next === undefined) return found
        account = next.account
        found.push({ account, organizationId: next.organization_id })
      }
    }),
  waiting: ({ account, organizationId, limit, skip: offset }) =>
    all(({ bind, statements: { accounts } }) => {
      const page = { account, limit, offset }
      return organizationId === undefined
        ? bind(accounts.waiting).all(page)
        : bind(accounts.waitingOf).all({ ...page, organizationId })
    }, records.decodeWaiting),
  previous: (accountId) =>
    all(({ bind, statements }) => bind(statements.accounts.previous).all({ accountId }), records.decodePrevious),
  erasePrevious: (now) =>
    change(({ bind, statements }) => bind(statements.accounts.erasePrevious).run({ now: now.getTime() })),
})

export const addressQueries = <M extends Mode>({ all }: Runner<M>): Omit<AddressQueries, 'find'> => ({
  everywhere: ({ channel, address }) =>
    all(
      ({ bind, statements }) => bind(statements.addresses.everywhere).all({ channel, address }),
      records.decodeAddress,
    ),
  suppressed: ({ organizationId, channel, before = lastId, limit }) =>
    all(({ bind, statements: { addresses } }) => {
      const page = { organizationId, before, limit }
      return channel === undefined
        ? bind(addresses.suppressed).all(page)
        : bind(addresses.suppressedOn).all({ ...page, channel })
    }, records.decodeAddress),
})
