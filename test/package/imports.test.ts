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

/** What files of adapters import from src, name by name, and what src/index.ts exports from where. */
async function namesOf(pattern: string) {
  const found: (Import & { readonly name: string })[] = []
  for await (const file of glob(pattern)) {
    for (const [, type, names = '', target = ''] of readFileSync(file, 'utf8').matchAll(namedLine)) {
      if (!target.startsWith('.')) continue
      for (const [, typeOfName, name = ''] of names.matchAll(/(type )?(\w+)(?: as \w+)?/g)) {
        const isType = (type ?? typeOfName) !== undefined
        found.push({ file, target: normalize(join(dirname(file), target)), isType, name })
      }
    }
  }
  return found
}
const namedLine = /^(?:import|export) (type )?\{([^}]*)\} from '([^']+)'/gm

it('adapters import what is public: types by src/index.ts, and values by the file that it exports them from', async () => {
  const index = join('src', 'index.ts')
  const published = (await namesOf(index)).filter(({ isType }) => !isType)
  const isPublished = (one: Import & { readonly name: string }) =>
    published.some(({ name, target }) => name === one.name && target === one.target)
  const ofSrc = (await namesOf('adapters/**/*.ts')).filter(({ target }) => target.startsWith(`src${sep}`))
  const [types, values] = [ofSrc.filter(({ isType }) => isType), ofSrc.filter(({ isType }) => !isType)]
  expect(types.filter(({ target }) => target !== index && target !== ofRecords)).toEqual([])
  // By index.ts a transport would load the whole library for a class of errors.
  expect(values.filter((one) => !isPublished(one))).toEqual([])
  expect(values.length).toBeGreaterThan(50)
})

const ofRecords = join('src', 'records', 'index.ts')

it('adapters import nothing of src in other ways, but storages the records; and src no adapter', async () => {
  const named = await namesOf('adapters/**/*.ts')
  const others = (await importsBelow('adapters')).filter(
    ({ file, target }) =>
      target.startsWith(`src${sep}`) && !named.some((one) => one.file === file && one.target === target),
  )
  expect(others.filter(({ target }) => target !== ofRecords)).toEqual([])
  expect((await importsBelow('src')).filter(({ target }) => target.startsWith(`adapters${sep}`))).toEqual([])
})
