import fc from 'fast-check'
import { expect, it } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { storeOn } from '../../src/records/store.ts'
import { reportedStates } from '../../src/schemas/vocabulary.ts'
import { integerIds } from '../conformance/storage/harness.ts'
import { leftBy } from '../conformance/storage/receipt-steps.ts'
import { migratedDatabase } from '../support/migrated-sqlite.ts'

const report = fc.record({ state: fc.constantFrom(...reportedStates), at: fc.integer({ min: 2, max: 20 }) })

/** Reports, and the same twice over in another order, with the answer to the send somewhere among them. */
const stormy = fc
  .uniqueArray(report, { maxLength: 6, selector: ({ state, at }) => `${state} ${at}` })
  .chain((reports) =>
    fc.tuple(
      fc.constant(reports.toSorted((one, other) => one.at - other.at)),
      fc.shuffledSubarray([...reports, ...reports, 'answer' as const], { minLength: 2 * reports.length + 1 }),
    ),
  )

it('the rows of a message depend on what was reported of it, not on when the reports came', async () => {
  const storage = storeOn(sqlite({ database: await migratedDatabase(integerIds) }))
  await fc.assert(
    fc.asyncProperty(stormy, async ([inOrder, steps]) => {
      expect(await leftBy(storage, steps)).toEqual(await leftBy(storage, ['answer', ...inOrder]))
    }),
    { numRuns: 200 },
  )
  await storage.close()
})
