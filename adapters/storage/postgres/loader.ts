import type { EntityId, RecipientType, SettleCommand } from '../../../src/index.ts'
import type { RecordOf } from '../kysely/query.ts'
import type { TableName } from '../kysely/tables.ts'
import type { Session } from './engine.ts'
import { guardLoader, type Waiting } from './guard-loader.ts'
import { type AdvisoryLock, takeLocks, tryLocks } from './locks.ts'
import { qualified, recordset } from './names.ts'
import type { RowSet } from './row-set.ts'
import { decodeRow, encodeParameter, encodeRow } from './values.ts'
import { dedupeKey, type Suppression, suppressionKey, type WorkingSet } from './working-set.ts'

export type PlanKey = { readonly organization_id: string; readonly appointment_id: EntityId }
export type DedupeKey = { readonly organization_id: string; readonly dedupe_key: string }

type Locking<Row extends { readonly id: number }> = {
  readonly into: RowSet<Row>
  readonly from?: string
  readonly where: string
  readonly values: readonly unknown[]
  readonly strength?: 'update' | 'share'
  readonly waiting?: Waiting
}

/** Lists that a statement can take as JSON, without duplicates. */
const distinct = <T extends object>(rows: readonly T[]): string =>
  `[${[...new Set(rows.map((row) => JSON.stringify(encodeRow(row))))].join(',')}]`

/**
 * The planner takes any list of JSON for a hundred rows, and then prefers to read a table of ten thousand whole. An array
 * tells how many are asked for, so the same keys go along as one, and the index serves.
 */
const ofKeys = 't.appointment_id = r.appointment_id and t.appointment_id = any($2)'
export const planIdentity = (key: PlanKey): readonly EntityId[] => [key.organization_id, key.appointment_id]
const appointmentsOf = (keys: readonly PlanKey[]): EntityId[] => [...new Set(keys.map((key) => key.appointment_id))]

/**
 * Reads rows under lock into a working set. Everybody locks in one order: advisory locks, settings, preferences, plans,
 * reminders, deliveries, and within a table by id; so nobody waits in a circle. What decides is read after the lock is
 * there: under READ COMMITTED each statement sees what was committed before it began.
 */
export function loaderOf(session: Session, set: WorkingSet) {
  const { run, kinds, schema } = session
  const name = (table: TableName) => qualified(schema, table)

  async function lock<Row extends { readonly id: number }>(table: TableName, locking: Locking<Row>): Promise<void> {
    const { into, from = '', where, values, strength = 'update', waiting = 'wait' } = locking
    const skipping = waiting === 'skip' ? ' skip locked' : ''
    const { rows } = await run<Row & { [column: string]: unknown }>(
      `select t.* from ${from}${name(table)} as t where ${where} order by t.id for ${strength} of t${skipping}`,
      values.map(encodeParameter),
    )
    into.load(rows.map((row) => decodeRow(row, kinds)))
  }

  const list = (table: TableName, columns: readonly string[]) => `${recordset(table, columns, kinds)}, `
  const { plans, reminders, deliveries, settings, patients, clients } = set

  return {
    advisory: (locks: readonly AdvisoryLock[]) => takeLocks(run, schema, locks),

    /** Takes those that nobody holds, and gives the others. */
    tryAdvisory: (locks: readonly AdvisoryLock[]) => tryLocks(run, schema, locks),

    settings: (organizationIds: readonly string[]) =>
      lock('notification_settings', {
        into: settings,
        where: 't.organization_id = any($1)',
        values: [organizationIds],
      }),

    async preferences(type: RecipientType, recipientIds: readonly EntityId[]) {
      const values = [recipientIds]
      if (type === 'PATIENT') {
        await lock('patient_notification_preferences', { into: patients, where: 't.patient_id = any($1)', values })
      } else if (type === 'CLIENT') {
        await lock('client_notification_preferences', { into: clients, where: 't.client_id = any($1)', values })
      }
    },

    guarded: guardLoader(session, set),

    /** Which of these rows are there, whoever holds them. */
    async present(table: 'appointment_reminders' | 'notification_history', ids: readonly number[]) {
      if (ids.length === 0) return new Set<number>()
      const text = `select id from ${name(table)} where id = any($1::bigint[])`
      const { rows } = await run<{ id: number }>(text, [ids])
      return new Set(rows.map((row) => Number(row.id)))
    },

    /** Which of these plans are there, whoever holds them. */
    async presentPlans(keys: readonly PlanKey[]): Promise<readonly PlanKey[]> {
      if (keys.length === 0) return []
      const { rows } = await run<{ organization_id: string; appointment_id: EntityId }>(
        `select t.organization_id, t.appointment_id from ${list('reminder_plans', ['organization_id', 'appointment_id'])}
           ${name('reminder_plans')} as t where ${ofKeys} and t.organization_id = r.organization_id`,
        [distinct(keys), appointmentsOf(keys)],
      )
      return rows.map((row) => decodeRow(row, kinds))
    },

    async plans(keys: readonly PlanKey[], strength: 'update' | 'share', waiting: Waiting = 'wait') {
      if (keys.length === 0) return
      await lock('reminder_plans', {
        into: plans,
        from: list('reminder_plans', ['organization_id', 'appointment_id']),
        where: `${ofKeys} and t.organization_id = r.organization_id`,
        values: [distinct(keys), appointmentsOf(keys)],
        strength,
        waiting,
      })
    },

    plansOfAppointment: (appointmentId: EntityId) =>
      lock('reminder_plans', { into: plans, where: 't.appointment_id = $1', values: [appointmentId] }),

    async plansOfRecipient(type: RecipientType, recipientId: EntityId) {
      const links = `select plan_id from ${name('reminder_plan_recipients')} where recipient_type = $1 and recipient_id = $2`
      await lock('reminder_plans', { into: plans, where: `t.id in (${links})`, values: [type, recipientId] })
      set.planIdsOfRecipient.push(...plans.all().map((plan) => plan.id))
    },

    /** All rows that are not CANCELLED of these plans' appointments. */
    async liveReminders(keys: readonly PlanKey[]) {
      if (keys.length === 0) return
      await lock('appointment_reminders', {
        into: reminders,
        // Key by key, so that the index serves also before the planner has statistics of a table that grows.
        where: `t.live is not null and t.id = any(array(
          select of_key.id from ${recordset('reminder_plans', ['organization_id', 'appointment_id'], kinds)} cross join lateral (
            select id from ${name('appointment_reminders')} as o
            where o.appointment_id = r.appointment_id and o.organization_id = r.organization_id and o.live is not null
            offset 0
          ) as of_key))`,
        values: [distinct(keys)],
      })
    },

    pendingReminders: (appointmentId: EntityId) =>
      lock('appointment_reminders', {
        into: reminders,
        where: `t.appointment_id = $1 and t.status = 'PENDING'`,
        values: [appointmentId],
      }),

    /** These reminders, and those of these deliveries; which reminder a delivery is of never changes. */
    async reminders(ids: readonly number[], deliveryIds: readonly number[] = [], waiting: Waiting = 'wait') {
      if (ids.length + deliveryIds.length === 0) return
      // One array, not two conditions joined by OR, which no index serves.
      const where = `t.id = any(array(select unnest($1::bigint[]) union all
        select reminder_id from ${name('notification_history')} where id = any($2::bigint[])))`
      const values = [ids, deliveryIds]
      await lock('appointment_reminders', { into: reminders, where, values, waiting })
    },

    /**
     * These deliveries, and those that the loaded reminders wait for. Whoever passes over what others hold also leaves those
     * whose reminder it passed over: two who want the same would else have one row each, and neither would go on.
     */
    async deliveries(ids: readonly number[], waiting: Waiting = 'wait') {
      const waitedFor = reminders
        .all()
        .flatMap((row) => (row.status === 'PENDING' && row.due_at === null ? (row.notification_id ?? []) : []))
      const wanted = [...new Set([...ids, ...waitedFor])]
      if (wanted.length === 0) return
      const isWanted = 't.id = any($1::bigint[])'
      if (waiting === 'wait') {
        return lock('notification_history', { into: deliveries, where: isWanted, values: [wanted] })
      }
      const where = `${isWanted} and (t.reminder_id is null or t.reminder_id = any($2::bigint[]))`
      const values = [wanted, reminders.all().map((row) => row.id)]
      await lock('notification_history', { into: deliveries, where, values, waiting })
    },

    openDeliveriesOfAppointment: (appointmentId: EntityId) =>
      lock('notification_history', {
        into: deliveries,
        where: `t.appointment_id = $1 and t.delivery_state in ('queued', 'sending', 'handed_over')`,
        values: [appointmentId],
      }),

    openDeliveriesOfRecipient: (type: RecipientType, recipientId: EntityId) =>
      lock('notification_history', {
        into: deliveries,
        where: `t.recipient_type = $1 and t.recipient_id = $2 and t.delivery_state in ('queued', 'sending', 'handed_over')`,
        values: [type, recipientId],
      }),

    /**
     * The recipient's reminders in the appointments of the loaded plans, and those of its open deliveries, which are read
     * before the deliveries are locked, as the order wants it.
     */
    remindersOfRecipient: (type: RecipientType, recipientId: EntityId) =>
      lock('appointment_reminders', {
        into: reminders,
        where: `t.id = any(array(
          select id from ${name('appointment_reminders')} where appointment_id = any($3) and live is not null
            and recipient_type = $1 and recipient_id = $2
          union all
          select reminder_id from ${name('notification_history')} where recipient_type = $1 and recipient_id = $2
            and delivery_state in ('queued', 'sending', 'handed_over')))`,
        values: [type, recipientId, plans.all().map((plan) => plan.appointment_id)],
      }),

    /** After reminders and deliveries, as the order wants it. */
    tasks: (ids: readonly number[], notificationIds: readonly number[]) =>
      lock('task_manager_tasks', {
        into: set.tasks,
        where: 't.id = any($1::bigint[]) or t.notification_id = any($2::bigint[])',
        values: [ids, notificationIds],
      }),

    /** Notices, queued or handed over, that a newer one of the same appointment may replace. */
    async queuedNotices(appointmentIds: readonly EntityId[]) {
      if (appointmentIds.length === 0) return
      await lock('notification_history', {
        into: deliveries,
        where: `t.appointment_id = any($1) and t.delivery_state in ('queued', 'handed_over')
          and t.notification_category in ('CONFIRMATION', 'RESCHEDULE', 'CANCELLATION')`,
        values: [[...new Set(appointmentIds)]],
      })
    },

    /** What a settle of a loaded delivery suppresses. */
    suppression({ id, suppress }: SettleCommand): Suppression[] {
      const row = deliveries.get(id)
      if (row === undefined || suppress === null) return []
      return [{ organization_id: row.organization_id, channel: row.notification_type, address: suppress.address }]
    },

    /** Which of these addresses are suppressed already. */
    async suppressed(suppressions: readonly Suppression[]) {
      if (suppressions.length === 0) return
      const keys = ['organization_id', 'channel', 'address'] as const
      const { rows } = await run<Suppression>(
        `select t.organization_id, t.channel, t.address from ${list('notification_suppressions', keys)}
           ${name('notification_suppressions')} as t
         where t.organization_id = r.organization_id and t.channel = r.channel and t.address = r.address`,
        [distinct(suppressions)],
      )
      for (const row of rows) set.suppressed.add(suppressionKey(row))
    },

    /** What these organizations began on this day; under the lock that everybody takes who begins more. */
    async metered(organizationIds: readonly string[], day: string) {
      if (organizationIds.length === 0) return
      const { rows } = await run<{ organization_id: string; count: number }>(
        `select organization_id, count from ${name('notification_counters')} where organization_id = any($1) and day = $2
           and measure = 'METERED' and channel = '' and category = '' and provider = '' and detail = ''`,
        [encodeParameter([...new Set(organizationIds)]), day],
      )
      for (const row of rows) set.metered.set(row.organization_id, decodeRow(row, kinds).count)
    },

    async outcome(key: PlanKey) {
      const { rows } = await run<RecordOf<'appointment_outcomes'>>(
        `select * from ${name('appointment_outcomes')} where appointment_id = $1 and organization_id = $2`,
        [encodeParameter(key.appointment_id), encodeParameter(key.organization_id)],
      )
      set.recorded.push(...rows.map((row) => decodeRow(row, kinds)))
    },

    /** Which of these keys are taken. One that is being taken right now shows when the row is written. */
    async dedupeKeys(keys: readonly DedupeKey[]) {
      if (keys.length === 0) return
      const { rows } = await run<DedupeKey>(
        `select t.organization_id, t.dedupe_key from ${list('notification_history', ['organization_id', 'dedupe_key'])}
           ${name('notification_history')} as t
         where t.organization_id = r.organization_id and t.dedupe_key = r.dedupe_key
           and t.organization_id = any($2) and t.dedupe_key = any($3)`,
        [
          distinct(keys),
          encodeParameter([...new Set(keys.map((key) => key.organization_id))]),
          encodeParameter([...new Set(keys.map((key) => key.dedupe_key))]),
        ],
      )
      for (const row of rows) set.dedupeKeys.add(dedupeKey(row.organization_id, row.dedupe_key))
    },
  }
}
export type Loader = ReturnType<typeof loaderOf>
