import { expect, test } from 'vitest'
import { canTransition, canTransitionState } from '../../src/domain/transitions.ts'
import { deliveryStates, deliveryStatuses } from '../../src/schemas/vocabulary.ts'

test('a status only moves forward', () => {
  const allowed = [null, ...deliveryStatuses].flatMap((from) =>
    deliveryStatuses.filter((to) => canTransition(from, to)).map((to) => `${from} -> ${to}`),
  )
  expect(allowed).toEqual([
    'null -> SENT',
    'null -> FAILED',
    'null -> BOUNCED',
    'null -> DELIVERED',
    'SENT -> BOUNCED',
    'SENT -> DELIVERED',
  ])
})

test('a late sent never overwrites delivered', () => {
  expect(canTransition('DELIVERED', 'SENT')).toBe(false)
  expect(canTransition('BOUNCED', 'SENT')).toBe(false)
  expect(canTransition('FAILED', 'DELIVERED')).toBe(false)
})

test('a delivery that is over stays over', () => {
  for (const to of deliveryStates) {
    expect(canTransitionState('settled', to)).toBe(false)
    expect(canTransitionState('cancelled', to)).toBe(false)
  }
})

test('what may have been sent is never tried again or withdrawn by itself', () => {
  expect(deliveryStates.filter((to) => canTransitionState('unknown', to))).toEqual(['settled'])
})

test('every state that is not the end reaches it', () => {
  for (const from of deliveryStates.filter((state) => state !== 'settled' && state !== 'cancelled')) {
    expect(canTransitionState(from, 'settled')).toBe(true)
  }
})

test('an attempt ends in a retry, an unknown outcome, the end, or a claim by another holder', () => {
  expect(canTransitionState('queued', 'sending')).toBe(true)
  const after = deliveryStates.filter((to) => canTransitionState('sending', to))
  expect(after).toEqual(['queued', 'sending', 'unknown', 'settled', 'cancelled'])
})
