import type { ServiceOptions } from '../service-options.ts'
import type { DueWork } from './work.ts'

const dayMs = 86_400_000

/** The count begins anew with every UTC day. */
const nextDay = (now: Date): Date => new Date((Math.floor(now.getTime() / dayMs) + 1) * dayMs)

/** Whether it was planned for a time of its own; else it is sent at once, as notices are: its time was past when it was planned. */
export const isOfItsTime = ({ reminder }: DueWork): boolean =>
  reminder !== null && reminder.reminderTime.getTime() > reminder.createdAt.getTime()

/** Until when what met the cap is put off; null: it waited a whole day, or the next one is too late. */
export function roomAgainAt(due: DueWork, deadline: Date | null, now: Date): Date | null {
  const since = due.reminder === null ? due.delivery.createdAt : due.reminder.reminderTime
  const until = nextDay(now)
  const isTooLate = deadline !== null && until >= deadline
  return isTooLate || now.getTime() - since.getTime() >= dayMs ? null : until
}

/**
 * How many messages the organization may begin today, this one included; null: it does not count. What is sent at once counts:
 * only that can come of a host in a loop. A reminder that is due by its own time counts where that is asked for, and is then
 * put off, but never given up: where it cannot wait, it goes out whatever the count.
 */
export function capOf(
  sendCap: ServiceOptions['sendCap'],
  due: DueWork,
  deadline: Date | null,
  now: Date,
): number | null {
  if (sendCap === null) return null
  if (!isOfItsTime(due)) return sendCap.perDay
  if (!sendCap.reminders) return null
  return roomAgainAt(due, deadline, now) === null ? Number.POSITIVE_INFINITY : sendCap.perDay
}
