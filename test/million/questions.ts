import type { Store } from '../../src/records/store.ts'
import { readHistory } from '../../src/services/insight/history.ts'
import { organizationOf } from './rows.ts'

export type Subject = {
  readonly storage: Store
  /** Between what is over and what lies ahead. */
  readonly now: Date
  readonly rows: number
}

export type Question = {
  readonly name: string
  readonly ask: (subject: Subject) => Promise<unknown>
}

export type Filter = Parameters<typeof readHistory>[1]

const dayMs = 86_400_000
const big = organizationOf(0)
const small = organizationOf(17)

/** The documented filters, each with values that are common, rare and old, and that do not occur. */
export const filtersOf = (at: (days: number) => Date, rows: number): Readonly<Record<string, Filter>> => ({
  'default page': {},
  'all states': { state: 'all' },
  queued: { state: 'queued' },
  'being sent (none)': { state: 'sending' },
  'handed over': { state: 'handed_over' },
  unknown: { state: 'unknown' },
  cancelled: { state: 'cancelled' },
  SENT: { status: 'SENT' },
  'FAILED (rare, old)': { status: 'FAILED' },
  'BOUNCED (five)': { status: 'BOUNCED' },
  SMS: { channel: 'SMS' },
  'reminders by e-mail': { channel: 'EMAIL', category: 'REMINDER' },
  'WAITLIST (rare, old)': { category: 'WAITLIST' },
  'of clients (rare, old)': { recipientType: 'CLIENT' },
  'of a patient': { recipientType: 'PATIENT', recipientId: Math.floor(rows / 5) },
  'of a recipient of any type': { recipientId: Math.floor(rows / 5) },
  'of a practitioner with a tenth of all': { recipientType: 'PRACTITIONER', recipientId: 1 },
  'BOUNCED of that practitioner (none)': { recipientType: 'PRACTITIONER', recipientId: 1, status: 'BOUNCED' },
  'of an appointment': { appointmentId: Math.floor(rows / 5) },
  'of a waitlist entry': { waitlistEntryId: 7 },
  'of a waitlist entry (none)': { waitlistEntryId: rows * 2 },
  'a day half a year ago': { startDate: at(-200), endDate: at(-199) },
  'a day half a year ago, all states': { startDate: at(-200), endDate: at(-199), state: 'all' },
  'until long ago': { endDate: at(-290) },
  'of a large organization': { organizationId: big },
  'of a large organization, all states': { organizationId: big, state: 'all' },
  'FAILED of a large organization': { organizationId: big, status: 'FAILED' },
  'queued of a large organization': { organizationId: big, state: 'queued' },
  'cancelled waitlist offers of a large organization (none)': {
    organizationId: big,
    state: 'cancelled',
    category: 'WAITLIST',
  },
  'a day of a large organization by SMS': {
    organizationId: big,
    channel: 'SMS',
    startDate: at(-250),
    endDate: at(-249),
  },
  'of a small organization': { organizationId: small },
  'of a small organization, all states': { organizationId: small, state: 'all' },
  'queued of a small organization': { organizationId: small, state: 'queued' },
  'BOUNCED of a small organization (none)': { organizationId: small, status: 'BOUNCED' },
  'of an organization without any': { organizationId: 'nobody', state: 'all' },
  'offset of a hundredth': { offset: Math.floor(rows / 100) },
  'offset of a half': { offset: Math.floor(rows / 2) },
  'offset of a half, all states': { offset: Math.floor(rows / 2), state: 'all' },
  'offset of a tenth, a large organization': { organizationId: big, offset: Math.floor(rows / 10) },
  'cursor far back': { cursor: cursorOf(at(-250)) },
  'cursor far back, a large organization, all states': {
    organizationId: big,
    state: 'all',
    cursor: cursorOf(at(-250)),
  },
})

const appointments = (rows: number) =>
  Array.from({ length: 100 }, (_, index) => ({
    organizationId: big,
    appointmentId: Math.floor(rows / 6) + index,
  }))

const cursorOf = (at: Date): string => Buffer.from(`${at.getTime()}.1000`).toString('base64url')

/** What else reads these tables, in the foreground and in the background. */
const others = (at: (days: number) => Date, rows: number): Readonly<Record<string, Question['ask']>> => ({
  'due reminders, none': ({ storage }) => storage.reminders.due({ now: at(1), limit: 500 }),
  'due reminders, half of all': ({ storage }) => storage.reminders.due({ now: at(20), limit: 500 }),
  'due reminders, a quarter of the work': ({ storage }) =>
    storage.reminders.due({ now: at(20), limit: 500, share: { index: 1, of: 4 } }),
  'due deliveries, all': ({ storage }) => storage.deliveries.due({ now: at(40), limit: 500 }),
  'next due time': ({ storage }) => storage.deliveries.nextDueAt(),
  'due times of a window': ({ storage }) => storage.deliveries.dueTimes(at(3), at(4), 1000),
  'plans that lie ahead, first page': ({ storage }) => storage.plans.upcoming(at(0), null, 500),
  'plans of a large organization ahead': ({ storage }) =>
    storage.plans.ahead({ ...{ organizationId: big, limit: 100 }, after: { startsAt: at(0), id: 0 }, until: at(2) }),
  'deliveries of appointments': ({ storage }) => storage.deliveries.ofAppointments(appointments(rows), 100),
  'plans of appointments': ({ storage }) =>
    storage.plans.find(Array.from({ length: 100 }, (_, index) => Math.floor(rows / 6) + index)),
  'reminders of an appointment': ({ storage }) => storage.reminders.list(big, Math.floor(rows / 6)),
  'decisions of an appointment': ({ storage }) => storage.decisions.list(big, Math.floor(rows / 6)),
  'audit log': ({ storage }) => storage.audit.list({ organizationId: big, limit: 51 }),
  'audit log, an action that is rare and old': ({ storage }) =>
    storage.audit.list({ organizationId: big, limit: 51, action: 'settings.updated' }),
  'audit log, an action that does not occur': ({ storage }) =>
    storage.audit.list({ organizationId: big, limit: 51, action: 'preferences.deleted' }),
  'audit log, a day long ago': ({ storage }) =>
    storage.audit.list({ organizationId: big, limit: 51, from: at(-299), to: at(-298) }),
  'statistics of an organization': ({ storage }) => storage.statistics.counts({ organizationId: organizationOf(1) }),
  'statistics of all': ({ storage }) => storage.statistics.counts({}),
  'statistics of all, by day': ({ storage }) => storage.statistics.countsByDay({}),
  'requests that are over, removed': ({ storage }) => storage.requests.purge(at(0), 1000),
  'state of TaskManager': ({ storage }) => storage.tasks.summary(),
  'tasks to look at': ({ storage }) => storage.tasks.due(at(0), 100),
  'reminders that wait for TaskManager': ({ storage }) => storage.tasks.waiting(at(20), null, 500),
  'notices that wait for TaskManager': ({ storage }) => storage.tasks.waitingNotices(at(20), null, 500),
  'taken over from TaskManager, none': ({ storage }) => storage.tasks.dueTakenOver({ now: at(20), limit: 500 }),
  'next taken over from TaskManager': ({ storage }) => storage.tasks.nextTakenOverDueAt(at(0)),
})

export function questionsOf({ now, rows }: Pick<Subject, 'now' | 'rows'>): readonly Question[] {
  const at = (days: number) => new Date(now.getTime() + days * dayMs)
  return [
    ...Object.entries(filtersOf(at, rows)).map(([name, filter]) => ({
      name: `history: ${name}`,
      ask: ({ storage }: Subject) => readHistory(storage, filter),
    })),
    ...Object.entries(others(at, rows)).map(([name, ask]) => ({ name, ask })),
  ]
}
