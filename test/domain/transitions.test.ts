import { expect, test } from 'vitest'
import { canTransition, isInDoubt } from '../../src/domain/transitions.ts'
import { deliveryStatuses } from '../../src/schemas/vocabulary.ts'

test('a status only moves forward', () => {
  const allowed = [null, ...deliveryStatuses].flatMap((from) =>
    deliveryStatuses.filter((to) => canTransition(from, to)).map((to) => `${from} -> ${to}`),
  )
  expect(allowed).toEqual([
    'null -> SENT',
    'null -> FAILED',
    'null -> BOUNCED',
    'null -> DELIVERED',
    'SENT -> FAILED',
    'SENT -> BOUNCED',
    'SENT -> DELIVERED',
    'FAILED -> BOUNCED',
    'FAILED -> DELIVERED',
    'DELIVERED -> BOUNCED',
  ])
})

test('a late sent never overwrites what is known since', () => {
  expect(canTransition('DELIVERED', 'SENT')).toBe(false)
  expect(canTransition('BOUNCED', 'SENT')).toBe(false)
  expect(canTransition('FAILED', 'SENT')).toBe(false)
})

test('is in doubt while a message is being sent, and since an attempt whose outcome is unknown', () => {
  expect(isInDoubt({ state: 'queued', unknownOutcomes: 0 })).toBe(false)
  expect(isInDoubt({ state: 'sending', unknownOutcomes: 0 })).toBe(true)
  expect(isInDoubt({ state: 'queued', unknownOutcomes: 1 })).toBe(true)
})
