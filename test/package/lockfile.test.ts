import { expect, it } from 'vitest'
import { z } from 'zod'
import { readJson } from './manifest.ts'

const entry = z.object({
  resolved: z.string().optional(),
  gypfile: z.boolean().optional(),
  optionalDependencies: z.record(z.string(), z.string()).optional(),
})
const { packages } = z.object({ packages: z.record(z.string(), entry) }).parse(readJson('package-lock.json'))

it('names no registry, so that whoever installs uses their own', () => {
  expect(Object.entries(packages).flatMap(([path, { resolved }]) => (resolved === undefined ? [] : path))).toEqual([])
})

it('holds the optional packages of every platform: npm 12 refuses `npm ci` where one is missing', () => {
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages),
    ),
  )
  expect(missing).toEqual([])
})

it('tells npm 10 not to compile better-sqlite3, which ships its binaries', () => {
  // npm 11 and later look into the package itself. `npm install` drops the line: add it again by hand.
  expect(packages['node_modules/better-sqlite3']?.gypfile, '"gypfile": false in package-lock.json').toBe(false)
})
