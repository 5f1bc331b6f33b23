import { isInDoubt } from '../../domain/transitions.ts'
import type { DeliveryRow, DuePage, DueQuery, ReminderRow, SendQueue, Work } from '../../ports/storage.ts'
import type { Store } from '../../records/store.ts'
import { reminderKey } from '../messages/idempotency-key.ts'
import { parseSnapshot } from '../messages/snapshot.ts'
import { subjectName } from '../shared/accounts/account-choice.ts'

/** A due row as it was read. It may be stale: the intent commit finds out. */
export type DueWork = {
  readonly target: WorkTarget
  /** The appointment or waitlist entry that it is about, of whichever channel. */
  readonly subject: string
} & (
  | { readonly kind: 'reminder'; readonly reminder: ReminderRow; readonly delivery: null }
  /** A retry of a reminder, or one whose worker is gone. */
  | { readonly kind: 'retry'; readonly reminder: ReminderRow; readonly delivery: DeliveryRow }
  | { readonly kind: 'notice'; readonly reminder: null; readonly delivery: DeliveryRow }
)

export type WorkTarget = Pick<
  DeliveryRow,
  'organizationId' | 'appointmentId' | 'waitlistEntryId' | 'recipient' | 'channel' | 'category'
>

export function reminderWork(reminder: ReminderRow): DueWork {
  const { organizationId, appointmentId, recipient, channel } = reminder
  const target = {
    organizationId,
    appointmentId,
    waitlistEntryId: null,
    recipient,
    channel,
    category: 'REMINDER',
  } as const
  return { kind: 'reminder', reminder, delivery: null, target, subject: subjectName(target) }
}

/** `reminder`: the one that the delivery is of. */
export function deliveryWork(delivery: DeliveryRow, reminder: ReminderRow | null): DueWork {
  const about = { delivery, target: delivery, subject: subjectName(delivery) }
  return reminder === null ? { kind: 'notice', reminder, ...about } : { kind: 'retry', reminder, ...about }
}

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

/** Due reminders and deliveries, these with the reminders that they are of, earliest first; `more`: queues of which more may be due. */
export async function readWork(
  source: WorkSource,
  storage: Store,
  query: DueQuery,
): Promise<{ readonly works: readonly DueWork[]; readonly more: readonly SendQueue[] }> {
  const [reminders, deliveries] = await Promise.all([source.reminders(query), source.deliveries(query)])
  const works = reminders.rows.map(reminderWork)
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
  return deliveries.map((delivery) => deliveryWork(delivery, reminderOf.get(delivery.reminderId ?? Number.NaN) ?? null))
}

/** Page after page, each after the place of the last row before, for as long as there are any. */
export async function* pagesOf<Row, Place>(
  read: (after: Place | null) => Promise<readonly Row[]>,
  placeOf: (row: Row) => Place | null,
): AsyncGenerator<readonly Row[]> {
  let after: Place | null = null
  do {
    const rows: readonly Row[] = await read(after)
    if (rows.length > 0) yield rows
    const last = rows.at(-1)
    after = last === undefined ? null : placeOf(last)
  } while (after !== null)
}

/** Of one that another worker is sending. */
const heldUntil = ({ state, dueAt }: DeliveryRow): { readonly heldUntil?: Date } =>
  state === 'sending' && dueAt !== null ? { heldUntil: dueAt } : {}

export const workRefOf = (due: DueWork): Work =>
  due.delivery === null
    ? { kind: 'reminder', id: due.reminder.id }
    : { kind: 'delivery', id: due.delivery.id, fence: due.delivery.fence, ...heldUntil(due.delivery) }

/** Identifies a row and its fence. */
export const workKey = ({ reminder, delivery }: DueWork): string =>
  delivery === null ? `reminder ${reminder.id}` : `delivery ${delivery.id} ${delivery.fence}`

/** Work of one appointment on one channel is checked together: which reminder is nearest, who shares an address. */
export const groupKey = ({ target, subject }: DueWork): string => `${target.channel} ${subject}`

/** The same for every attempt by itself. One that went out in another one's message has the key of that in its row. */
export function idempotencyKeyOf({ reminder, delivery }: DueWork): string {
  if (delivery === null) return keyOfReminder(reminder)
  return delivery.sentWith === null || reminder === null ? delivery.idempotencyKey : keyOfReminder(reminder)
}

/** Cached: a digest that is needed several times. */
const reminderKeys = new WeakMap<ReminderRow, string>()

function keyOfReminder(reminder: ReminderRow): string {
  let key = reminderKeys.get(reminder)
  if (key === undefined) {
    key = reminderKey(reminder)
    reminderKeys.set(reminder, key)
  }
  return key
}

/** A reminder's own time, or when a notice was asked for. */
export const wantedAt = (due: DueWork): Date =>
  due.reminder === null ? due.delivery.createdAt : due.reminder.reminderTime

/** The start, from the rows; null: they have none. */
export const startByRows = ({ reminder, delivery }: DueWork): Date | null =>
  reminder?.startsAt ?? parseSnapshot(delivery?.snapshot ?? null)?.start.instant ?? null

/** An earlier attempt may have arrived although its outcome is unknown. */
export const mayHaveGoneOut = ({ delivery }: DueWork): boolean => delivery !== null && isInDoubt(delivery)

/** Which row it is, for the log. */
export const logFieldsOf = (due: DueWork) => ({
  organizationId: due.target.organizationId,
  reminderId: due.reminder?.id ?? null,
  notificationId: due.delivery?.id ?? null,
})
