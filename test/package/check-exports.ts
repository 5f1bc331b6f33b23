/**
 * Exports, sources, built files and the compiler's paths say the same, in both directions. Run after `npm run build`:
 * an entry that was not built, and a built or written one that nobody can import, are both faults.
 */
import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { entries, manifest, readJson, root } from './manifest.ts'

const faults: string[] = []
const expectSame = (what: string, actual: Iterable<string>, expected: Iterable<string>): void => {
  const [is, should] = [new Set(actual), new Set(expected)]
  for (const one of should) if (!is.has(one)) faults.push(`${what}: ${one} is missing`)
  for (const one of is) if (!should.has(one)) faults.push(`${what}: ${one} is not among the exports`)
}
const list = (pattern: string): string[] => globSync(pattern, { cwd: root }).map((path) => path.replaceAll('\\', '/'))

// What other files share is a chunk; its name ends in a hash.
const isEntry = (path: string): boolean => !/-[A-Za-z0-9_-]{8}\.(?:js|d\.ts)$/.test(path)

for (const { specifier, built, types, default: code } of entries) {
  if (types !== `./dist/${built}.d.ts`) faults.push(`${specifier}: types and default are not of the same file`)
  for (const path of [types, code])
    if (!existsSync(join(root, path))) faults.push(`${specifier}: ${path} was not built`)
}
const sources = entries.map((entry) => entry.source)
const published = ['src/index.ts', 'src/records/index.ts', 'test/conformance/index.ts', ...list('adapters/*/*.ts')]
expectSame('sources (adapters/*/*.ts, src/index.ts, the records, the suites)', published, sources)
const programs = Object.values(manifest.bin).map((path) => path.replace(/^\.\/dist\//, '').replace(/\.js$/, ''))
const built = [...entries.map((entry) => entry.built), ...programs]
for (const kind of ['js', 'd.ts']) {
  const files = list(`dist/**/*.${kind}`).filter(isEntry)
  expectSame(
    `built files (dist/**/*.${kind})`,
    files,
    built.map((name) => `dist/${name}.${kind}`),
  )
}
const paths = z.record(z.string(), z.array(z.string()))
const tsconfig = z.object({ compilerOptions: z.object({ paths }) }).parse(readJson('tsconfig.json'))
expectSame(
  'paths of tsconfig.json',
  Object.entries(tsconfig.compilerOptions.paths).map(([specifier, [source]]) => `${specifier} (${source})`),
  entries.map(({ specifier, source }) => `${specifier} (./${source})`),
)

if (faults.length > 0) {
  console.error(`The exports of ${manifest.name} do not hold:\n  ${faults.join('\n  ')}`)
  process.exitCode = 1
} else {
  console.log(`${entries.length} entry points: exports, sources, built files and paths agree.`)
}
