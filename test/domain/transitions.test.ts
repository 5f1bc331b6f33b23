import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  deliveredAt,
  isInDoubt,
  type Reports,
  showsArrival,
  showsSending,
  stateOf,
  statusOf,
  withReport,
  wordOf,
} from '../../src/domain/transitions.ts'
import { reportedStates, reportWords } from '../../src/schemas/vocabulary.ts'

const anyReport = fc.record({ word: fc.constantFrom(...reportWords), at: fc.nat({ max: 50 }) })
type Report = { readonly word: (typeof reportWords)[number]; readonly at: number }
const all = (list: readonly Report[]): Reports =>
  list.reduce<Reports>((known, { word, at }) => withReport(known, word, at), {})

test('reports make the same of a message in whatever order and how often they come', () => {
  fc.assert(
    fc.property(
      fc
        .array(anyReport, { maxLength: 12 })
        .chain((list) =>
          fc.tuple(fc.constant(list), fc.shuffledSubarray([...list, ...list], { minLength: list.length * 2 })),
        ),
      ([list, shuffled]) => {
        expect(all(shuffled)).toEqual(all(list))
        expect(stateOf(all(shuffled))).toBe(stateOf(all(list)))
      },
    ),
  )
})

test('a report never leads back: the state is the highest that was reported', () => {
  fc.assert(
    fc.property(fc.array(anyReport, { maxLength: 8 }), anyReport, (list, next) => {
      const before = all(list)
      const after = withReport(before, next.word, next.at)
      const rank = (reports: Reports) => reportedStates.indexOf(stateOf(reports))
      expect(rank(after)).toBe(Math.max(rank(before), rank({ [next.word]: next.at })))
    }),
  )
})

test('a report that is known returns the very same object, and an earlier time of it replaces the time', () => {
  const known = { delivered: 10 }
  expect(withReport(known, 'delivered', 10)).toBe(known)
  expect(withReport(known, 'delivered', 11)).toBe(known)
  expect(withReport(known, 'delivered', 9)).toEqual({ delivered: 9 })
})

test.each([
  [[], 'SENT', 'SENT'],
  [['failed'], 'FAILED', 'FAILED'],
  [['failed', 'delivered'], 'DELIVERED', 'DELIVERED'],
  [['delivered', 'read'], 'READ', 'DELIVERED'],
  [['read'], 'READ', 'DELIVERED'],
  [['delivered', 'bounced'], 'BOUNCED', 'BOUNCED'],
  [['complained'], 'COMPLAINED', 'DELIVERED'],
  [['delivered', 'complained'], 'COMPLAINED', 'DELIVERED'],
  [['bounced', 'complained'], 'COMPLAINED', 'BOUNCED'],
] as const)('%j is %s, shown as %s', (words, state, status) => {
  const reports = all(words.map((word, at) => ({ word, at })))
  expect([stateOf(reports), statusOf(reports)]).toEqual([state, status])
})

test('what is read or complained of was delivered, at that time if no other is known', () => {
  expect(deliveredAt({ failed: 1, bounced: 2 })).toBeNull()
  expect(deliveredAt({ read: 7, complained: 9 })).toBe(7)
  expect(deliveredAt({ delivered: 3, read: 7 })).toBe(3)
  expect(deliveredAt({ delivered: 9, read: 7 })).toBe(7)
  expect(reportedStates.filter(showsArrival)).toEqual(['DELIVERED', 'READ', 'COMPLAINED'])
  expect(reportedStates.filter(showsSending)).toEqual(['SENT', 'DELIVERED', 'READ', 'COMPLAINED'])
  expect(reportedStates.map(wordOf)).toEqual([null, ...reportWords])
})

test('is in doubt while a message is being sent, and since an attempt whose outcome is unknown', () => {
  expect(isInDoubt({ state: 'queued', unknownOutcomes: 0 })).toBe(false)
  expect(isInDoubt({ state: 'sending', unknownOutcomes: 0 })).toBe(true)
  expect(isInDoubt({ state: 'queued', unknownOutcomes: 1 })).toBe(true)
})
