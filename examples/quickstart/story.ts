import { setTimeout as sleep } from 'node:timers/promises'
import type { ExplanationLine, Notifications } from 'appointment-notifications'
import { ada, ben, type Clinic, cleo, dan, organizationId } from './clinic.ts'
import type { Inbox } from './inbox.ts'
import { print } from './report.ts'

export const adaAtHome = 'ada@home.example'

const hourMs = 3_600_000
const inHours = (hours: number, andMs = 0): Date => new Date(Date.now() + hours * hourMs + andMs)

type Stage = {
  readonly library: Notifications
  readonly clinic: Clinic
  readonly inbox: Inbox
  readonly account: { readonly username: string; readonly password: string }
}
export type Outcome = Awaited<ReturnType<typeof live>>

/** Runs the day, and reads the results from the library. */
export async function live({ library, clinic, inbox, account }: Stage) {
  const { notifications, settings, events } = library
  events.on('error', ({ code, message }) => print(`error ${code}: ${message}`))
  let silenced = false
  events.on('reminder.cancelled', ({ appointmentId, rule }) => {
    silenced ||= appointmentId === 104 && rule === 'appointment_cancelled'
  })

  print('The clinic enters its mail server; reminders go out 24 and 2 hours before, by e-mail only.')
  await settings.createOrganizationSettings(organizationId, {
    emailSmtpHost: '127.0.0.1',
    emailSmtpPort: inbox.port,
    emailUsername: account.username,
    emailPassword: account.password,
    emailFromAddress: account.username,
    emailFromName: 'Harbour Clinic',
    smsEnabled: false,
    defaultEmailReminders: [24, 2],
  })
  print('Ada wants a third reminder, one hour before, and all of them at another address.')
  await settings.createPreferences(
    { type: 'PATIENT', id: ada.id },
    { emailReminders: [24, 2, 1], emailAddress: adaAtHome },
  )
  // From here on, due messages are sent.
  await library.start()

  print('101: Ada books for in two hours: the 24 h reminder is past, the 2 h one due in seconds.')
  clinic.book(101, ada, inHours(2, 4000))
  await notifications.appointmentBooked(101)
  print('102: Ben books for in three days.')
  clinic.book(102, ben, inHours(72))
  await notifications.appointmentBooked(102)
  print('103: Cleo books for in four days.')
  clinic.book(103, cleo, inHours(96))
  await notifications.appointmentBooked(103)
  print('104: Dan books for in two hours; his 2 h reminder, too, is due in seconds.')
  clinic.book(104, dan, inHours(2, 5000))
  await notifications.appointmentBooked(104)
  await until('four confirmations', () => inbox.mails.length >= 4)

  print('102 is moved to a day later: its reminders move, and Ben is notified.')
  const movedTo = inHours(96)
  clinic.change(102, { startsAt: movedTo })
  await notifications.appointmentRescheduled(102)
  print('103 is cancelled: so are its reminders, and Cleo is notified.')
  clinic.change(103, { status: 'cancelled' })
  await notifications.appointmentCancelled(103)
  print('104 is cancelled in the clinic’s own database, without a report to the library.')
  clinic.change(104, { status: 'cancelled' })
  await until('the notices of the move and the cancellation', () => inbox.mails.length >= 6)

  print('The 2 h reminders of 101 and 104 become due.')
  await until('the 2 h reminder of 101', () => inbox.mails.length >= 7)
  await until('the decision about the 2 h reminder of 104', () => silenced)
  await sleep(1000) // time enough for a mail that must not come
  print('Everything due has been handled.')

  const titles = [
    [101, '101, Ada: booked'],
    [102, '102, Ben: booked, then moved'],
    [103, '103, Cleo: booked, then cancelled'],
    [104, '104, Dan: booked, then cancelled without a report'],
  ] as const
  const stories: [title: string, lines: readonly ExplanationLine[]][] = []
  for (const [id, title] of titles) stories.push([title, await notifications.explain(id)])
  return {
    stories,
    movedTo,
    ada: await notifications.getReminders(101),
    ben: await notifications.getReminders(102),
    cleo: await notifications.getReminders(103),
    settings: await settings.getOrganizationSettings(organizationId),
    history: await notifications.history({ organizationId }),
  }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 15_000
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`no sign of ${what} within 15 seconds`)
    await sleep(20)
  }
}
