/** How a proof ends, whatever becomes of its parts. */
import { expect, it } from 'vitest'
import { runCommand } from './run-script.ts'

const module = (name: string) => JSON.stringify(new URL(name, import.meta.url).href)

/** A script of which the parts are given in code. */
const proof = (parts: string, breaking = 'undefined') =>
  runCommand('node --input-type=module --eval "$1"', [
    `import { breakage, prove } from ${module('./proof.ts')}
    import { withCleanup } from ${module('./with-cleanup.ts')}
    const spoil = breakage(${breaking}, { worse: (evidence) => [...evidence, 'worse'] })
    await withCleanup(async (defer) => {
      defer(() => console.log('cleaned up'))
      await prove([${parts}])
    })`,
  ])

it.each([
  ['nothing was broken', 'async () => spoil([])', 'undefined', 0, 'cleaned up\n'],
  ['a promise was broken', 'async () => spoil([]), async () => []', '"worse"', 1, 'BROKEN: worse\ncleaned up\n'],
  ['there is no part', '', 'undefined', 1, 'BROKEN: nothing was asked for, so nothing was proved\ncleaned up\n'],
])('ends with the right code where %s', async (_what, parts, breaking, code, output) => {
  expect(await proof(parts, breaking)).toEqual({ code, output, left: [] })
})

it.each([
  ['throws', '"error"', 'BROKEN: ended half-way: Error: broken on purpose'],
  ['leaves a rejection unheard', '"stray"', 'BROKEN: unhandled rejection: Error: rejected on purpose'],
])('ends with 1 where a part %s; the others are run, and everything is cleaned up', async (_what, breaking, words) => {
  const { code, output } = await proof('async () => spoil([]), async () => ["the other"]', breaking)
  expect(code, output).toBe(1)
  for (const expected of [words, 'BROKEN: the other', 'cleaned up']) expect(output).toContain(expected)
})

it('ends with 1 where what cleans up fails', async () => {
  const { code, output } = await proof('async () => { defer(() => { throw new Error("not clean") }); return [] }')
  expect(code, output).toBe(1)
  for (const expected of ['not clean', 'cleaned up']) expect(output).toContain(expected)
})

it('refuses to break what it does not know, before anything is run', async () => {
  const { code, output } = await proof('async () => spoil([])', '"wrose"')
  expect(code).toBe(1)
  expect(output).toContain('nothing to break is called wrose: worse, error, stray')
  expect(output).not.toContain('cleaned up')
})

it('prints twenty broken promises, and how many more there are', async () => {
  const { code, output } = await proof('async () => Array.from({ length: 50 }, (_, index) => String(index))')
  expect(code).toBe(1)
  expect(output).toContain('BROKEN: 19\nBROKEN: 30 more\n')
})
