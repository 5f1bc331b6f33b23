import { describe } from 'vitest'
import { accounts } from './accounts.ts'
import { addresses } from './addresses.ts'
import { ahead } from './ahead.ts'
import { answers } from './answers.ts'
import { audit } from './audit.ts'
import { budgets } from './budgets.ts'
import { claims } from './claims.ts'
import { consents } from './consents.ts'
import { deletions } from './deletions.ts'
import { due } from './due.ts'
import { fallbacks } from './fallbacks.ts'
import { type OpenStorage, type Starter, starter } from './harness.ts'
import { held } from './held.ts'
import { history } from './history.ts'
import { jobs } from './jobs.ts'
import { late } from './late.ts'
import { lifecycle } from './lifecycle.ts'
import { links } from './links.ts'
import { notices } from './notices.ts'
import { outcomes } from './outcomes.ts'
import { personal } from './personal.ts'
import { planning } from './planning.ts'
import { preferences } from './preferences.ts'
import { races } from './races.ts'
import { receipts } from './receipts.ts'
import { replans } from './replans.ts'
import { requests } from './requests.ts'
import { statistics } from './statistics.ts'
import { tasks } from './tasks.ts'
import { templateVersions } from './template-versions.ts'
import { together } from './together.ts'
import { upcoming } from './upcoming.ts'
import { values } from './values.ts'
import { verdicts } from './verdicts.ts'

export type { OpenStorage, StorageHarness } from './harness.ts'

/** A group of its tests. */
export type StoragePart =
  | 'migration and life'
  | 'planning'
  | 'due work'
  | 'claims'
  | 'budgets'
  | 'together'
  | 'verdicts'
  | 'races'
  | 'outcomes'
  | 'late outcomes'
  | 'held after a restore'
  | 'receipts'
  | 'fallbacks'
  | 'accounts'
  | 'addresses'
  | 'links'
  | 'template versions'
  | 'answers'
  | 'consents'
  | 'personal data'
  | 'notices'
  | 'history'
  | 'settings and preferences'
  | 're-plans'
  | 'upcoming plans'
  | 'appointments ahead'
  | 'deletions'
  | 'requests'
  | 'jobs'
  | 'audit'
  | 'statistics'
  | 'tasks of TaskManager'
  | 'values'

const parts: Readonly<Record<StoragePart, (start: Starter) => void>> = {
  'migration and life': lifecycle,
  planning,
  'due work': due,
  claims,
  budgets,
  together,
  verdicts,
  races,
  outcomes,
  'late outcomes': late,
  'held after a restore': held,
  receipts,
  fallbacks,
  accounts,
  addresses,
  links,
  'template versions': templateVersions,
  answers,
  consents,
  'personal data': personal,
  notices,
  history,
  'settings and preferences': preferences,
  're-plans': replans,
  'upcoming plans': upcoming,
  'appointments ahead': ahead,
  deletions,
  requests,
  jobs,
  audit,
  statistics,
  'tasks of TaskManager': tasks,
  values,
}
export type StorageConformanceOptions = {
  /** Of the storage, for the names of the tests. */
  readonly name: string
  readonly open: OpenStorage
  /** Only these parts: for a second way to a storage that passes all of them. Default: all. */
  readonly only?: readonly StoragePart[]
}

/**
 * Declares the tests that every storage passes: its queries, and the library's commands as `carry` carries them out. Time is
 * handed in; nothing waits for it.
 * @example
 * storageConformance({
 *   name: 'mine',
 *   async open() {
 *     const path = join(await mkdtemp(join(tmpdir(), 'storage-')), 'rows.db')
 *     return { storage: mine(path), another: async () => mine(path) }
 *   },
 * })
 */
export function storageConformance({ name, open, only }: StorageConformanceOptions): void {
  describe(`storage conformance: ${name}`, () => {
    const start = starter(open)
    for (const [part, suite] of Object.entries(parts)) {
      if (only === undefined || only.some((one) => one === part)) describe(part, () => suite(start))
    }
  })
}
