import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { PostgresTuning } from '../../adapters/storage/postgres.ts'
import { keys } from '../../src/ports/rows/keys.ts'
import { read, readThrough } from '../../src/ports/rows/rows.ts'
import type * as records from '../../src/records/index.ts'
import { holding, waiting, waitsLong } from '../adapters/storage/postgres/fixture.ts'
import { integerIds } from '../conformance/storage/harness.ts'
import { openPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { workingSets } from './executors.ts'
import { aDelivery, aLink, aReminder, organization, settings } from './made-up.ts'
import { perform, reading, rowsConformance } from './suite.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())
const open = workingSets(() => server)

rowsConformance('a working set on Postgres', (ids) => open(ids))
rowsConformance('a working set in a transaction of the host', (ids) => open(ids, { isHosts: true }))

async function opening(tuning: PostgresTuning = {}) {
  const executor = await open(integerIds, { lockTimeoutMs: 20, ...tuning })
  onTestFinished(() => executor.close())
  const add = (table: 'appointment_reminders' | 'notification_history', ...rows: readonly object[]) =>
    perform(
      executor,
      ({ insert }) =>
        rows.map((row) =>
          table === 'appointment_reminders' ? insert(table, aReminder(row)) : insert(table, aDelivery(row)),
        ),
      { inserts: () => [[table, rows.length]] },
    )
  return { ...executor, add }
}

describe('what a command did not declare', () => {
  const of = { organization_id: organization }
  const asked: readonly [string, (rows: records.Rows) => unknown][] = [
    ['got', (rows) => rows.get(keys.settings, of)],
    ['got in part', (rows) => rows.get(keys.settingsRevision, of)],
    ['listed', (rows) => rows.list(keys.openOfAppointment, { appointment_id: 7 })],
    ['updated', (rows) => rows.update('appointment_reminders', 7, { subject: 'lost' })],
    ['inserted where it is new', (rows) => rows.insertNew(keys.deliveryOnce, aDelivery({ dedupe_key: 'once' }))],
  ]
  it.each(asked)('must not be %s', async (_, run) => {
    const executor = await opening()
    const undeclared = /without having declared it/
    await expect(perform(executor, run)).rejects.toThrow(undeclared)
    await expect(
      perform(executor, run, reading(read(keys.planRevision, { ...of, appointment_id: 7 }))),
    ).rejects.toThrow(undeclared)
  })

  it('is more than the part that it declared, and other rows than it declared', async () => {
    const executor = await opening()
    const declared = reading(read(keys.settingsRevision, of, 'share'))
    expect(await perform(executor, (rows) => rows.get(keys.settingsRevision, of), declared)).toBeUndefined()
    const insert = (rows: records.Rows) => rows.insert('notification_settings', settings())
    await perform(executor, insert, { inserts: () => [['notification_settings', 1]] })
    for (const ask of [
      (rows: records.Rows) => rows.get(keys.settings, of),
      (rows: records.Rows) => rows.get(keys.settingsRevision, { organization_id: 'another' }),
      (rows: records.Rows) => rows.update('notification_settings', 1, { revision: 7 }),
    ])
      await expect(perform(executor, ask, declared)).rejects.toThrow(/without having declared it/)
  })

  it('is a column beside those that it read of a row, also for the condition of an update', async () => {
    const executor = await opening()
    const [id = 0] = await executor.add('appointment_reminders', {})
    const declared = reading(read(keys.reminderStatus, { id }))
    const whole = (rows: records.Rows) => rows.get(keys.reminder, { id })
    await expect(perform(executor, whole, declared)).rejects.toThrow(/without having declared it/)
    const update = (rows: records.Rows) =>
      rows.update('appointment_reminders', id, { subject: 'lost' }, { recipient_type: ['PATIENT'] })
    await expect(perform(executor, update, declared)).rejects.toThrow(/depends on recipient_type, which was not read/)
  })

  it('is more rows than it said that it inserts', async () => {
    const executor = await opening()
    const inserts = () => [['appointment_reminders', 1]] as const
    const twice = (rows: records.Rows) =>
      ['a', 'b'].map((offset) => rows.insert('appointment_reminders', aReminder({ offset })))
    await expect(perform(executor, twice, { inserts })).rejects.toThrow(/inserted more rows/)
  })

  it('is locked in the order in which everybody locks', async () => {
    const executor = await opening()
    const stages = [() => [read(keys.delivery, { id: 1 })], () => [read(keys.reminder, { id: 1 })]]
    await expect(perform(executor, () => {}, { stages })).rejects.toThrow(
      'a command locks appointment_reminders after notification_history',
    )
  })

  it('is read anew where it came between two stages', async () => {
    const executor = await opening(waitsLong)
    const [reminder_id] = await executor.add('appointment_reminders', {})
    const [first = 0] = await executor.add('notification_history', { recipient_id: 2 })
    const recipient = { recipient_type: 'PATIENT', recipient_id: 1 } as const
    const letGo = await holding(executor.pool, `select from ${executor.table('notification_history')} for update`)
    const reminders = perform(
      executor,
      (rows) =>
        rows
          .list(keys.openOfRecipient, recipient)
          .map((row) => rows.get(keys.reminder, { id: Number(row.reminder_id) })),
      {
        stages: [
          () => [readThrough(keys.reminder, keys.openOfRecipient, 'reminder_id', recipient)],
          () => [read(keys.delivery, { id: first })],
          () => [read(keys.openOfRecipient, recipient)],
        ],
      },
    )
    await waiting(executor.pool)
    await executor.add('notification_history', { reminder_id })
    await letGo()
    expect(await reminders).toMatchObject([{ id: reminder_id }])
  })
})

it('reads what it does not lock when it has its locks', async () => {
  const executor = await opening(waitsLong)
  const [id = 0] = await executor.add('notification_history', {})
  const letGo = await holding(executor.pool, `select from ${executor.table('notification_history')} for update`)
  const once = { organization_id: organization, dedupe_key: 'once' }
  const found = perform(
    executor,
    (rows) => rows.get(keys.deliveryOnce, once) !== undefined,
    reading(read(keys.deliveryOnce, once, 'none'), read(keys.delivery, { id })),
  )
  await waiting(executor.pool)
  await executor.add('notification_history', { dedupe_key: 'once' })
  await letGo()
  expect(await found).toBe(true)
})

it('carries out 5,000 items in one call', async () => {
  const executor = await opening({ lockTimeoutMs: 10_000 })
  const numbers = Array.from({ length: 5000 }, (_, index) => index)
  const ids = await executor.add('notification_history', ...numbers.map((number) => ({ dedupe_key: `${number}` })))
  const command: records.Command<number, boolean> = {
    stages: [
      (id) => [readThrough(keys.reminder, keys.delivery, 'reminder_id', { id })],
      (id) => [
        read(keys.delivery, { id }),
        read(keys.deliveryOnce, { organization_id: organization, dedupe_key: `again ${id}` }, 'none'),
      ],
    ],
    inserts: () => [['notification_history', 1]],
    run: (rows, items) =>
      items.map((id) => {
        rows.update('notification_history', id, { delivery_state: 'cancelled' })
        rows.deleteBy('reminder_plan_recipients', { plan_id: id })
        rows.ensure('reminder_plan_recipients', aLink({ plan_id: id }))
        return rows.insertNew(keys.deliveryOnce, aDelivery({ dedupe_key: `again ${id}` })) !== null
      }),
    held: null,
  }
  expect(new Set(await executor.carryOut(command, ids))).toEqual(new Set([true]))
  const states = Map.groupBy(await executor.dump('notification_history'), (row) => row.delivery_state)
  expect([...states].map(([state, rows]) => [state, rows.length]).sort()).toEqual([
    ['cancelled', 5000],
    ['queued', 5000],
  ])
  expect(await executor.dump('reminder_plan_recipients')).toHaveLength(5000)
})

describe('rows that another transaction has', () => {
  type Held = records.Held<string>['wait']
  const marking = (wait: Held | null): records.Command<number, string> => ({
    stages: [
      (id) => [readThrough(keys.reminder, keys.delivery, 'reminder_id', { id })],
      (id) => [read(keys.delivery, { id })],
    ],
    run: (rows, ids) =>
      ids.map((id) => {
        rows.update('notification_history', id, { subject: 'done' })
        return rows.get(keys.delivery, { id })?.subject ?? 'absent'
      }),
    held: wait === null ? null : { outcome: 'held', wait },
  })

  /** Two deliveries, the first one with a reminder, and one that is not there. */
  async function three() {
    const executor = await opening()
    const [reminder_id] = await executor.add('appointment_reminders', {})
    const [first = 0, second = 0] = await executor.add('notification_history', { reminder_id }, {})
    return { ...executor, reminder_id, first, second, ids: [first, second, second + 1000] }
  }

  describe.each(['the row', 'the row that is read through it'])('%s', (what) => {
    const holdFirst = ({ pool, table, first, reminder_id }: Awaited<ReturnType<typeof three>>) =>
      what === 'the row'
        ? holding(pool, `select from ${table('notification_history')} where id = ${first} for share`)
        : holding(pool, `select from ${table('appointment_reminders')} where id = ${reminder_id} for share`)

    it.each<Held>(['never', 'shortly', 'apart'])('%s waited for in a batch: held', async (wait) => {
      const executor = await three()
      const letGo = await holdFirst(executor)
      expect(await executor.carryOut(marking(wait), executor.ids)).toEqual(['held', 'done', 'absent'])
      await letGo()
      expect(await executor.carryOut(marking(wait), executor.ids)).not.toContain('held')
    })

    it.each<Held | null>(['apart', null])(
      'waited for, where one item is alone or nothing can be held: %s',
      async (wait) => {
        const executor = await three()
        const letGo = await holdFirst(executor)
        const outcomes = executor.carryOut(marking(wait), wait === null ? executor.ids : [executor.first])
        await waiting(executor.pool)
        await letGo()
        expect((await outcomes)[0]).toBe('done')
      },
    )
  })

  it('hold who rests on their revision', async () => {
    const executor = await three()
    await perform(executor, (rows) => rows.insert('notification_settings', settings()), {
      inserts: () => [['notification_settings', 1]],
    })
    const guarded: records.Command<string, number | 'held'> = {
      stages: [(organization_id) => [read(keys.settingsRevision, { organization_id }, 'share')]],
      run: (rows, all) =>
        all.map((organization_id) => rows.get(keys.settingsRevision, { organization_id })?.revision ?? 0),
      held: { outcome: 'held', wait: 'never' },
    }
    const both = [organization, 'another']
    const letGo = await holding(executor.pool, `select from ${executor.table('notification_settings')} for share`)
    expect(await executor.carryOut(guarded, both)).toEqual([1, 0])
    await letGo()
    const change = await holding(executor.pool, `update ${executor.table('notification_settings')} set revision = 2`)
    expect(await executor.carryOut(guarded, both)).toEqual(['held', 0])
    await change()
  })
})
