import type { DeliveryStore, IntentCommand, Work } from '../../../src/index.ts'
import { decodeDelivery } from '../kysely/codecs/deliveries.ts'
import type { IdCodec } from '../kysely/codecs/ids.ts'
import { dayOf } from '../kysely/commands/counters.ts'
import { enqueueAll } from '../kysely/commands/enqueue.ts'
import { commitIntents } from '../kysely/commands/intents.ts'
import { recordReceipt, settleAll } from '../kysely/commands/settle.ts'
import { listDeliveries } from '../kysely/history-list.ts'
import { findDue } from './due.ts'
import type { Engine } from './engine.ts'
import { guardReads } from './guard-reads.ts'
import { readerOf } from './lists.ts'
import type { Loader, PlanKey } from './loader.ts'
import type { AdvisoryLock } from './locks.ts'
import { qualified } from './names.ts'
import { noticeReads } from './notice-reads.ts'
import { type IdPool, runCommand } from './transaction.ts'
import { decodeRow } from './values.ts'

/** Locks what the guards of these intents rest on, so that it still stands when they commit. */
async function loadGuards(loader: Loader, commands: readonly IntentCommand[], ids: IdCodec, now: Date): Promise<void> {
  const locks: AdvisoryLock[] = []
  const metered: string[] = []
  const plans: PlanKey[] = []
  const guarded = commands.flatMap((one) => (one.kind === 'send' || one.kind === 'hand_over' ? [one] : []))
  for (const command of guarded) {
    const { plan } = command.guard
    if (command.cap !== null) {
      const { organizationId } = command.decision
      metered.push(organizationId)
      locks.push({ kind: 'meters', identity: [organizationId], shared: false })
    }
    if (plan !== null) {
      plans.push({ organization_id: plan.organizationId, appointment_id: ids('appointment', plan.appointmentId) })
      if (plan.revision === 0) locks.push({ kind: 'plans', identity: [], shared: false })
    }
  }
  const reads = guardReads(
    guarded.map((command) => command.guard),
    ids,
  )
  await loader.advisory([...locks, ...reads.locks])
  await loader.guarded(reads.keys)
  await loader.plans(plans, 'share')
  await loader.metered(metered, dayOf(now))
}

/** Goes from one due time to the next along the index of each table, past all rows that share one. */
function dueTimesQuery(schema: string): string {
  const steps = (name: string, table: 'appointment_reminders' | 'notification_history') => `
    ${name} as (
      (select due_at from ${qualified(schema, table)} where due_at > $1 and due_at <= $2 order by due_at limit 1)
      union all
      select (
        select due_at from ${qualified(schema, table)} as t
        where t.due_at > ${name}.due_at and t.due_at <= $2 order by t.due_at limit 1
      ) from ${name} where due_at is not null
    )`
  const first = (name: string) => `(select due_at from ${name} where due_at is not null limit $3)`
  return `with recursive ${steps('reminder', 'appointment_reminders')}, ${steps('delivery', 'notification_history')}
    ${first('reminder')} union ${first('delivery')} order by due_at limit $3`
}

/** Of a reminder: a delivery that waits has its row already. */
const makesDelivery: ReadonlySet<string> = new Set(['send', 'fail', 'hand_over', 'release'])

const idsOf = (works: readonly Work[], kind: Work['kind']): number[] =>
  works.flatMap((work) => (work.kind === kind ? [work.id] : []))

export const deliveryStore = (engine: Engine, pool: IdPool): DeliveryStore => ({
  get: (id) =>
    engine.read(async ({ statements }) => {
      const row = await statements.deliveries.get.get({ id })
      return row === undefined ? null : decodeDelivery(row)
    }),
  list: async (query) => listDeliveries(await readerOf(engine), query),
  enqueue: (...args) =>
    runCommand(engine, pool, {
      needs: { notification_history: args[0].length },
      async load(loader, { ids }) {
        const reads = noticeReads(args[0], ids)
        await loader.advisory(reads.locks)
        await loader.queuedNotices(reads.appointmentIds)
        await loader.dedupeKeys(reads.dedupeKeys)
      },
      run: (tx) => enqueueAll(tx, ...args),
    }),
  due: (query) => engine.read((database) => findDue(database, 'notification_history', decodeDelivery, query)),
  nextDueAt: (after) =>
    engine.read(async ({ run, schema, kinds }) => {
      const since = after === undefined ? 'due_at is not null' : 'due_at > $1'
      const earliest = (table: 'appointment_reminders' | 'notification_history') =>
        `(select due_at from ${qualified(schema, table)} where ${since} order by due_at limit 1)`
      const { rows } = await run<{ due_at: number | null }>(
        `select least(${earliest('appointment_reminders')}, ${earliest('notification_history')}) as due_at`,
        after === undefined ? [] : [after],
      )
      const at = rows.map((row) => decodeRow(row, kinds))[0]?.due_at ?? null
      return at === null ? null : new Date(at)
    }),
  dueTimes: (after, until, limit) =>
    engine.read(async ({ run, schema, kinds }) => {
      const { rows } = await run<{ due_at: number }>(dueTimesQuery(schema), [after, until, limit])
      return rows.map((row) => new Date(decodeRow(row, kinds).due_at))
    }),
  renew: (commands) =>
    engine.read(({ statements }) =>
      Promise.all(
        commands.map(
          async ({ id, fence, leaseUntil }) =>
            (await statements.deliveries.renew.run({ id, fence, due_at: leaseUntil.getTime() })).changes > 0,
        ),
      ),
    ),
  commitIntents: async (commands, now) => {
    if (commands.length === 0) return []
    const works = commands.flatMap((one) => [
      one.work,
      ...(one.kind === 'send' || one.kind === 'hand_over' ? one.merged.map(({ work }) => work) : []),
    ])
    return runCommand(engine, pool, {
      needs: { notification_history: commands.filter(({ kind }) => makesDelivery.has(kind)).length },
      async load(loader, { ids }) {
        await loadGuards(loader, commands, ids, now)
        await loader.reminders(idsOf(works, 'reminder'), idsOf(works, 'delivery'))
        await loader.deliveries(idsOf(works, 'delivery'))
      },
      run: (tx) => commitIntents(tx, commands, now),
    })
  },
  settle: async (commands) => {
    if (commands.length === 0) return []
    const deliveryIds = commands.map(({ id }) => id)
    return runCommand(engine, pool, {
      async load(loader) {
        await loader.reminders([], deliveryIds)
        await loader.deliveries(deliveryIds)
        await loader.suppressed(commands.flatMap((command) => loader.suppression(command)))
      },
      run: (tx) => settleAll(tx, commands),
    })
  },
  recordReceipt: (command) =>
    runCommand(engine, pool, {
      async load(loader) {
        await loader.reminders([], [command.id])
        await loader.deliveries([command.id])
      },
      run: (tx) => recordReceipt(tx, command),
    }),
})
