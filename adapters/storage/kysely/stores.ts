import type { Storage } from '../../../src/index.ts'
import type { Mode } from './query.ts'
import type { Runner } from './runner.ts'
import { keyedQueries } from './stores/by-keys.ts'
import { answerQueries, consentQueries, linkQueries } from './stores/people.ts'
import { keyStore, personalQueries } from './stores/personal.ts'
import { decisionQueries, planQueries, reminderQueries, settingsQueries } from './stores/planning.ts'
import { accountQueries, addressQueries, deliveryQueries, taskQueries } from './stores/sending.ts'
import { auditStore, jobStore, requestQueries, templateVersionQueries } from './stores/upkeep.ts'

/** What a database answers with statements of its own: for what it locks, and where its planner needs them. */
export type OwnQueries = {
  readonly plans: Pick<Storage['plans'], 'nextReplanPage'>
  readonly reminders: Pick<Storage['reminders'], 'due'>
  readonly deliveries: Pick<Storage['deliveries'], 'due'>
  readonly statistics: Storage['statistics']
}

/** The queries of a storage: those that are the same on every database, and its own. */
export const queriesOn = <M extends Mode>(runner: Runner<M>, own: OwnQueries) => {
  const keyed = keyedQueries(runner)
  return {
    plans: { ...planQueries(runner), ...keyed.plans, ...own.plans },
    reminders: { ...reminderQueries(runner), ...keyed.reminders, ...own.reminders },
    deliveries: { ...deliveryQueries(runner), ...keyed.deliveries, ...own.deliveries },
    settings: { ...settingsQueries(runner), ...keyed.settings },
    preferences: keyed.preferences,
    addresses: { ...addressQueries(runner), ...keyed.addresses },
    answers: { ...answerQueries(runner), ...keyed.answers },
    consents: consentQueries(runner),
    decisions: decisionQueries(runner),
    requests: requestQueries(runner),
    jobs: jobStore(runner),
    audit: auditStore(runner),
    statistics: own.statistics,
    tasks: { ...taskQueries(runner), ...keyed.tasks },
    accounts: accountQueries(runner),
    links: linkQueries(runner),
    templateVersions: templateVersionQueries(runner),
    personal: personalQueries(runner),
    keys: keyStore(runner),
  }
}
