import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { entries, manifest, root } from './manifest.ts'

/** Which packages a process has loaded after it imported, or required, a specifier: asked from Node's own loader. */
function loadedBy(specifier: string, how: 'import' | 'require'): string[] {
  const load = how === 'import' ? `await import('${specifier}')` : `createRequire(import.meta.url)('${specifier}')`
  const script = `
    import { createRequire, registerHooks } from 'node:module'
    const urls = []
    registerHooks({
      load(url, context, next) {
        urls.push(url)
        return next(url, context)
      },
    })
    ${load}
    console.log(JSON.stringify(urls))
  `
  const args = ['--input-type=module', '--eval', script]
  const urls = z.array(z.string()).parse(JSON.parse(execFileSync(process.execPath, args, { cwd: root }).toString()))
  expect(urls.length).toBeGreaterThan(1)
  return [...new Set(urls.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []))]
}

const vendors = Object.keys(manifest.peerDependencies)

it.each(entries.map(({ specifier }) => specifier))(
  '%s loads no optional vendor, by import or by require',
  (specifier) => {
    for (const how of ['import', 'require'] as const) {
      const loaded = loadedBy(specifier, how)
      expect(loaded.filter((name) => vendors.includes(name))).toEqual([])
    }
  },
)
