import type { DeliveryRow, DuePage, DueQuery, Lane, ReminderRow, Storage } from '../../ports/storage.ts'
import type { DueWork } from './work.ts'

/** Where due work comes from. */
export type WorkSource = {
  readonly reminders: (query: DueQuery) => Promise<DuePage<ReminderRow>>
  readonly deliveries: (query: DueQuery) => Promise<DuePage<DeliveryRow>>
  /** The earliest due time, `after` an instant where one is given; null: there is none. */
  readonly nextDueAt: (after?: Date) => Promise<Date | null>
}

export const allDue = ({ reminders, deliveries }: Storage): WorkSource => ({
  reminders: reminders.due.bind(reminders),
  deliveries: deliveries.due.bind(deliveries),
  nextDueAt: deliveries.nextDueAt.bind(deliveries),
})

/** Due reminders and deliveries, these with the reminders that they are of; `more`: lanes of which more may be due. */
export async function readWork(
  source: WorkSource,
  { reminders: store }: Storage,
  query: DueQuery,
): Promise<{ readonly works: readonly DueWork[]; readonly more: readonly Lane[] }> {
  const [reminders, deliveries] = await Promise.all([source.reminders(query), source.deliveries(query)])
  const ids = deliveries.rows.flatMap(({ reminderId }) => reminderId ?? [])
  const found = ids.length === 0 ? [] : await store.find(ids)
  const reminderOf = new Map(found.map((reminder) => [reminder.id, reminder]))
  const works: DueWork[] = reminders.rows.map((reminder) => ({ kind: 'reminder', reminder, delivery: null }))
  for (const delivery of deliveries.rows) {
    const reminder = reminderOf.get(delivery.reminderId ?? Number.NaN)
    works.push(
      reminder === undefined ? { kind: 'notice', reminder: null, delivery } : { kind: 'retry', reminder, delivery },
    )
  }
  return { works, more: [...reminders.more, ...deliveries.more] }
}
