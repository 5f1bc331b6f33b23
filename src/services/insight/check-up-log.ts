import type { Finding } from './check-up-table.ts'
import type { HealthReport } from './health-report.ts'

/** Lines about what other findings show. */
const shownElsewhere =
  /^(?:account paused|sender paused|account cannot be used|directory (?:method|row|unavailable|fails|page has)|not sending|nothing can be sent|no provider can send|provider failed its check|health check failed|not started|webhook refused|TaskManager did not (?:respond|take)|scheduler not reached|opening the scheduler failed|due messages are not sent|the clock of this process differs|registering the worker failed)/

/** What to do about the others; the rest say it themselves. */
const remedies: readonly (readonly [RegExp, string])[] = [
  [
    /^organization disabled a channel/,
    'Enable the channel again if that was not meant: its reminders are planned anew.',
  ],
  [/^template broken/, 'Correct the template: "templates check" says what could not be saved.'],
  [/^daily send cap/, 'Look for what sends so much, or raise the option "sendCap"; the rest goes out the next day.'],
  [
    /^reconciliation refused/,
    'Check that the directory returns all appointments. If they were removed on purpose: reconcile({ force: true }).',
  ],
  [/^rate limit store/, 'Check that the store of the option "rateLimits" runs, and that this process may reach it.'],
  [
    /^authenticate failed|"authenticate"/,
    'Correct the option "authenticate": it returns a caller, or null for nobody, and does not throw.',
  ],
  [/the option "logger" failed/, 'Correct the option "logger": its methods must not throw or reject.'],
  [/^event listener failed/, 'Correct this listener of yours; what it was notified of was done all the same.'],
  [/^mail layout failed/, 'Correct the option "mailLayout".'],
  [
    /^nothing planned for a recipient/,
    'Set up one of these channels for the organization, or give the person an address for another; then reconcile().',
  ],
  [/option "directory" has no method/, 'Add the method to your directory.'],
  [/^background job postponed/, 'It is run again by itself; if it goes on failing, look at the fault.'],
]

/** Its engine is away, which is a finding of its own. */
const isFeeding = (message: string, details: string): boolean =>
  message === 'background job postponed' && details.includes('job: feed')

/** What this process logged and no other finding says. */
export function* ofLog({ storage, scheduler, log }: HealthReport): Iterable<Finding> {
  // Without its database, everything fails.
  if (storage.fault !== null) return
  for (const { message, details, organizationId, count } of log) {
    if (shownElsewhere.test(message) || (scheduler.fault !== null && isFeeding(message, details))) continue
    const cause = `${message} (${details}), ${count === 1 ? 'once' : `${count} times`} in ten minutes`
    const [, remedy] = remedies.find(([line]) => line.test(cause)) ?? []
    yield ['logged', { organizationId, cause, ...(remedy !== undefined && { remedy }) }]
  }
}
