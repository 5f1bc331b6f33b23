import { afterEach, describe, expect, it } from 'vitest'
import type { IdKinds } from '../../src/index.ts'
import { keys } from '../../src/ports/rows/keys.ts'
import { read, readThrough, unassigned } from '../../src/ports/rows/rows.ts'
import type * as records from '../../src/records/index.ts'
import { intents } from '../../src/records/intents.ts'
import { integerIds, t0, textIds } from '../conformance/storage/harness.ts'
import { aDelivery, aLink, anAddress, aPlan, aReminder, aTask, organization, settings, someIds } from './made-up.ts'

type TableName = records.TableName
type Command<Item, Outcome> = records.Command<Item, Outcome>

/** What carries out commands on tables of its own. */
export type Executor = {
  readonly carryOut: <Item, Outcome>(command: Command<Item, Outcome>, items: readonly Item[]) => Promise<Outcome[]>
  /** All rows of a table, as commands see them. */
  readonly dump: <T extends TableName>(table: T) => Promise<records.Row<T>[]>
  readonly close: () => Promise<void>
}
export type OpenExecutor = (ids: IdKinds) => Promise<Executor>

type Declared = Partial<Pick<Command<null, never>, 'stages' | 'inserts' | 'absences'>>

/** A command that is made up by a test, and its outcome. */
export async function perform<Outcome>(
  { carryOut }: Pick<Executor, 'carryOut'>,
  run: (rows: records.Rows) => Outcome,
  { stages = [], ...declared }: Declared = {},
): Promise<Outcome> {
  const made = await carryOut({ ...declared, stages, run: (rows) => [{ outcome: run(rows) }], held: null }, [null])
  const [first] = made
  if (first === undefined) throw new Error('no outcome')
  return first.outcome
}

/** Declares these in one stage. */
export const reading = (...reads: records.Read[]): Pick<Command<null, never>, 'stages'> => ({ stages: [() => reads] })

/** What every executor of commands holds to. */
export function rowsConformance(name: string, open: OpenExecutor): void {
  const opened: Executor[] = []
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close()
  })
  const opening = async (ids: IdKinds = integerIds): Promise<Executor> => {
    const executor = await open(ids)
    opened.push(executor)
    return executor
  }
  const one = async <T>(list: Promise<readonly T[]>): Promise<T> => {
    const [first, ...others] = await list
    expect(others).toEqual([])
    if (first === undefined) throw new Error('there is no row')
    return first
  }
  const reminderNeeds: Declared['inserts'] = () => [['appointment_reminders', 5]]
  const deliveryNeeds: Declared['inserts'] = () => [['notification_history', 5]]
  const addReminder = (executor: Executor, row = aReminder()) =>
    perform(executor, (rows) => rows.insert('appointment_reminders', row), { inserts: reminderNeeds })
  const addDelivery = (executor: Executor, row = aDelivery()) =>
    perform(executor, (rows) => rows.insert('notification_history', row), { inserts: deliveryNeeds })

  describe(`rows of ${name}`, () => {
    describe.each([
      ['integers', integerIds],
      ['texts', textIds],
    ])('with host ids that are %s', (_, kinds) => {
      const id = someIds(kinds)

      it('keep what was inserted, column by column', async () => {
        const executor = await opening(kinds)
        const reminder = aReminder({
          appointment_id: id(7),
          recipient_id: id(1),
          hours_before_appointment: 0.1,
          error_message: `it's "quoted"\n\u{1F600} \\ {}`,
          held_at: 1,
          subject: '',
        })
        const reminderId = await addReminder(executor, reminder)
        expect(await one(executor.dump('appointment_reminders'))).toEqual({ ...reminder, id: reminderId })
        const again = await perform(executor, (rows) => rows.get(keys.reminder, { id: reminderId }), {
          ...reading(read(keys.reminder, { id: reminderId })),
        })
        expect(again).toEqual({ ...reminder, id: reminderId })
      })

      it.each(['update', 'none'] as const)('are found by keys of several columns, lock %s', async (lock) => {
        const executor = await opening(kinds)
        const reminder = aReminder({ appointment_id: id(7), recipient_id: id(1) })
        const reminderId = await addReminder(executor, reminder)
        await addReminder(executor, { ...reminder, organization_id: 'another' })
        await addReminder(executor, { ...reminder, appointment_id: id(8) })
        const of = { appointment_id: id(7), organization_id: organization }
        const [found, none] = await perform(
          executor,
          (rows) => [
            rows.list(keys.liveReminders, of),
            rows.list(keys.liveReminders, { ...of, organization_id: 'nobody' }),
          ],
          reading(
            read(keys.liveReminders, of, lock),
            read(keys.liveReminders, { ...of, organization_id: 'nobody' }, lock),
          ),
        )
        expect(found).toEqual([{ ...reminder, id: reminderId }])
        expect(none).toEqual([])
      })

      it('are counted in recipients of a plan that has its id from the same command', async () => {
        const executor = await opening(kinds)
        const plan = aPlan({ appointment_id: id(7), custom_reminders: '[24,"1d@18:00"]' })
        const link = (rows: records.Rows) => {
          const plan_id = rows.insert('reminder_plans', plan)
          rows.ensure('reminder_plan_recipients', aLink({ plan_id, recipient_id: id(1) }))
          rows.append('reminder_plan_recipients', aLink({ plan_id, recipient_id: id(2) }))
          rows.update('reminder_plans', plan_id, { revision: 9 })
        }
        await perform(executor, link, { inserts: () => [['reminder_plans', 1]] })
        const { custom_reminders, recipients, ...found } = await one(executor.dump('reminder_plans'))
        expect(found).toMatchObject({ appointment_id: id(7), starts_at: plan.starts_at, revision: 9 })
        expect(JSON.parse(custom_reminders ?? '')).toEqual([24, '1d@18:00'])
        expect(JSON.parse(recipients)).toEqual(JSON.parse(plan.recipients))
        const links = await executor.dump('reminder_plan_recipients')
        expect(links.map((link) => [link.plan_id, link.recipient_id]).sort()).toEqual([
          [found.id, id(1)],
          [found.id, id(2)],
        ])
      })
    })

    it('are absent where they are declared and not there', async () => {
      const executor = await opening()
      const of = { organization_id: organization }
      const answers = await perform(
        executor,
        (rows) => [
          rows.get(keys.settings, of),
          rows.get(keys.planRevision, { ...of, appointment_id: 7 }),
          rows.list(keys.openOfAppointment, { appointment_id: 7 }),
          rows.list(keys.planLinks, { recipient_type: 'PATIENT', recipient_id: 1 }),
        ],
        reading(
          read(keys.settings, of),
          read(keys.planRevision, { ...of, appointment_id: 7 }, 'share'),
          read(keys.openOfAppointment, { appointment_id: 7 }),
          read(keys.planLinks, { recipient_type: 'PATIENT', recipient_id: 1 }, 'none'),
        ),
      )
      expect(answers).toEqual([undefined, undefined, [], []])
    })

    it('are not found by null', async () => {
      const executor = await opening()
      await addDelivery(executor, aDelivery({ appointment_id: null, reminder_id: null }))
      const of = { appointment_id: null }
      const found = await perform(
        executor,
        (rows) => {
          rows.insert('notification_history', aDelivery({ appointment_id: null }))
          return rows.list(keys.openOfAppointment, of)
        },
        { ...reading(read(keys.openOfAppointment, of)), inserts: deliveryNeeds },
      )
      expect(found).toEqual([])
    })

    it('are found by keys with words that a statement has to quote', async () => {
      const executor = await opening()
      const key: records.WholeKey<'appointment_reminders', 'appointment_id'> = {
        table: 'appointment_reminders',
        by: ['appointment_id'],
        columns: null,
        where: { message: ["it's", '"'], subject: 'null' },
      }
      for (const message of ["it's", 'another', null])
        await addReminder(executor, aReminder({ offset: `${message}`, message }))
      const found = (rows: records.Rows) => rows.list(key, { appointment_id: 7 }).map(({ message }) => message)
      for (const lock of ['update', 'none'] as const) {
        expect(await perform(executor, found, reading(read(key, { appointment_id: 7 }, lock)))).toEqual(["it's"])
      }
    })

    it('are inserted once by their unique key, in one command and by the next', async () => {
      const executor = await opening()
      const delivery = aDelivery({ dedupe_key: "it's once" })
      const declared = {
        ...reading(read(keys.deliveryOnce, { organization_id: organization, dedupe_key: "it's once" }, 'none')),
        inserts: deliveryNeeds,
      }
      const twice = (rows: records.Rows) => [delivery, delivery].map((row) => rows.insertNew(keys.deliveryOnce, row))
      const [first, second] = await perform(executor, twice, declared)
      expect([first, second]).toEqual([expect.any(Number), null])
      expect(await perform(executor, twice, declared)).toEqual([null, null])
      expect(await one(executor.dump('notification_history'))).toEqual({ ...delivery, id: first })
    })

    it('are appended once by their unique key', async () => {
      const executor = await opening()
      const row = anAddress({ suppression_code: 'first' })
      const { organization_id, channel, address } = row
      const declared = reading(read(keys.address, { organization_id, channel, address }, 'none'))
      const twice = (rows: records.Rows) =>
        ['first', 'second'].map((code) => rows.appendNew(keys.address, { ...row, suppression_code: code }))
      expect(await perform(executor, twice, declared)).toEqual([true, false])
      expect(await perform(executor, twice, declared)).toEqual([false, false])
      expect(await one(executor.dump('notification_addresses'))).toEqual({ ...row, id: expect.any(Number) })
    })

    it('stay as they are where they are only to be there', async () => {
      const executor = await opening()
      const reminderId = await addReminder(executor)
      const task = aTask({ reminder_id: reminderId, notification_id: null, facts: '{"first":[1.5,null]}' })
      for (const facts of [task.facts, '{}']) {
        await perform(executor, (rows) => {
          rows.ensure('task_manager_tasks', { ...task, facts })
          rows.ensure('task_manager_tasks', { ...task, facts: '"later"' })
        })
      }
      const { id, facts, ...found } = await one(executor.dump('task_manager_tasks'))
      expect({ ...found, id: unassigned, facts: JSON.parse(facts) }).toEqual({ ...task, facts: JSON.parse(task.facts) })
      expect(id).toBeGreaterThan(0)
    })

    it('change where they hold what the update asks for', async () => {
      const executor = await opening()
      const id = await addReminder(executor)
      const seen = await perform(
        executor,
        (rows) => {
          const update = (subject: string, only?: records.Condition<'appointment_reminders'>) => {
            rows.update('appointment_reminders', id, { subject }, only)
            return rows.get(keys.reminder, { id })?.subject
          }
          return [
            update('sent', { status: ['SENT', 'FAILED'] }),
            update('nothing', { status: [] }),
            update('pending', { status: ['SENT', 'PENDING'], organization_id: [organization] }),
            update('another', { status: ['PENDING'], organization_id: ["o'ther"] }),
            update('all'),
          ]
        },
        reading(read(keys.reminder, { id })),
      )
      expect(seen).toEqual([null, null, 'pending', 'pending', 'all'])
      expect(await one(executor.dump('appointment_reminders'))).toEqual({ ...aReminder(), id, subject: 'all' })
      const gone = id + 1000
      await perform(
        executor,
        (rows) => rows.update('appointment_reminders', gone, { subject: 'nobody' }),
        reading(read(keys.reminder, { id: gone })),
      )
      expect((await one(executor.dump('appointment_reminders'))).subject).toBe('all')
    })

    it('change where they were read in part, which shows it', async () => {
      const executor = await opening()
      const reminderId = await addReminder(executor)
      const delivery = { delivery_state: 'sending', fence: 5, reminder_id: reminderId } as const
      const id = await addDelivery(executor, aDelivery(delivery))
      const pending = { status: ['PENDING'] } as const
      const seen = await perform(
        executor,
        (rows) => {
          const read = () => [rows.get(keys.reminderStatus, { id: reminderId }), rows.get(keys.attempt, { id })]
          const before = read()
          rows.update('appointment_reminders', reminderId, { status: 'SENT', subject: 'one' }, pending)
          rows.update('appointment_reminders', reminderId, { status: 'FAILED', subject: 'two' }, pending)
          rows.update('notification_history', id, { delivery_state: 'settled', fence: 6, subject: 'three' })
          return [...before, ...read()]
        },
        {
          stages: [
            () => [readThrough(keys.reminderStatus, keys.delivery, 'reminder_id', { id })],
            () => [read(keys.attempt, { id })],
          ],
        },
      )
      expect(seen).toMatchObject([
        { id: reminderId, status: 'PENDING' },
        { id, ...delivery },
        { id: reminderId, status: 'SENT' },
        { id, delivery_state: 'settled', fence: 6, reminder_id: reminderId },
      ])
      expect(await one(executor.dump('appointment_reminders'))).toMatchObject({ status: 'SENT', subject: 'one' })
      expect(await one(executor.dump('notification_history'))).toMatchObject({ fence: 6, subject: 'three' })
      const gone = id + 1000
      const nobody = await perform(
        executor,
        (rows) => {
          rows.update('notification_history', gone, { subject: 'nobody' })
          return rows.get(keys.attempt, { id: gone })
        },
        reading(read(keys.attempt, { id: gone })),
      )
      expect(nobody).toBeUndefined()
    })

    it('are seen as the command itself made them', async () => {
      const executor = await opening()
      const [first, second] = [await addReminder(executor, aReminder({ offset: 'a' })), await addReminder(executor)]
      const of = { appointment_id: 7, organization_id: organization }
      const offsets = (rows: records.Rows) =>
        rows
          .list(keys.liveReminders, of)
          .map(({ offset }) => offset)
          .sort()
      const seen = await perform(
        executor,
        (rows) => {
          const before = offsets(rows)
          rows.update('appointment_reminders', first, { status: 'CANCELLED', live: null })
          const cancelled = offsets(rows)
          const third = rows.insert('appointment_reminders', aReminder({ offset: 'a' }))
          rows.update('appointment_reminders', third, { message: 'anew' })
          const inserted = rows.list(keys.liveReminders, of).find(({ id }) => id === third)?.message
          rows.deleteBy('appointment_reminders', { id: second })
          return [before, cancelled, inserted, offsets(rows), rows.get(keys.reminder, { id: second })]
        },
        { ...reading(read(keys.liveReminders, of), read(keys.reminder, { id: second })), inserts: reminderNeeds },
      )
      expect(seen).toEqual([['24h', 'a'], ['24h'], 'anew', ['a'], undefined])
      const rows = await executor.dump('appointment_reminders')
      expect(rows.map(({ live, message }) => `${live} ${message}`).sort()).toEqual(['1 anew', 'null null'])
    })

    it('are deleted without being read, and may come again at once', async () => {
      const executor = await opening()
      const outcome = { appointment_id: 7, organization_id: organization }
      const record = (day: string) =>
        perform(executor, (rows) => {
          rows.deleteBy('appointment_outcomes', outcome)
          rows.append('appointment_outcomes', { ...outcome, outcome: 'attended', day, detail: 'x', recorded_at: 5 })
        })
      await record('2031-03-10')
      await record('2031-03-11')
      expect((await one(executor.dump('appointment_outcomes'))).day).toBe('2031-03-11')
      const link = aLink({ plan_id: 3 })
      await perform(executor, (rows) => rows.append('reminder_plan_recipients', link))
      await perform(executor, (rows) => {
        rows.ensure('reminder_plan_recipients', { ...link, recipient_id: 2 })
        rows.deleteBy('reminder_plan_recipients', { plan_id: 3 })
        rows.deleteBy('reminder_plan_recipients', { plan_id: 4 })
        rows.ensure('reminder_plan_recipients', { ...link, recipient_id: 3 })
      })
      expect(await executor.dump('reminder_plan_recipients')).toEqual([{ ...link, recipient_id: 3 }])
    })

    it('count, never below zero', async () => {
      const executor = await opening()
      const counter = { organization_id: organization, day: '2031-03-10', measure: 'SENT' } as const
      const of = { ...counter, channel: 'EMAIL', category: 'REMINDER', provider: "it's", detail: '' } as const
      const add = (...counts: number[]) =>
        perform(executor, (rows) => {
          for (const count of counts) rows.add({ ...of, count })
          rows.add({ ...of, detail: 'other', count: 1 })
        })
      const count = () =>
        perform(executor, (rows) => rows.get(keys.counter, of)?.count ?? 0, reading(read(keys.counter, of, 'none')))
      await add(-1)
      expect(await count()).toBe(0)
      await add(2, 3)
      expect(await count()).toBe(5)
      await add(-2)
      expect(await count()).toBe(3)
      await add(-7)
      expect(await count()).toBe(0)
      const others = (await executor.dump('notification_counters')).filter(({ detail }) => detail === 'other')
      expect((await one(Promise.resolve(others))).count).toBe(4)
    })

    it('are looked at earlier, never later', async () => {
      const executor = await opening()
      const id = await addReminder(executor)
      const delivery = await addDelivery(executor)
      await perform(executor, (rows) => {
        rows.ensure('task_manager_tasks', aTask({ reminder_id: id, notification_id: null, next_at: 1000 }))
        rows.ensure('task_manager_tasks', aTask({ reminder_id: null, notification_id: delivery, next_at: 1000 }))
      })
      await perform(executor, (rows) => {
        rows.touch({ reminder_id: id }, 500)
        rows.touch({ notification_id: delivery }, 2000)
        rows.touch({ notification_id: delivery + 1000 }, 1)
      })
      const tasks = await executor.dump('task_manager_tasks')
      expect(tasks.map((task) => [task.reminder_id, task.next_at, task.touched])).toEqual(
        expect.arrayContaining([
          [id, 500, 1],
          [null, 1000, 1],
        ]),
      )
    })

    it('are read through others that hold their ids', async () => {
      const executor = await opening()
      const reminder_id = await addReminder(executor)
      const ids = [await addDelivery(executor, aDelivery({ reminder_id })), await addDelivery(executor)]
      const lost = await addDelivery(executor, aDelivery({ reminder_id: reminder_id + 1000 }))
      const found = await perform(
        executor,
        (rows) =>
          [...ids, lost, lost + 1000].map((id) => {
            const delivery = rows.get(keys.delivery, { id })
            const held = delivery?.reminder_id ?? null
            return held === null ? delivery?.id : rows.get(keys.reminder, { id: held })?.id
          }),
        {
          stages: [
            () =>
              [...ids, lost, lost + 1000].map((id) => readThrough(keys.reminder, keys.delivery, 'reminder_id', { id })),
            () => [...ids, lost, lost + 1000].map((id) => read(keys.delivery, { id })),
          ],
        },
      )
      expect(found).toEqual([reminder_id, ids[1], undefined, undefined])
    })

    it('of a reminder that waits for another delivery stay, where one of its deliveries is cancelled', async () => {
      const executor = await opening()
      const other = await addDelivery(executor)
      const reminder_id = await addReminder(executor, aReminder({ due_at: null, notification_id: other }))
      const id = await addDelivery(executor, aDelivery({ reminder_id }))
      const about = { organizationId: organization, appointmentId: 7, waitlistEntryId: null, entries: [] }
      const cancel = {
        kind: 'cancel',
        work: { kind: 'delivery', id, fence: 0 },
        rule: 'suppressed',
        decision: about,
      } as const
      expect(await executor.carryOut(intents(t0), [cancel])).toEqual([{ status: 'committed', delivery: null }])
      const deliveries = await executor.dump('notification_history')
      expect(deliveries.map((row) => [row.id, row.delivery_state]).sort()).toEqual([
        [other, 'queued'],
        [id, 'cancelled'],
      ])
      expect((await one(executor.dump('appointment_reminders'))).status).toBe('PENDING')
    })

    it('are read in part', async () => {
      const executor = await opening()
      const row = { ...settings(), revision: 3 }
      const of = { organization_id: row.organization_id }
      await perform(executor, (rows) => rows.insert('notification_settings', row), {
        inserts: () => [['notification_settings', 1]],
      })
      const lockings = ['update', 'share', 'none'] as const
      for (const lock of lockings) {
        const found = await perform(executor, (rows) => rows.get(keys.settingsRevision, of), {
          ...reading(read(keys.settingsRevision, of, lock)),
        })
        expect(found).toMatchObject({ revision: 3 })
      }
    })

    it('are read whole without a lock, dates, flags and JSON too', async () => {
      const executor = await opening()
      const row = { ...settings(), email_templates: '{"a":"it\'s"}', email_enabled: 0, sms_enabled: null }
      const of = { organization_id: row.organization_id }
      const id = await perform(executor, (rows) => rows.insert('notification_settings', row), {
        inserts: () => [['notification_settings', 1]],
      })
      const found = await perform(
        executor,
        (rows) => rows.get(keys.settings, of),
        reading(read(keys.settings, of, 'none')),
      )
      const json = (one: Pick<records.Row<'notification_settings'>, 'email_templates' | 'default_email_reminders'>) =>
        [one.email_templates, one.default_email_reminders].map((text) => JSON.parse(text ?? ''))
      if (found === undefined) throw new Error('there are no settings')
      expect(json(found)).toEqual(json(row))
      const { email_templates, default_email_reminders, default_sms_reminders } = found
      expect(found).toEqual({ ...row, id, email_templates, default_email_reminders, default_sms_reminders })
    })

    it('are the same for all items of a call, each of which sees what those before it did', async () => {
      const executor = await opening()
      const command: Command<string, number> = {
        stages: [() => [read(keys.liveReminders, { appointment_id: 7, organization_id: organization })]],
        inserts: () => [['appointment_reminders', 1]],
        run: (rows, offsets) =>
          offsets.map((offset) => {
            rows.insert('appointment_reminders', aReminder({ offset }))
            return rows.list(keys.liveReminders, { appointment_id: 7, organization_id: organization }).length
          }),
        held: null,
      }
      expect(await executor.carryOut(command, ['a', 'b', 'c'])).toEqual([1, 2, 3])
      expect(await executor.carryOut(command, [])).toEqual([])
      expect(await executor.carryOut(command, ['d'])).toEqual([4])
    })

    it('stay as they were where a command fails', async () => {
      const executor = await opening()
      const failing = perform(
        executor,
        (rows) => {
          rows.insert('appointment_reminders', aReminder())
          rows.append('reminder_plan_recipients', aLink({}))
          throw new Error('this command fails')
        },
        { inserts: reminderNeeds },
      )
      await expect(failing).rejects.toThrow('this command fails')
      expect(await executor.dump('appointment_reminders')).toEqual([])
      expect(await executor.dump('reminder_plan_recipients')).toEqual([])
    })
  })
}
