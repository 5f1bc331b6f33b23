/**
 * What every storage promises, as a vitest suite. Time is handed in; nothing sleeps.
 * @example
 * storageConformance('sqlite', async () => {
 *   const path = join(await mkdtemp(join(tmpdir(), 'storage-')), 'rows.sqlite')
 *   return { storage: sqlite(path), another: async () => sqlite(path) }
 * })
 */
import { describe } from 'vitest'
import { accounts } from './accounts.ts'
import { addresses } from './addresses.ts'
import { audit } from './audit.ts'
import { claims } from './claims.ts'
import { deletions } from './deletions.ts'
import { due } from './due.ts'
import { type OpenStorage, starter } from './harness.ts'
import { held } from './held.ts'
import { history } from './history.ts'
import { jobs } from './jobs.ts'
import { late } from './late.ts'
import { lifecycle } from './lifecycle.ts'
import { notices } from './notices.ts'
import { outcomes } from './outcomes.ts'
import { planning } from './planning.ts'
import { preferences } from './preferences.ts'
import { races } from './races.ts'
import { receipts } from './receipts.ts'
import { replans } from './replans.ts'
import { requests } from './requests.ts'
import { statistics } from './statistics.ts'
import { tasks } from './tasks.ts'
import { upcoming } from './upcoming.ts'
import { values } from './values.ts'
import { verdicts } from './verdicts.ts'

export { type OpenStorage, type StorageHarness, t0 } from './harness.ts'

const parts = {
  'migration and life': lifecycle,
  planning,
  'due work': due,
  claims,
  verdicts,
  races,
  outcomes,
  'late outcomes': late,
  'held after a restore': held,
  receipts,
  accounts,
  addresses,
  notices,
  history,
  'settings and preferences': preferences,
  're-plans': replans,
  'upcoming plans': upcoming,
  deletions,
  requests,
  jobs,
  audit,
  statistics,
  'tasks of TaskManager': tasks,
  values,
}
export type Part = keyof typeof parts

/** `only` leaves the other parts out: for a second way to a storage that passes all of them. */
export function storageConformance(name: string, open: OpenStorage, only?: readonly Part[]): void {
  describe(`storage conformance: ${name}`, () => {
    const start = starter(open)
    for (const [part, suite] of Object.entries(parts)) {
      if (only === undefined || only.some((one) => one === part)) describe(part, () => suite(start))
    }
  })
}
