import { readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { dirname, join, normalize, sep } from 'node:path'
import { expect, it } from 'vitest'

/** The schemas that are made of the channels are above them; all others are below. */
const ofChannels = 'schemas of channels'
const schemasOfChannels = [
  'address.ts',
  'answer.ts',
  'attendance.ts',
  'audit.ts',
  'channel-fields.ts',
  'channel-settings.ts',
  'template-versions.ts',
  'consent.ts',
  'decision.ts',
  'detail.ts',
  'fallback.ts',
  'message-price.ts',
  'opt-outs.ts',
  'preferences.ts',
  'quiet-hours.ts',
  'requests.ts',
  'settings.ts',
]

/** The arithmetic of wall clocks needs nobody, so that what is below the domain may read it too. */
const wallClock = 'domain/local-time.ts'

/** What the files of a room of `src` may import from others; `types`: type imports only. */
const rooms: Readonly<Record<string, { readonly values: readonly string[]; readonly types: readonly string[] }>> = {
  schemas: { values: ['errors.ts'], types: [] },
  messages: { values: [wallClock, 'schemas', 'errors.ts'], types: [] },
  channels: { values: ['messages', 'schemas', 'errors.ts'], types: [] },
  [ofChannels]: { values: ['channels', 'messages', 'schemas', 'errors.ts'], types: [] },
  domain: { values: [wallClock, 'channels', ofChannels, 'schemas', 'errors.ts'], types: [] },
  ports: { values: ['channels', ofChannels, 'schemas', 'errors.ts'], types: [] },
  records: { values: ['ports', 'domain', wallClock, 'channels', ofChannels, 'schemas', 'errors.ts'], types: [] },
  security: { values: ['errors.ts'], types: [] },
  services: {
    values: [
      'records',
      'domain',
      wallClock,
      'messages',
      'ports',
      'channels',
      ofChannels,
      'schemas',
      'errors.ts',
      'security',
    ],
    types: ['events.ts'],
  },
  http: { values: ['services', 'channels', ofChannels, 'schemas', 'errors.ts', 'security'], types: ['ports'] },
}

/** What the rooms of `src/services` may import from each other, types too. `notification-service.ts` is above all of them. */
const serviceRooms: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  messages: ['shared'],
  settings: ['shared'],
  consent: ['shared'],
  planning: ['shared', 'messages'],
  answers: ['shared', 'messages', 'planning'],
  delivery: ['shared', 'messages', 'planning', 'consent'],
  'task-manager': ['shared', 'messages', 'planning', 'delivery'],
  links: ['shared', 'messages', 'settings', 'consent', 'planning', 'answers'],
  privacy: ['shared', 'messages', 'planning'],
  insight: ['shared', 'messages', 'settings', 'planning', 'answers', 'delivery', 'task-manager', 'privacy'],
}

const importLine = /^(?:import|export) (type )?[^'"]*?from '([^']+)'/gm

type Import = { readonly file: string; readonly target: string; readonly isType: boolean }

async function importsBelow(folder: string): Promise<Import[]> {
  const found: Import[] = []
  for await (const file of glob(`${folder}/**/*.ts`)) {
    for (const [, type, target = ''] of readFileSync(file, 'utf8').matchAll(importLine)) {
      found.push({
        file,
        target: target.startsWith('.') ? normalize(join(dirname(file), target)) : target,
        isType: type !== undefined,
      })
    }
  }
  return found
}

/** `services` of `src/services/planner.ts`, `errors.ts` of `src/errors.ts`. */
function roomOf(path: string): string {
  const [, room = '', file = ''] = path.split(sep)
  if (`${room}/${file}` === wallClock) return wallClock
  return room === 'schemas' && schemasOfChannels.includes(file) ? ofChannels : room
}

it.each(Object.entries(rooms))('files of src/%s import only what their room may', async (room, { values, types }) => {
  const imports = (await importsBelow('src')).filter(
    ({ file, target }) => roomOf(file) === room && target.startsWith(`src${sep}`),
  )
  expect(imports.length).toBeGreaterThan(0)
  const wrong = imports.filter(({ target, isType }) => {
    const other = roomOf(target)
    return other !== room && !values.includes(other) && !(isType && types.includes(other))
  })
  expect(wrong).toEqual([])
})

it.each(Object.entries(serviceRooms))('files of src/services/%s import only rooms below it', async (room, below) => {
  const imports = await importsBelow(`src/services/${room}`)
  expect(imports.length).toBeGreaterThan(0)
  const wrong = imports.filter(({ target }) => {
    const [, first, other = ''] = target.split(sep)
    return target.startsWith(`src${sep}`) && first === 'services' && other !== room && !below.includes(other)
  })
  expect(wrong).toEqual([])
})

it('every file of src/services is in a room, or is the service above them', async () => {
  const files: string[] = []
  for await (const file of glob('src/services/**/*.ts')) files.push(file)
  const roomless = files.filter((file) => !Object.keys(serviceRooms).includes(file.split(sep)[2] ?? ''))
  expect(roomless).toEqual([join('src', 'services', 'notification-service.ts')])
})

it('no files of src import each other in a circle', async () => {
  const targets = new Map<string, Set<string>>()
  for (const { file, target } of await importsBelow('src')) {
    targets.set(file, (targets.get(file) ?? new Set()).add(target))
  }
  expect(targets.size).toBeGreaterThan(200)
  const done = new Set<string>()
  const circles: string[] = []
  const visit = (file: string, path: readonly string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
    else if (!done.has(file)) for (const target of targets.get(file) ?? []) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of targets.keys()) visit(file, [])
  expect(circles).toEqual([])
})

it('src/records holds no SQL, and names no database', async () => {
  const named: string[] = []
  let files = 0
  for await (const file of glob('src/records/**/*.ts')) {
    files += 1
    const source = readFileSync(file, 'utf8')
    if (/sqlite|postgres|kysely|mysql|mariadb|\bsql\b|\b(select|delete) .*\bfrom\b|\binsert into\b/i.test(source))
      named.push(file)
  }
  expect(files).toBeGreaterThan(20)
  expect(named).toEqual([])
})

it('adapters import the core by src/index.ts and src/records/index.ts only, and src no adapter', async () => {
  const ofAdapters = (await importsBelow('adapters')).filter(({ target }) => target.startsWith(`src${sep}`))
  expect(ofAdapters.length).toBeGreaterThan(0)
  const open = [join('src', 'index.ts'), join('src', 'records', 'index.ts')]
  expect(ofAdapters.filter(({ target }) => !open.includes(target))).toEqual([])
  expect((await importsBelow('src')).filter(({ target }) => target.startsWith(`adapters${sep}`))).toEqual([])
})
