import type * as records from '../../../src/records/index.ts'
import type { Session } from './engine.ts'
import { qualified, quoted } from './names.ts'
import { encodeParameter } from './values.ts'

/** Those whose rows decide what is planned; of what else is relied on, the command itself inserts the row. */
const decisive: readonly records.TableName[] = [
  'notification_settings',
  'patient_notification_preferences',
  'client_notification_preferences',
]

const savepoint = 'appointment_notifications_unseen'

/**
 * A transaction with one snapshot for all its statements does not see a row that was inserted since, though it has the locks that guard
 * its absence: it would plan by settings that are no longer so. The unique index knows: to insert such a row fails as a serialization
 * failure, and where there is none, the insertion is taken back.
 */
export async function requireAbsent(
  { run, schema }: Pick<Session, 'run' | 'schema'>,
  absences: readonly records.Absence[],
): Promise<void> {
  const relied = absences.filter(({ key, way }) => way === 'relies' && decisive.includes(key.table))
  if (relied.length === 0) return
  await run(`savepoint ${savepoint}`)
  for (const { key, of } of relied) {
    const others = key.by.includes('organization_id') ? [] : ['organization_id']
    const columns = [...key.by, ...others, 'revision', 'created_at', 'updated_at'].map(quoted).join(', ')
    const values = [...key.by.map((_, index) => `$${index + 1}`), ...others.map(() => `''`), '0', 'now()', 'now()']
    await run(
      `insert into ${qualified(schema, key.table)} (${columns}) values (${values.join(', ')}) on conflict do nothing`,
      key.by.map((column) => encodeParameter(of[column])),
    )
  }
  await run(`rollback to savepoint ${savepoint}; release savepoint ${savepoint}`)
}
