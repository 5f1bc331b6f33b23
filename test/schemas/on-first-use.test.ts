import { expect, it } from 'vitest'
import { onFirstUse } from '../../src/schemas/on-first-use.ts'

it('makes it once', () => {
  let made = 0
  const counted = onFirstUse(() => ++made)
  expect([counted(), counted()]).toEqual([1, 1])
})

it('makes it again where it failed, and no more than once at a time', async () => {
  let asked = 0
  const loaded = onFirstUse(async () => {
    asked += 1
    if (asked === 1) throw new Error('too many open files')
    return asked
  })
  await expect(Promise.all([loaded(), loaded()])).rejects.toThrow('too many open files')
  expect(await Promise.all([loaded(), loaded()])).toEqual([2, 2])
})
