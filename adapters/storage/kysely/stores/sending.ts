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
  get: (id) => first(({ deliveries }) => [deliveries.get, { id }], records.decodeDelivery),
  ofProvider: async (messageIds) => deliveriesOfProvider(await reader(), messageIds),
  sentWith: async (ids) => deliveriesSentWith(await reader(), ids),
  silent: (query) => all(({ deliveries }) => [deliveries.silent, silentAfter(query)], records.decodeDelivery),
  list: async (query) => listDeliveries(await reader(), query),
  suspended: (after, limit) =>
    all(({ deliveries }) => [deliveries.suspended, heldAfter(after, limit)], records.decodeDelivery),
  nextDueAt: (after) =>
    first(
      ({ dueTimes }) => [after === undefined ? dueTimes.first : dueTimes.next, { now: after?.getTime() ?? 0 }],
      ({ reminder_due_at: reminder, delivery_due_at: delivery }) =>
        dueAtOf({
          due_at: reminder === null || delivery === null ? (reminder ?? delivery) : Math.min(reminder, delivery),
        }),
    ),
  dueTimes: (after, until, limit) =>
    all(
      ({ dueTimes }) => [dueTimes.all, { now: after.getTime(), until: until.getTime(), limit }],
      ({ due_at }) => new Date(due_at),
    ),
  claims: () => all(({ deliveries }) => [deliveries.claims, {}], records.decodeClaim),
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
    all(({ tasks }) => [tasks.waiting, pageAfter(until, after, limit)], records.decodeReminder),
  withoutAlarm: (until, after, limit) =>
    all(({ tasks }) => [tasks.withoutAlarm, pageAfter(until, after, limit)], records.decodeReminder),
  waitingNotices: (now, after, limit) =>
    all(({ tasks }) => [tasks.waitingNotices, pageAfter(now, after, limit)], records.decodeDelivery),
  dueTakenOver: async (query) => {
    const asked = { now: query.now.getTime(), limit: query.limit }
    const rows = await all(({ tasks }) => [tasks.dueTakenOver, asked], records.decodeDelivery)
    return takenOverPage(rows, query)
  },
  nextTakenOverDueAt: (after) => first(({ tasks }) => [tasks.nextTakenOver, afterOf(after)], dueAtOf),
  due: (now, limit) => all(({ tasks }) => [tasks.due, { now: now.getTime(), limit }], records.decodeTask),
  find: (of) =>
    'reminderId' in of
      ? first(({ tasks }) => [tasks.ofReminder, { reminder_id: of.reminderId }], records.decodeTask)
      : first(({ tasks }) => [tasks.ofNotification, { notification_id: of.notificationId }], records.decodeTask),
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
  paused: () => all(({ accounts }) => [accounts.paused, {}], records.decodeAccount),
  refuse: (command) =>
    write(function* ({ bind, statements: { accounts } }, wait) {
      yield* wait(bind(accounts.refuse).run(records.encodeRefusal(command)))
      const row = yield* wait(bind(accounts.get).get({ account: command.account }))
      // Another process may have found the account well in between.
      return row === undefined ? { ...command, pausedSince: command.at, refusals: 0 } : records.decodeAccount(row)
    }),
  takeProbe: async (account, probeAt, until) => {
    const taken = { account, probe_at: probeAt.getTime(), until: until.getTime() }
    return (await change(({ accounts }) => [accounts.takeProbe, taken])) > 0
  },
  recover: async (account) => (await change(({ accounts }) => [accounts.recover, { account }])) > 0,
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
    all(({ accounts }) => {
      const page = { account, limit, offset, organizationId: organizationId ?? '' }
      return [organizationId === undefined ? accounts.waiting : accounts.waitingOf, page]
    }, records.decodeWaiting),
  previous: (accountId) => all(({ accounts }) => [accounts.previous, { accountId }], records.decodePrevious),
  erasePrevious: (now) => change(({ accounts }) => [accounts.erasePrevious, { now: now.getTime() }]),
})

export const addressQueries = <M extends Mode>({ all }: Runner<M>): Omit<AddressQueries, 'find'> => ({
  everywhere: ({ channel, address }) =>
    all(({ addresses }) => [addresses.everywhere, { channel, address }], records.decodeAddress),
  suppressed: ({ organizationId, channel, before = lastId, limit }) =>
    channel === undefined
      ? all(({ addresses }) => [addresses.suppressed, { organizationId, before, limit }], records.decodeAddress)
      : all(
          ({ addresses }) => [addresses.suppressedOn, { organizationId, before, limit, channel }],
          records.decodeAddress,
        ),
})
