import type { Storage, TransactionStorage } from '../../../src/index.ts'
import type { Mode } from './query.ts'
import type { Runner } from './runner.ts'
import { answerQueries, consentQueries, linkQueries } from './stores/people.ts'
import { keyStore, personalQueries } from './stores/personal.ts'
import { decisionQueries, planQueries, reminderQueries, settingsQueries } from './stores/planning.ts'
import { accountQueries, addressQueries, deliveryQueries, taskQueries } from './stores/sending.ts'
import { auditStore, jobStore, requestQueries, templateVersionQueries } from './stores/upkeep.ts'

/** What is found by lists of keys, which each database takes in its own form; a transaction of the host carries it out too. */
export type KeyedQueries = Omit<TransactionStorage, 'carry' | 'reminders' | 'deliveries'> & {
  readonly reminders: Pick<Storage['reminders'], 'find' | 'list' | 'listMany'>
  readonly deliveries: Pick<Storage['deliveries'], 'notices' | 'ofAppointments'>
  readonly answers: Pick<Storage['answers'], 'asking'>
}

/** What is due, and who sends it. */
export type DueDeliveries = Pick<Storage['deliveries'], 'due' | 'nextDueAt' | 'dueTimes' | 'challenge' | 'renew'>

/** What a database answers with statements of its own: for its form of lists, for what it locks, and where its planner needs them. */
export type OwnQueries = KeyedQueries & {
  readonly plans: Pick<Storage['plans'], 'nextReplanPage'>
  readonly reminders: Pick<Storage['reminders'], 'due'>
  readonly deliveries: DueDeliveries
  readonly requests: Pick<Storage['requests'], 'claim'>
  readonly accounts: Pick<Storage['accounts'], 'release'>
  readonly statistics: Storage['statistics']
}

/** The queries of a storage: those that are the same on every database, and its own. */
export const queriesOn = <M extends Mode>(runner: Runner<M>, own: OwnQueries) => ({
  plans: { ...planQueries(runner), ...own.plans },
  reminders: { ...reminderQueries(runner), ...own.reminders },
  deliveries: { ...deliveryQueries(runner), ...own.deliveries },
  settings: { ...settingsQueries(runner), ...own.settings },
  preferences: own.preferences,
  addresses: { ...addressQueries(runner), ...own.addresses },
  answers: { ...answerQueries(runner), ...own.answers },
  consents: consentQueries(runner),
  decisions: decisionQueries(runner),
  requests: { ...requestQueries(runner), ...own.requests },
  jobs: jobStore(runner),
  audit: auditStore(runner),
  statistics: own.statistics,
  tasks: { ...taskQueries(runner), ...own.tasks },
  accounts: { ...accountQueries(runner), ...own.accounts },
  links: linkQueries(runner),
  templateVersions: templateVersionQueries(runner),
  personal: personalQueries(runner),
  keys: keyStore(runner),
})
