import { readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { dirname, join, normalize, sep } from 'node:path'
import { expect, it } from 'vitest'

/** What the files of a room of `src` may import from others; `types`: type imports only. */
const rooms: Readonly<Record<string, { readonly values: readonly string[]; readonly types: readonly string[] }>> = {
  schemas: { values: ['errors.ts'], types: [] },
  domain: { values: ['schemas', 'errors.ts'], types: [] },
  ports: { values: ['schemas', 'errors.ts'], types: [] },
  records: { values: ['ports', 'domain', 'schemas', 'errors.ts'], types: [] },
  security: { values: ['errors.ts'], types: [] },
  services: { values: ['records', 'domain', 'ports', 'schemas', 'errors.ts', 'security'], types: ['events.ts'] },
  http: { values: ['services', 'schemas', 'errors.ts', 'security'], types: ['ports'] },
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
const roomOf = (path: string): string => path.split(sep)[1] ?? ''

it.each(Object.entries(rooms))('files of src/%s import only what their room may', async (room, { values, types }) => {
  const imports = (await importsBelow(`src/${room}`)).filter(({ target }) => target.startsWith(`src${sep}`))
  expect(imports.length).toBeGreaterThan(0)
  const wrong = imports.filter(({ target, isType }) => {
    const other = roomOf(target)
    return other !== room && !values.includes(other) && !(isType && types.includes(other))
  })
  expect(wrong).toEqual([])
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
