import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { variableNames } from '../../src/domain/messages/variables.ts'
import { errorTable, settingsFields, templateKeys } from '../../src/index.ts'
import { namesWith } from '../../src/schemas/fields.ts'
import { entries, root } from './manifest.ts'

const readme = readFileSync(join(root, 'README.md'), 'utf8')
const source = (path: string): string => readFileSync(join(root, path), 'utf8')

/** One `##` section. */
function section(title: string): string {
  const [, text] = readme.split(new RegExp(`^## ${title}$`, 'm'))
  if (text === undefined) throw new Error(`README has no section "${title}"`)
  return text.split(/^## /m)[0] ?? ''
}
/** What stands in backticks, blocks of code left out. */
const coded = (text: string): string[] =>
  [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? '')

describe('README says what the code says', () => {
  it('errors: every code with its status and title, and no other', () => {
    const rows = [...section('Errors').matchAll(/^\| `(\w+)` \| (\d+) \| (.*) \|$/gm)]
    const told = Object.fromEntries(rows.map(([, code, status, title]) => [code, { status: Number(status), title }]))
    expect(told).toEqual(errorTable)
  })

  it('template keys and variables', () => {
    const told = coded(section('Templates and variables'))
    for (const key of templateKeys) expect(told).toContain(key)
    expect(told.flatMap((code) => /^\{(\w+)\}$/.exec(code)?.[1] ?? []).sort()).toEqual([...variableNames].sort())
  })

  it('events', () => {
    const names = [...source('src/events.ts').matchAll(/^ {2}'?([\w.]+)'?: \[event/gm)].map(([, name]) => name)
    expect(names.length).toBeGreaterThan(5)
    const told = coded(section('Events')).filter((code) =>
      /^(?:reminder|notification|directory)\.\w+$|^error$/.test(code),
    )
    expect(told.sort()).toEqual(names.sort())
  })

  it('environment variables', () => {
    const sources = ['src/environment.ts', 'src/services/task-manager/options.ts'].map(source).join('\n')
    const names = [
      ...namesWith(settingsFields, 'variable').map((name) => settingsFields[name].variable),
      ...[...sources.matchAll(/ ([A-Z][A-Z_]+): /g)].map(([, name]) => name),
    ]
    expect(names.length).toBeGreaterThan(5)
    const told = coded(section('Environment variables')).filter((code) => /^[A-Z_]+$/.test(code))
    expect([...new Set(told)].sort()).toEqual(names.sort())
  })

  it('options of createNotifications', () => {
    const [, type = ''] = /export type NotificationsOptions = \{([\s\S]*?)\n\}/.exec(source('src/options.ts')) ?? []
    const names = [...type.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name)
    expect(names.length).toBeGreaterThan(10)
    const told = [...section('Options').matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) => coded(cell ?? ''))
    expect(told.sort()).toEqual(names.sort())
  })

  it('entry points', () => {
    for (const { specifier, source: path } of entries) {
      const short = specifier.slice(specifier.indexOf('/'))
      expect(
        readme.includes(`${specifier}\``) || readme.includes(`'${specifier}'`) || readme.includes(`\`${short}\``),
        path,
      ).toBe(true)
    }
  })
})
