import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { keys } from '../../src/ports/rows/keys.ts'
import { read, readThrough } from '../../src/ports/rows/rows.ts'
import type * as records from '../../src/records/index.ts'
import { integerIds } from '../conformance/storage/harness.ts'
import { openPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { direct, replay, workingSets } from './executors.ts'
import { aDelivery, aLink, anAddress, aReminder, aTask } from './made-up.ts'
import type { Executor } from './suite.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())
const onPostgres = workingSets(() => server)

const appointments = [1, 2]
const onces = ['a', 'b']

/** What a verb is about: which appointment or recipient, and which row of those that are there. */
type Verb = { readonly name: keyof typeof verbs; readonly of: 1 | 2; readonly nth: number; readonly at: number }
type On = Omit<Verb, 'name'> & { readonly rows: records.Rows; readonly run: number; readonly organization: string }

/** Each run has rows of its own. */
const organizationOf = (run: number) => `organization ${run}`
const planOf = ({ run, of }: On): number => run * 10 + of

const byOffset = (one: { readonly offset: string }, other: { readonly offset: string }) =>
  one.offset < other.offset ? -1 : 1
const byMessage = (one: { readonly message: string }, other: { readonly message: string }) =>
  one.message < other.message ? -1 : 1
const pick = <T>(rows: readonly T[], nth: number): T | undefined => rows[nth % Math.max(rows.length, 1)]

const live = ({ rows, of, organization }: On) =>
  [...rows.list(keys.liveReminders, { appointment_id: of, organization_id: organization })].sort(byOffset)
const open = ({ rows, of, organization }: On) =>
  rows
    .list(keys.openOfAppointment, { appointment_id: of })
    .filter((row) => row.organization_id === organization)
    .sort(byMessage)

/** Ids differ from one database to the other, so answers name rows by what they hold. */
const verbs = {
  insertReminder(on: On) {
    const offset = `${on.nth}`
    if (live(on).some((row) => row.offset === offset && row.recipient_id === on.of)) return 'there'
    const { organization: organization_id, of } = on
    const row = aReminder({
      organization_id,
      appointment_id: of,
      recipient_id: of,
      offset,
      hours_before_appointment: on.nth / 10,
    })
    on.rows.insert('appointment_reminders', row)
    return live(on).length
  },
  cancelReminder(on: On) {
    const row = pick(live(on), on.nth)
    if (row === undefined) return null
    on.rows.update('appointment_reminders', row.id, {
      status: 'CANCELLED',
      live: null,
      due_at: null,
      updated_at: on.at,
    })
    return live(on).map(({ offset }) => offset)
  },
  finishReminder(on: On) {
    const row = pick(live(on), on.nth)
    if (row === undefined) return null
    on.rows.update(
      'appointment_reminders',
      row.id,
      { status: 'SENT', sent_at: on.at },
      { status: ['PENDING', 'FAILED'] },
    )
    const { status, sent_at } = on.rows.get(keys.reminder, { id: row.id }) ?? {}
    return { status, sent_at }
  },
  deleteReminder(on: On) {
    const row = pick(live(on), on.nth)
    // The database may give its id again, and nothing is to hold it then.
    if (row?.notification_id === null) on.rows.deleteBy('appointment_reminders', { id: row.id })
    return live(on).length
  },
  enqueue({ rows, of, nth, at, organization }: On) {
    const dedupe_key = pick(onces, nth) ?? ''
    const row = aDelivery({
      organization_id: organization,
      appointment_id: of,
      dedupe_key,
      message: `${dedupe_key} ${at}`,
    })
    return rows.insertNew(keys.deliveryOnce, row) === null
  },
  begin(on: On) {
    const reminder = pick(live(on), on.nth)
    if (reminder === undefined) return null
    const { organization, of, at, rows } = on
    const row = aDelivery({
      organization_id: organization,
      appointment_id: of,
      reminder_id: reminder.id,
      message: `${at}`,
    })
    rows.update('appointment_reminders', reminder.id, { notification_id: rows.insert('notification_history', row) })
    return open(on).length
  },
  settle(on: On) {
    const row = pick(open(on), on.nth)
    if (row === undefined) return null
    on.rows.update('notification_history', row.id, { delivery_state: 'settled', status: 'SENT', error_message: null })
    if (row.reminder_id !== null) on.rows.update('appointment_reminders', row.reminder_id, { error_message: 'settled' })
    return open(on).map(({ message }) => message)
  },
  replaceable(on: On) {
    const of = {
      appointment_id: on.of,
      organization_id: on.organization,
      recipient_type: 'PATIENT',
      recipient_id: 1,
      notification_type: 'EMAIL',
    } as const
    const found = on.rows.list(keys.replaceable, of)
    for (const { id } of found) on.rows.update('notification_history', id, { reason: 'superseded' })
    return [found.length, on.rows.list(keys.replaceable, of).length]
  },
  suppress({ rows, nth, at, organization }: On) {
    const address = pick(onces, nth) ?? ''
    return rows.appendNew(keys.address, anAddress({ organization_id: organization, address, created_at: at }))
  },
  useAddress({ rows, nth, at, organization }: On) {
    const of = { organization_id: organization, channel: 'EMAIL', address: pick(onces, nth) ?? '' } as const
    const row = rows.get(keys.address, of)
    if (row !== undefined) rows.update('notification_addresses', row.id, { last_worked_at: at })
    return rows.get(keys.address, of)?.last_worked_at
  },
  link: (on: On) =>
    on.rows.ensure('reminder_plan_recipients', aLink({ plan_id: planOf(on), recipient_id: (on.nth % 2) + 1 })),
  unlink: (on: On) => on.rows.deleteBy('reminder_plan_recipients', { plan_id: planOf(on) }),
  addTask(on: On) {
    const row = pick(open(on), on.nth)
    if (row !== undefined)
      on.rows.ensure(
        'task_manager_tasks',
        aTask({ organization_id: on.organization, notification_id: row.id, next_at: on.at, task_id: row.message }),
      )
  },
  touch(on: On) {
    const row = pick(open(on), on.nth)
    if (row !== undefined) on.rows.touch({ notification_id: row.id }, on.at)
  },
  removeTask(on: On) {
    const row = pick(open(on), on.nth)
    if (row !== undefined) on.rows.deleteBy('task_manager_tasks', { notification_id: row.id })
  },
  record({ rows, of, at, organization }: On) {
    const appointment = { appointment_id: of, organization_id: organization }
    const before = rows.get(keys.outcome, appointment)
    rows.deleteBy('appointment_outcomes', appointment)
    rows.append('appointment_outcomes', {
      ...appointment,
      outcome: 'attended',
      day: '2031-03-10',
      detail: `${at}`,
      recorded_at: at,
    })
    return before === undefined
  },
  decide: ({ rows, of, at, organization }: On) =>
    rows.append('notification_decisions', {
      id: 0,
      organization_id: organization,
      appointment_id: of,
      waitlist_entry_id: null,
      at,
      entries: '[{"a":1.5}]',
    }),
} as const
const names = Object.keys(verbs).filter((name): name is keyof typeof verbs => name in verbs)

/** Several items of several verbs; what is blind comes into effect between commands. */
const command = (run: number, organization = organizationOf(run)): records.Command<readonly Verb[], unknown> => ({
  stages: [
    () => [
      ...appointments.map((appointment_id) =>
        read(keys.liveReminders, { appointment_id, organization_id: organization }),
      ),
      ...appointments.map((appointment_id) =>
        readThrough(keys.reminder, keys.openOfAppointment, 'reminder_id', { appointment_id }),
      ),
    ],
    () => [
      ...appointments.map((appointment_id) => read(keys.openOfAppointment, { appointment_id })),
      ...appointments.map((appointment_id) =>
        read(keys.replaceable, {
          appointment_id,
          organization_id: organization,
          recipient_type: 'PATIENT',
          recipient_id: 1,
          notification_type: 'EMAIL',
        }),
      ),
      ...onces.map((dedupe_key) => read(keys.deliveryOnce, { organization_id: organization, dedupe_key }, 'none')),
      ...onces.map((address) =>
        read(keys.address, { organization_id: organization, channel: 'EMAIL', address }, 'none'),
      ),
      ...appointments.map((appointment_id) =>
        read(keys.outcome, { appointment_id, organization_id: organization }, 'none'),
      ),
    ],
  ],
  inserts: (all) => [
    ['appointment_reminders', all.length],
    ['notification_history', all.length],
  ],
  run: (rows, items) =>
    items.map((all) => {
      const counts = new Map<number, number>()
      const answers = all.map(({ name, ...on }) => {
        counts.set(on.of, (counts.get(on.of) ?? 0) + (on.nth % 2 === 0 ? 1 : -2))
        // Blind both: which comes first is left open.
        if (name === 'touch' && items.flat().some((other) => other.name === 'addTask')) return null
        return verbs[name]({ ...on, rows, run, organization })
      })
      for (const [of, count] of counts) {
        const at = { day: '2031-03-10', measure: 'SENT', channel: 'SMS', category: 'REMINDER', provider: '' } as const
        if (items.length === 1) rows.add({ organization_id: organization, ...at, detail: `${of}`, count })
      }
      return answers
    }),
  held: null,
})

const compared = [
  'appointment_reminders',
  'notification_history',
  'task_manager_tasks',
  'reminder_plan_recipients',
  'notification_addresses',
  'appointment_outcomes',
  'notification_counters',
  'notification_decisions',
] as const

/** All that a run left, with what rows hold in place of their ids. */
async function contents({ dump }: Executor, run: number): Promise<string[]> {
  const offsets = new Map(
    (await dump('appointment_reminders')).map((row) => [row.id, `${row.offset} ${row.recipient_id}`]),
  )
  const messages = new Map((await dump('notification_history')).map((row) => [row.id, row.message]))
  function told([name, value]: readonly [string, unknown]): unknown {
    if (name === 'reminder_id') return [name, offsets.get(Number(value))]
    if (name === 'notification_id') return [name, messages.get(Number(value))]
    return [name, name === 'entries' || name === 'facts' ? JSON.parse(String(value)) : value]
  }
  const found: string[] = []
  for (const table of compared) {
    for (const row of await dump(table)) {
      const { id, touched, ...columns }: { [column: string]: unknown } = { ...row }
      const isMine =
        columns['organization_id'] === organizationOf(run) || Math.floor(Number(columns['plan_id']) / 10) === run
      if (isMine && columns['count'] !== 0)
        found.push(JSON.stringify([table, ...Object.entries(columns).sort().map(told)]))
    }
  }
  return found.sort()
}

it('any sequence of verbs answers the same and leaves the same rows in every executor', async () => {
  const executors: readonly Executor[] = [
    await direct(integerIds),
    await replay(integerIds),
    await onPostgres(integerIds),
    await onPostgres(integerIds, { isHosts: true }),
  ]
  let runs = 0
  const verb: fc.Arbitrary<Verb> = fc.record({
    name: fc.constantFrom(...names),
    of: fc.constantFrom(1, 2),
    nth: fc.nat(3),
    at: fc.integer({ min: 1, max: 9 }).map((second) => second * 1000),
  })
  const items = fc.array(fc.array(verb, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 3 })
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(items, { minLength: 1, maxLength: 6 }), async (commands) => {
        runs += 1
        const all = await Promise.all(
          executors.map(async (executor) => {
            const answers: unknown[] = []
            for (const one of commands) answers.push(await executor.carryOut(command(runs), one))
            return { answers, rows: await contents(executor, runs) }
          }),
        )
        const [first, ...others] = all
        for (const other of others) expect(other).toEqual(first)
      }),
      { numRuns: 40, interruptAfterTimeLimit: 8000 },
    )
  } finally {
    for (const one of executors) await one.close()
  }
})
