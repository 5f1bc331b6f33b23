/**
 * What every storage promises, as a vitest suite. Time is handed in; nothing sleeps.
 * @example
 * storageConformance('sqlite', async () => {
 *   const path = join(await mkdtemp(join(tmpdir(), 'storage-')), 'rows.sqlite')
 *   return { storage: sqlite(path), another: async () => sqlite(path) }
 * })
 */
import { describe } from 'vitest'
import { audit } from './audit.ts'
import { claims } from './claims.ts'
import { deletions } from './deletions.ts'
import { type OpenStorage, starter } from './harness.ts'
import { history } from './history.ts'
import { jobs } from './jobs.ts'
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
import { upcoming } from './upcoming.ts'
import { values } from './values.ts'
import { verdicts } from './verdicts.ts'

export { type OpenStorage, type StorageHarness, t0 } from './harness.ts'

export function storageConformance(name: string, open: OpenStorage): void {
  describe(`storage conformance: ${name}`, () => {
    const start = starter(open)
    describe('migration and life', () => lifecycle(start))
    describe('planning', () => planning(start))
    describe('claims', () => claims(start))
    describe('verdicts', () => verdicts(start))
    describe('races', () => races(start))
    describe('outcomes', () => outcomes(start))
    describe('receipts', () => receipts(start))
    describe('notices', () => notices(start))
    describe('history', () => history(start))
    describe('settings and preferences', () => preferences(start))
    describe('re-plans', () => replans(start))
    describe('upcoming plans', () => upcoming(start))
    describe('deletions', () => deletions(start))
    describe('requests', () => requests(start))
    describe('jobs', () => jobs(start))
    describe('audit', () => audit(start))
    describe('statistics', () => statistics(start))
    describe('values', () => values(start))
  })
}
