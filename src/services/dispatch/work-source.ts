import type { DeliveryRow, DuePage, DueQuery, Lane, ReminderRow } from '../../ports/storage.ts'
import type { Store } from '../../records/store.ts'
import type { DueWork } from './work.ts'

/** Where due work comes from. */
export type WorkSource = {
  readonly reminders: (query: DueQuery) => Promise<DuePage<ReminderRow>>
  readonly deliveries: (query: DueQuery) => Promise<DuePage<DeliveryRow>>
  /** The earliest due time, `after` an instant where one is given; null: there is none. */
  readonly nextDueAt: (after?: Date) => Promise<Date | null>
}

export const allDue = ({ reminders, deliveries }: Store): WorkSource => ({
  reminders: reminders.due.bind(reminders),
  deliveries: deliveries.due.bind(deliveries),
  nextDueAt: deliveries.nextDueAt.bind(deliveries),
})

/** Due reminders and deliveries, these with the reminders that they are of, earliest first; `more`: lanes of which more may be due. */
export async function readWork(
  source: WorkSource,
  storage: Store,
  query: DueQuery,
): Promise<{ readonly works: readonly DueWork[]; readonly more: readonly Lane[] }> {
  const [reminders, deliveries] = await Promise.all([source.reminders(query), source.deliveries(query)])
  const works: DueWork[] = reminders.rows.map((reminder) => ({ kind: 'reminder', reminder, delivery: null }))
  works.push(...(await withReminders(storage, deliveries.rows)))
  works.sort((one, other) => dueTime(one) - dueTime(other))
  return { works, more: [...reminders.more, ...deliveries.more] }
}

const dueTime = ({ reminder, delivery }: DueWork): number => (delivery ?? reminder)?.dueAt?.getTime() ?? 0

export async function withReminders(
  { reminders: store }: Store,
  deliveries: readonly DeliveryRow[],
): Promise<readonly DueWork[]> {
  const ids = deliveries.flatMap(({ reminderId }) => reminderId ?? [])
  const found = ids.length === 0 ? [] : await store.find(ids)
  const reminderOf = new Map(found.map((reminder) => [reminder.id, reminder]))
  return deliveries.map((delivery) => {
    const reminder = reminderOf.get(delivery.reminderId ?? Number.NaN)
    return reminder === undefined ? { kind: 'notice', reminder: null, delivery } : { kind: 'retry', reminder, delivery }
  })
}
