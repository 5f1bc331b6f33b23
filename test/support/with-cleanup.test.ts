import { expect, it } from 'vitest'
import { withCleanup } from './with-cleanup.ts'

const fail = (words: string) => () => {
  throw new Error(words)
}

it('takes the steps that were deferred, the last first, and gives what the work gave', async () => {
  const taken: string[] = []
  const result = await withCleanup(async (defer) => {
    defer(() => taken.push('first'))
    defer(async () => taken.push('last'))
    return 7
  })
  expect([result, taken]).toEqual([7, ['last', 'first']])
})

it('takes them also where the work or a step fails, and reports every failure', async () => {
  const taken: string[] = []
  const work = async (defer: (step: () => unknown) => void) => {
    defer(() => taken.push('first'))
    defer(fail('no step'))
    throw new Error('no work')
  }
  await expect(withCleanup(work)).rejects.toThrow('Error: no work; Error: no step')
  expect(taken).toEqual(['first'])
  await expect(withCleanup(async (defer) => defer(fail('no step')))).rejects.toThrow(/^no step$/)
  await expect(withCleanup(async () => fail('no work')())).rejects.toThrow(/^no work$/)
})
