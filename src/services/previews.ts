import { type Appointment, isSameRecipient } from '../domain/appointment.ts'
import { parseStart } from '../domain/local-time.ts'
import { isNotificationError } from '../errors.ts'
import type { ReminderRow } from '../ports/storage.ts'
import type { Context } from './context.ts'
import { Knowledge } from './knowledge.ts'
import { renderFor } from './notices.ts'

type Preview = { readonly subject: string | null; readonly text: string }

/**
 * The text a reminder would have if it went out at its time, by the templates and the appointment as they are now. One of a
 * start that is no more has the text of its own start.
 */
export class Previews {
  readonly #appointment: Appointment | null
  readonly #knowledge: Knowledge | null

  private constructor(appointment: Appointment | null, knowledge: Knowledge | null) {
    this.#appointment = appointment
    this.#knowledge = knowledge
  }

  static of(appointment: Appointment, knowledge: Knowledge): Previews {
    return new Previews(appointment, knowledge)
  }

  /**
   * Without previews where the host does not say what the appointment (null) or its organization is: reading rows must not
   * fail because of it.
   */
  static async forAppointment(context: Context, appointment: Appointment | null): Promise<Previews> {
    if (appointment === null) return new Previews(null, null)
    try {
      return new Previews(appointment, await Knowledge.load(context, [appointment]))
    } catch (error) {
      if (isNotificationError(error) && error.code === 'directory_failed') return new Previews(null, null)
      throw error
    }
  }

  of(row: ReminderRow): Preview | null {
    const appointment = this.#appointment
    const knowledge = this.#knowledge
    const recipient = appointment?.recipients.find((one) => isSameRecipient(one, row.recipient))
    if (appointment === null || knowledge === null || recipient === undefined) return null
    const { channel, organizationId, startsAt, reminderTime: now } = row
    const { start } = appointment
    const isOfStart = startsAt.getTime() === start.instant.getTime()
    const subject = isOfStart ? appointment : { ...appointment, start: parseStart(startsAt, start.timeZone) }
    const organization = knowledge.organization(organizationId)
    const { policy } = knowledge.surroundings(organizationId)
    return renderFor({ channel, category: 'REMINDER', subject, recipient, organization, now }, policy)
  }
}
