/** What importing an entry point loads: in bytes and packages, since times differ from run to run. */
import { describe, expect, it } from 'vitest'
import { chunksOf } from './chunks.ts'
import { entries, manifest } from './manifest.ts'

const { outputs, startedBy, packagesOf } = await chunksOf(entries.map(({ source }) => source))
const bytesOf = (source: string): number =>
  startedBy(source).reduce((sum, path) => sum + (outputs[path]?.bytes ?? 0), 0)
const filesOf = (source: string): readonly string[] =>
  startedBy(source).flatMap((path) => Object.keys(outputs[path]?.inputs ?? {}))

const named = (subpath: string) => `${manifest.name}${subpath}`
/** They create the library. */
const whole: readonly string[] = [named(''), named('/testing'), named('/conformance')]
/** They write and read rows, by the schemas of what is in them. */
const ofRows: readonly string[] = [named('/sqlite'), named('/postgres'), named('/records')]

const groups = entries.map(({ specifier, source }) => ({
  specifier,
  source,
  group: whole.includes(specifier) ? 'whole' : ofRows.includes(specifier) ? 'rows' : 'adapter',
}))

describe('importing', () => {
  it.each(groups.filter(({ group }) => group === 'adapter'))(
    '$specifier loads what it needs, and not the library',
    ({ source, specifier }) => {
      expect(bytesOf(source)).toBeGreaterThan(500)
      expect(bytesOf(source)).toBeLessThan(100_000)
      // It reads bodies that strangers send.
      expect(packagesOf(source)).toEqual(specifier === named('/receipts') ? ['zod'] : [])
    },
  )

  it.each(groups.filter(({ group }) => group === 'rows'))(
    '$specifier loads no services and no endpoints',
    ({ source }) => {
      expect(filesOf(source).filter((file) => /^src\/(services|http|notifications)/.test(file))).toEqual([])
      expect(bytesOf(source)).toBeLessThan(600_000)
    },
  )

  it('the library loads no numbering plans, breakers and rate limiters before they are used', () => {
    const [{ source } = { source: '' }] = entries.filter(({ specifier }) => specifier === manifest.name)
    expect(packagesOf(source)).toEqual([
      '@formatjs/icu-messageformat-parser',
      'date-fns-tz/toDate',
      'eventemitter3',
      'zod',
    ])
    expect(bytesOf(source)).toBeLessThan(1_800_000)
  })
})
