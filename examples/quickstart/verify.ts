import type { ExplanationLine } from 'appointment-notifications'
import { ada, ben, cleo, dan } from './clinic.ts'
import type { Mail } from './inbox.ts'
import { Checks, heading } from './report.ts'
import { adaAtHome, type Outcome } from './story.ts'

/** Runs the checks. Returns the exit code. */
export function verify(outcome: Outcome, mails: readonly Mail[], passwordExposed: boolean): number {
  heading('Checks')
  const checks = new Checks()
  /** 'Appointment Reminder - January 15, 2024' is a 'Reminder'. */
  const mailsTo = (address: string | null | undefined): string =>
    mails
      .filter((mail) => mail.to === address)
      .map(({ subject }) => /^Appointment (\w+)/.exec(subject)?.[1] ?? subject)
      .join(', ')
  const story = (start: string): readonly ExplanationLine[] =>
    outcome.stories.find(([title]) => title.startsWith(start))?.[1] ?? []

  const [twoHours, oneHour, ...others] = outcome.ada
  checks.check(
    '101: the 24 h reminder was past: skipped, as explain() shows',
    others.length === 0 &&
      story('101').some((one) => one.action === 'skipped' && one.rule === 'past_time' && one.offset === '24h'),
  )
  checks.check(
    '101: a confirmation at once, then the 2 h reminder, both to the address Ada chose',
    mailsTo(adaAtHome) === 'Confirmed, Reminder' && mailsTo(ada.email) === '',
  )
  const lateMs = (twoHours?.sentAt?.getTime() ?? Number.NaN) - (twoHours?.reminderTime.getTime() ?? 0)
  checks.check(
    '101: the 2 h reminder is recorded as sent, at its time (within 2 s)',
    twoHours?.offset === '2h' && twoHours.status === 'SENT' && lateMs >= 0 && lateMs < 2000,
  )
  checks.check('101: the 1 h reminder is pending', oneHour?.offset === '1h' && oneHour.status === 'PENDING')

  const moved = outcome.ben.filter((one) => one.status === 'CANCELLED' && one.reason === 'appointment_moved')
  const pending = outcome.ben.filter((one) => one.status === 'PENDING')
  const inTime = pending.every(
    (one) => outcome.movedTo.getTime() - one.reminderTime.getTime() === one.hoursBefore * 3_600_000,
  )
  checks.check(
    '102: both reminders moved with the appointment',
    moved.length === 2 && pending.length === 2 && inTime && outcome.ben.length === 4,
  )
  checks.check('102: Ben was notified of the move', mailsTo(ben.email) === 'Confirmed, Rescheduled')
  checks.check(
    '103: both reminders are cancelled, because the appointment is',
    outcome.cleo.length === 2 &&
      outcome.cleo.every((one) => one.status === 'CANCELLED' && one.reason === 'appointment_cancelled'),
  )
  checks.check('103: Cleo was notified of the cancellation', mailsTo(cleo.email) === 'Confirmed, Cancelled')
  checks.check(
    '104: nothing sent after the confirmation, for the reason that explain() shows',
    mailsTo(dan.email) === 'Confirmed' &&
      story('104').some(
        (one) => one.action === 'cancelled' && one.rule === 'appointment_cancelled' && one.offset === '2h',
      ),
  )
  const { notifications: history } = outcome.history
  checks.check(
    'seven mails, each with its own Message-ID, and all of them are sent in the history',
    mails.length === 7 &&
      new Set(mails.map((mail) => mail.messageId)).size === 7 &&
      history.length === 7 &&
      history.every((one) => one.status === 'SENT'),
  )
  checks.check(
    'the mail password is masked in the settings and not readable in the database file',
    outcome.settings.emailPassword === '********' && !passwordExposed,
  )
  return checks.conclude()
}
