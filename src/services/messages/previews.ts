import { type Appointment, isSameRecipient } from '../../domain/appointment.ts'
import { parseStart } from '../../domain/local-time.ts'
import { isNotificationError } from '../../errors.ts'
import type { ReminderRow } from '../../ports/storage.ts'
import { asksFor } from '../shared/asking.ts'
import type { Context } from '../shared/context.ts'
import { Knowledge } from '../shared/knowledge.ts'
import { renderFor } from './worded.ts'

/** The text that a reminder would have; null: nobody can say. */
export type Preview = (row: ReminderRow) => { readonly subject: string | null; readonly text: string } | null

/**
 * The text a reminder would have if it went out at its time, by the templates and the appointment as they are now. One of a
 * start that is no more has the text of its own start.
 */
export const previewBy =
  (appointment: Appointment, knowledge: Knowledge): Preview =>
  ({ recipient: ref, channel, organizationId, startsAt, reminderTime: now }) => {
    const recipient = appointment.recipients.find((one) => isSameRecipient(one, ref))
    if (recipient === undefined) return null
    const { start } = appointment
    const isOfStart = startsAt.getTime() === start.instant.getTime()
    const subject = isOfStart ? appointment : { ...appointment, start: parseStart(startsAt, start.timeZone) }
    const { policy } = knowledge.surroundings(organizationId)
    const askCode = asksFor(policy, channel, 'REMINDER') ? null : undefined
    return renderFor({ organizationId, channel, category: 'REMINDER', subject, recipient, askCode, now }, knowledge)
  }

/**
 * Without previews where the host does not say what the appointment (null) or its organization is: reading rows must not
 * fail because of it.
 */
export async function previewOf(context: Context, appointment: Appointment | null): Promise<Preview> {
  const none = () => null
  if (appointment === null) return none
  try {
    return previewBy(appointment, await Knowledge.load(context, [appointment]))
  } catch (error) {
    if (isNotificationError(error) && error.code === 'directory_failed') return none
    throw error
  }
}
