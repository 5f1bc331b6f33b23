import type { RowReport } from './runner.ts'

/**
 * The least share of requests, valid by the document and by somebody who may, that a row must understand. Below one
 * where a rule is none that a schema can say.
 */
const floors: Readonly<Record<string, number>> = {
  // Templates are ICU messages over known variables; a provider must be installed; secrets need no more than to be set; a language is
  // one that the runtime knows, where a schema knows only how its tag is written.
  'settings.create': 0.05,
  // And what a GET shows may be echoed, but not changed: ids and the organization.
  'settings.update': 0.05,
  // And texts that they name are there.
  'templates.update': 0.4,
  'templates.preview': 0.15,
  'templates.draft': 0.4,
  // And a test message goes to a contact of the caller, who has no phone number.
  'templates.test': 0.1,
  // An address is one of the channel that is named beside it.
  'addresses.look-up': 0.15,
  'addresses.suppress': 0.15,
  'addresses.lift': 0.15,
  // An account is one of the organization's.
  'settings.verify': 0.6,
  'settings.what-if': 0.1,
  // The callers have an e-mail address and no phone number, to which a test message could go.
  'settings.test': 0.4,
  // Whoever is a service must say of whom; a patient's preferences are not a client's to name; and languages, as above.
  'preferences.patient.create': 0.2,
  'preferences.client.create': 0.2,
  'preferences.patient.update': 0.2,
  'preferences.client.update': 0.2,
  // An address is one of the channel that is named beside it.
  'consent.decide': 0.15,
  // A cursor is the answer of the page before, and not together with an offset; the end is not before the start; an address
  // is one of some channel.
  'history.list': 0.1,
  'privacy.export': 0.1,
  'audit.list': 0.5,
  // And whoever is a service must say of whom.
  'attention.list': 0.1,
  'attention.csv': 0.1,
  'reminders.list': 0.5,
  'reminders.explain': 0.5,
  statistics: 0.6,
  'reminder-statistics': 0.6,
  // As many offsets as are written may mean one and the same, and days are whole.
  'reminders.schedule': 0.85,
  'reminders.reschedule': 0.85,
}

/** What is wrong with a row's report, or null. */
export function faultOf({ id, fault, valid, understood }: RowReport): string | null {
  if (fault !== null) return fault
  const floor = floors[id] ?? 0.95
  if (valid === 0) return 'no valid request was let in'
  return understood / valid >= floor ? null : `understood ${understood} of ${valid}, fewer than ${floor}`
}
