import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

export const readJson = (...path: string[]): unknown => JSON.parse(readFileSync(join(root, ...path), 'utf8'))

const target = z.strictObject({ types: z.string(), default: z.string() })

export const manifest = z
  .object({
    name: z.string(),
    files: z.array(z.string()),
    scripts: z.record(z.string(), z.string()),
    bin: z.record(z.string(), z.string()),
    exports: z.record(z.string(), z.union([target, z.string()])),
    dependencies: z.record(z.string(), z.string()),
    peerDependencies: z.record(z.string(), z.string()),
    devDependencies: z.record(z.string(), z.string()),
  })
  .parse(readJson('package.json'))

/** The entry points, without `./package.json`: what is imported, its source and its built name without extension. */
export const entries = Object.entries(manifest.exports).flatMap(([subpath, to]) => {
  if (typeof to === 'string') return []
  const built = to.default.replace(/^\.\/dist\//, '').replace(/\.js$/, '')
  const source = built === 'index' ? 'src/index.ts' : `${built}.ts`
  return [{ specifier: `${manifest.name}${subpath.slice(1)}`, source, built, ...to }]
})
