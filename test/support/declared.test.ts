import { expect, it } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { keys } from '../../src/ports/rows/keys.ts'
import { type Command, type Rows, read, readThrough } from '../../src/ports/rows/rows.ts'
import { integerIds } from '../conformance/storage/harness.ts'
import { aDelivery, anAddress, aReminder, organization, settings } from '../records/made-up.ts'
import { perform, reading } from '../records/suite.ts'
import { declaring } from './declared.ts'
import { migratedDatabase } from './migrated-sqlite.ts'

type Declared = Partial<Pick<Command<null, never>, 'stages' | 'inserts'>>

async function opened() {
  const { carry } = declaring(sqlite({ database: await migratedDatabase(integerIds) }))
  const run = <T>(step: (rows: Rows) => T, declared?: Declared) => perform({ carryOut: carry }, step, declared)
  const inserts = () => [['appointment_reminders', 1] as const, ['notification_history', 1] as const]
  const id = await run((rows) => rows.insert('appointment_reminders', aReminder()), { inserts })
  const deliveryId = await run((rows) => rows.insert('notification_history', aDelivery({ reminder_id: id })), {
    inserts,
  })
  return { run, id, deliveryId }
}

const undeclared = /without having declared it/
const of = { organization_id: organization }

it('rows that were not declared are neither there nor absent', async () => {
  const { run, id, deliveryId } = await opened()
  const declared = reading(read(keys.reminder, { id }))
  const refused: readonly ((rows: Rows) => unknown)[] = [
    (rows) => rows.get(keys.settings, of),
    (rows) => rows.get(keys.delivery, { id: deliveryId }),
    (rows) => rows.list(keys.remindersOfAppointment, { appointment_id: 7 }),
    (rows) => rows.update('notification_history', deliveryId, { subject: 'one' }),
    (rows) => rows.insertNew(keys.settings, settings()),
    (rows) => rows.appendNew(keys.address, anAddress()),
  ]
  for (const step of refused) await expect(run(step, declared)).rejects.toThrow(undeclared)
  await expect(run((rows) => rows.insert('notification_settings', settings()))).rejects.toThrow(/more rows/)
})

it('rows are known by what they were read by, whole or in part, and through others', async () => {
  const { run, id, deliveryId } = await opened()
  const part = reading(read(keys.reminderStatus, { id }))
  const status = { status: ['PENDING'] } as const
  await run((rows) => rows.update('appointment_reminders', id, { subject: 'one' }, status), part)
  await expect(run((rows) => rows.get(keys.reminder, { id }), part)).rejects.toThrow(undeclared)
  const other = { organization_id: [organization] }
  await expect(
    run((rows) => rows.update('appointment_reminders', id, { subject: 'two' }, other), part),
  ).rejects.toThrow(undeclared)
  const through = reading(readThrough(keys.reminder, keys.delivery, 'reminder_id', { id: deliveryId }))
  expect(await run((rows) => rows.get(keys.reminder, { id })?.subject, through)).toBe('one')
})

it('what is locked in another order than everybody locks is refused', async () => {
  const { run, id, deliveryId } = await opened()
  const stages = [() => [read(keys.delivery, { id: deliveryId })], () => [read(keys.reminder, { id })]]
  await expect(run(() => {}, { stages })).rejects.toThrow(
    'a command locks appointment_reminders after notification_history',
  )
})
