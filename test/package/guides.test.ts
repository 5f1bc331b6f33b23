/** What the guides say is what the code says. Their programs are compiled by guides.long.test.ts and `npm run check:package`. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { AccountField } from '../../src/channels/channel.ts'
import { channelOf, channels } from '../../src/channels/index.ts'
import {
  appointmentStatuses,
  type Endpoint,
  errorTable,
  organizationSettingsInput,
  recipientTypes,
  settingsFields,
  templateKeys,
} from '../../src/index.ts'
import { variableNames } from '../../src/messages/variables.ts'
import { namesWith } from '../../src/schemas/fields.ts'
import { openWorld } from '../conformance/http/world.ts'
import { anchorsOf, blocks, coded, guide, guides, linksOf, section } from './guides.ts'
import { entries, manifest, root } from './manifest.ts'

const source = (path: string): string => readFileSync(join(root, path), 'utf8')
/** First cells of the rows of all tables. */
const firstCells = (text: string): string[] => [...text.matchAll(/^\| (.*?) \|/gm)].map(([, cell]) => cell ?? '')

let endpoints: readonly Endpoint[] = []
beforeAll(async () => {
  const world = await openWorld({ bare: true, bounces: { read: async () => null } })
  endpoints = world.endpoints
  await world.stop()
})

describe('guides', () => {
  it('are published, each by its name', () => {
    const paths = guides.map(({ path }) => path)
    expect(paths.length).toBeGreaterThan(12)
    // npm adds the README of the root by itself.
    expect(manifest.files.filter((path) => path.endsWith('README.md'))).toEqual(
      paths.filter((path) => path !== 'README.md'),
    )
  })

  it.each(guides)('$path is short enough to be read', ({ path, text }) => {
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual((path === 'README.md' ? 10 : 15) * 1024)
  })

  it.each(guides)('links of $path lead to guides, and to headings of theirs', (one) => {
    for (const { target, anchor } of linksOf(one)) {
      const found = guides.find(({ path }) => path === target)
      expect(found, `${target} is no guide`).toBeDefined()
      if (anchor !== '') expect(anchorsOf(found?.text ?? ''), target).toContain(anchor)
    }
  })

  it('are all reached from the README', () => {
    const reached = new Set(['README.md'])
    for (const path of reached) for (const { target } of linksOf({ path, text: guide(path) })) reached.add(target)
    expect([...reached].sort()).toEqual(guides.map(({ path }) => path))
  })

  it('have blocks of known languages only', () => {
    expect(new Set(blocks.map(({ language }) => language))).toEqual(new Set(['ts', 'sh', 'json', 'text']))
  })

  it('name commands, files and packages that are there', () => {
    const shell = blocks.filter(({ language }) => language === 'sh')
    expect(shell.length).toBeGreaterThan(5)
    const said = [...shell.map(({ code }) => code), ...guides.flatMap(({ text }) => coded(text))].join('\n')
    const scripts = [...said.matchAll(/\bnpm (?:run )?([\w:-]+)/g)].map(([, script]) => script ?? '')
    const npms = ['ci', 'install', 'pack', 'publish']
    expect(scripts.filter((script) => !npms.includes(script) && !(script in manifest.scripts))).toEqual([])
    for (const [, path = ''] of said.matchAll(/\bvitest (?:run )?(test\S+)/g))
      expect([path, existsSync(join(root, path))]).toEqual([path, true])
    const packages = [...said.matchAll(/npm install ([\w@/ -]+)/g)].flatMap(([, names = '']) =>
      names.trim().split(/\s+/),
    )
    const known = [manifest.name, ...Object.keys(manifest.peerDependencies)]
    expect(packages.filter((name) => !known.includes(name))).toEqual([])
    const files = guides.flatMap(({ path, text }) =>
      coded(text)
        .filter((code) => /^(?:src|adapters|examples|test)\/[\w./-]+$/.test(code))
        .map((file) => [file, [root, join(root, dirname(path))].some((from) => existsSync(join(from, file)))]),
    )
    expect(files.length).toBeGreaterThan(20)
    expect(files.filter(([, exists]) => !exists)).toEqual([])
  })
})

describe('endpoints', () => {
  const shapeOf = ({ method, path }: Endpoint) => `${method} ${path}`

  it('are all in the table, each with who may call it', () => {
    const rows = [...section('src/http/README.md', 'Endpoints').matchAll(/^\| `([A-Z]+ [^`]+)` \| (.*) \|$/gm)]
    const told = Object.fromEntries(rows.map(([, row, words]) => [row, words]))
    const allowed = (endpoint: Endpoint): string | RegExp => {
      const { access, path, id } = endpoint
      if (access.kind === 'token') return 'holders of the signed URL'
      if (access.kind === 'link') return 'who has the link'
      if (access.kind === 'provider') return 'the provider, by its signature'
      if (access.kind === 'open') return id === 'health' ? 'everyone the status; services the details' : 'everyone'
      const staff = access.staff === null ? 'services' : access.staff === 'admin' ? 'admins' : 'staff'
      const self = /preferences\/(patient|client)/.exec(path)?.[1] ?? 'patient or client'
      return access.self ? `${staff}, the ${self}` : staff
    }
    expect(told).toEqual(Object.fromEntries(endpoints.map((one) => [shapeOf(one), allowed(one)])))
  })

  it('that a guide names exist', () => {
    const named = guides
      .filter(({ path }) => !path.includes('task-manager'))
      .flatMap(({ text }) => coded(text))
      .flatMap((code) => /^(?:GET|POST|PUT|DELETE) \/(?!api\/)\S+/.exec(code)?.[0] ?? [])
    expect(named.length).toBeGreaterThan(10)
    const all = endpoints.map(shapeOf)
    for (const name of named) {
      const isKnown = name.endsWith('...') ? all.some((one) => one.startsWith(name.slice(0, -3))) : all.includes(name)
      expect([name, isKnown]).toEqual([name, true])
    }
  })

  it("of the clinic's session exist", () => {
    const [session = ''] = blocks.filter((block) => block.guide === 'examples/clinic/README.md').map(({ code }) => code)
    const calls = [...session.matchAll(/^(get|post) '?\/notifications([^\s'?]*)/gm)]
    expect(calls.length).toBeGreaterThan(4)
    for (const [, method = '', path = ''] of calls) {
      const isKnown = endpoints.some(
        (one) =>
          one.method === method.toUpperCase() && new RegExp(`^${one.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(path),
      )
      expect([path, isKnown]).toEqual([path, true])
    }
  })
})

describe('tables and lists', () => {
  it('errors: every code with its status and title, and no other', () => {
    const rows = [...section('src/http/README.md', 'Errors').matchAll(/^\| `(\w+)` \| (\d+) \| (.*) \|$/gm)]
    const told = Object.fromEntries(rows.map(([, code, status, title]) => [code, { status: Number(status), title }]))
    expect(told).toEqual(errorTable)
  })

  it('template keys and variables', () => {
    const told = coded(section('src/domain/README.md', 'Templates'))
    for (const key of templateKeys) expect(told).toContain(key)
    expect(told.flatMap((code) => /^\{(\w+)\}$/.exec(code)?.[1] ?? []).sort()).toEqual([...variableNames].sort())
  })

  it('events', () => {
    const names = [...source('src/events.ts').matchAll(/^ {2}'?([\w.]+)'?: \[event/gm)].map(([, name]) => name)
    expect(names.length).toBeGreaterThan(5)
    const consent = coded(section('src/services/consent/README.md', 'What a text means'))
    const told = [...coded(section('src/services/README.md', 'Events')), ...consent].filter((code) =>
      /^(?:reminder|notification|appointment|reply|directory|consent|inbound)\.\w+$|^error$|^possible_cancel_request$/.test(
        code,
      ),
    )
    expect(told.sort()).toEqual(names.sort())
  })

  it('environment variables', () => {
    const sources = ['src/environment.ts', 'src/services/task-manager/client/options.ts'].map(source).join('\n')
    const names: string[] = [
      ...namesWith(settingsFields, 'variable').map((name) => settingsFields[name].variable),
      ...channels
        .flatMap((one): AccountField[] => Object.values(channelOf(one).account.fields))
        .flatMap(({ column, variable }) => (column === undefined ? (variable ?? []) : [])),
      ...[...sources.matchAll(/ ([A-Z][A-Z_]+): /g)].map(([, name]) => name ?? ''),
    ]
    expect(names.length).toBeGreaterThan(5)
    const variables = (text: string) => coded(text).filter((code) => /^[A-Z_]{5,}$/.test(code))
    const told = firstCells(section('src/services/README.md', 'Environment variables')).flatMap(variables)
    expect(told.sort()).toEqual(names.sort())
    const first = firstCells(section('README.md', 'Install')).flatMap(variables)
    expect(first.length).toBeGreaterThan(3)
    for (const name of first) expect(names).toContain(name)
  })

  it('options of createNotifications', () => {
    const [, type = ''] = /export type NotificationsOptions = \{([\s\S]*?)\n\}/.exec(source('src/options.ts')) ?? []
    const names = [...type.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name)
    expect(names.length).toBeGreaterThan(10)
    const told = firstCells(section('src/services/README.md', 'Options')).flatMap(coded)
    expect(told.sort()).toEqual(names.sort())
  })

  it("fields of a directory's row, with the words they may hold", () => {
    const text = section('README.md', 'Your directory')
    const told = firstCells(text).flatMap(coded)
    const fieldsOf = (type: string) => {
      const [, body = ''] =
        new RegExp(`export type ${type} = \\{([\\s\\S]*?)\\n\\}`).exec(source('src/schemas/directory.ts')) ?? []
      return [...body.matchAll(/^ {2}(\w+)\??:/gm)].map(([, name]) => name ?? '')
    }
    const fields = [...fieldsOf('DirectoryAppointment'), ...fieldsOf('DirectoryRecipient')]
    expect(new Set(told.filter((code) => /^\w+$/.test(code)))).toEqual(new Set(fields))
    for (const word of [...appointmentStatuses, ...recipientTypes]) expect(coded(text)).toContain(word)
  })

  it('settings beyond the documented ones', () => {
    const known = Object.keys(organizationSettingsInput.shape)
    const told = firstCells(section('src/domain/README.md', 'Settings and preferences')).flatMap(coded)
    expect(told.length).toBeGreaterThan(3)
    for (const name of told) expect(known).toContain(name)
  })

  it('entry points', () => {
    const all = guides.map(({ text }) => text).join('\n')
    for (const { specifier, source: path } of entries) {
      const short = specifier.slice(specifier.indexOf('/'))
      const isNamed = [`${specifier}\``, `'${specifier}'`, `\`${short}\``].some((name) => all.includes(name))
      expect(isNamed, path).toBe(true)
    }
  })

  it('rooms of the code, each on the map', () => {
    const told = firstCells(section('src/README.md', 'Map of the code')).flatMap(coded)
    const rooms = readdirSync(join(root, 'src'), { withFileTypes: true })
      .filter(({ name }) => name !== 'README.md')
      .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    expect(told.filter((name) => !/\/.+/.test(name)).sort()).toEqual(rooms.sort())
    expect(told.filter((name) => !existsSync(join(root, 'src', name)))).toEqual([])
    const services = readdirSync(join(root, 'src/services'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `services/${name}/`)
    expect(told).toEqual(expect.arrayContaining(services))
  })

  it('a glossary that can be read at once', () => {
    const rows = firstCells(section('src/README.md', 'Glossary')).filter((cell) => !/^term$|^-+$/.test(cell))
    expect(rows.length).toBeGreaterThan(10)
    expect(rows.length).toBeLessThanOrEqual(25)
  })
})
