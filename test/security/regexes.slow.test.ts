import { readdir, readFile } from 'node:fs/promises'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { spentMs } from '../support/spent.ts'

/** Every regular expression of the library, and those of zod that read what strangers send. */
async function expressions() {
  const found = [
    { at: 'zod e-mail', pattern: z.regexes.email },
    { at: 'zod instant', pattern: z.regexes.datetime({ offset: true }) },
    { at: 'zod date', pattern: z.regexes.date },
  ]
  for (const root of ['src', 'adapters']) {
    const folder = new URL(`../../${root}/`, import.meta.url)
    for (const name of (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.ts'))) {
      const source = ts.createSourceFile(name, await readFile(new URL(name, folder), 'utf8'), ts.ScriptTarget.ESNext)
      const walk = (node: ts.Node): void => {
        if (ts.isRegularExpressionLiteral(node)) {
          const end = node.text.lastIndexOf('/')
          const pattern = new RegExp(node.text.slice(1, end), node.text.slice(end + 1))
          found.push({ at: `${root}/${name} ${node.text}`, pattern })
        }
        ts.forEachChild(node, walk)
      }
      walk(source)
    }
  }
  return found
}

const words = [
  'a',
  '0',
  ' ',
  '\n',
  '.',
  '-',
  '_',
  '@',
  '[',
  '/',
  ';',
  'é',
  'aA',
  'a.',
  'a@',
  '0 ',
  'a0',
  '\u2028',
  '\ud800',
]
const openings = ['', 'a@', '0', 'application/json', 'application/', 'v1:', '[', '2024-01-01T00:00:00.']
const endings = ['', '!', '@', '\u0000']
const length = 20_000
/** A pattern that looks at each pair of characters needs 130 ms to a second for this length; one that looks at each, a millisecond. */
const boundMs = 60

function slowest(pattern: RegExp): { ms: number; text: string } {
  let worst = { ms: 0, text: '' }
  for (const word of words) {
    for (const opening of openings) {
      for (const ending of endings) {
        const text = opening + word.repeat(Math.ceil(length / word.length)) + ending
        const began = spentMs()
        text.replace(pattern, '')
        const ms = spentMs() - began
        if (ms > worst.ms) worst = { ms, text: JSON.stringify([opening, word, ending]) }
        if (ms > boundMs) return worst
      }
    }
  }
  return worst
}

describe('regular expressions', async () => {
  const found = await expressions()

  test('are found at all', () => {
    expect(found.length).toBeGreaterThan(50)
    expect(slowest(/a+$/).ms).toBeGreaterThan(boundMs)
  })

  test.each(found)('$at takes no longer than its input', ({ pattern }) => {
    const { ms, text } = slowest(pattern)
    expect([text, ms < boundMs]).toEqual([text, true])
  })
})
