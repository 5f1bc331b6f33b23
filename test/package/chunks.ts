import { createRequire, isBuiltin } from 'node:module'
import { z } from 'zod'
import { root } from './manifest.ts'

/** Of tsup: the esbuild that the package itself is built with. */
export const esbuild = z
  .object({ build: z.custom<(options: object) => Promise<unknown>>((value) => typeof value === 'function') })
  .parse(createRequire(createRequire(import.meta.url).resolve('tsup'))('esbuild'))

const metafile = z.object({
  outputs: z.record(
    z.string(),
    z.object({
      bytes: z.number(),
      entryPoint: z.string().optional(),
      inputs: z.record(z.string(), z.unknown()),
      imports: z.array(z.object({ path: z.string(), kind: z.string(), external: z.boolean().optional() })),
    }),
  ),
})

/** The chunks of these sources, built together as tsup builds the package. */
export async function chunksOf(sources: readonly string[]) {
  const built = z.object({ metafile }).parse(
    await esbuild.build({
      entryPoints: sources,
      absWorkingDir: root,
      bundle: true,
      splitting: true,
      write: false,
      metafile: true,
      outdir: 'dist',
      platform: 'node',
      format: 'esm',
      packages: 'external',
      logLevel: 'silent',
    }),
  )
  const { outputs } = built.metafile
  const importsOf = (path: string) => (outputs[path]?.imports ?? []).filter(({ kind }) => kind === 'import-statement')
  /** The chunks that are loaded with a source, without those that it loads later. */
  const startedBy = (source: string): readonly string[] => {
    const started = new Set(Object.keys(outputs).filter((path) => outputs[path]?.entryPoint === source))
    for (const path of started) {
      for (const { path: next, external } of importsOf(path)) if (external !== true) started.add(next)
    }
    return [...started]
  }
  /** The packages that are loaded with a source, without Node's own. */
  const packagesOf = (source: string): readonly string[] => {
    const specifiers = startedBy(source).flatMap((path) =>
      importsOf(path).flatMap(({ path: name, external }) => (external === true ? [name] : [])),
    )
    return [...new Set(specifiers)].filter((name) => !isBuiltin(name)).sort()
  }
  return { outputs, startedBy, packagesOf }
}
