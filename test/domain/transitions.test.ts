import { expect, test } from 'vitest'
import { canTransition } from '../../src/domain/transitions.ts'
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
