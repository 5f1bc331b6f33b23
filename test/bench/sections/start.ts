import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { z } from 'zod'
import { entries, manifest, root } from '../../package/manifest.ts'
import { type Figure, quantile } from '../measure.ts'
import { measures } from '../measures.ts'

const rounds = 15

/** Those that create the library, or read and write its rows, are measured by the library. The suites load vitest. */
const isAdapter = (specifier: string): boolean =>
  ![
    manifest.name,
    ...['testing', 'conformance', 'sqlite', 'postgres', 'records'].map((one) => `${manifest.name}/${one}`),
  ].includes(specifier)

const sampleSchema = z.object({ ms: z.number(), cpuUs: z.number() })
type Sample = z.infer<typeof sampleSchema>

const run = promisify(execFile)

/** In a process of its own, without its own start. The package finds itself by its name, as built. */
async function importOf(specifier: string): Promise<Sample> {
  const program = `
    const [began, cpu] = [performance.now(), process.cpuUsage()]
    await import('${specifier}')
    const [ms, { user, system }] = [performance.now() - began, process.cpuUsage(cpu)]
    console.log(JSON.stringify({ ms, cpuUs: user + system }))`
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: root })
  return sampleSchema.parse(JSON.parse(stdout))
}

/** How long importing the library and its adapters takes, beside zod, which a host that validates has loaded already. */
export async function start(): Promise<Figure[]> {
  const adapters = entries.map(({ specifier }) => specifier).filter(isAdapter)
  const samples = new Map<string, Sample[]>()
  for (let round = 0; round < rounds; round += 1) {
    for (const specifier of ['zod', manifest.name, ...adapters]) {
      const sample = await importOf(specifier)
      samples.set(specifier, [...(samples.get(specifier) ?? []), sample])
    }
  }
  const figureOf = (measure: string, by: string, specifier: string): Figure => {
    const found = samples.get(specifier) ?? []
    const [ms, cpuUs] = [found.map((one) => one.ms), found.map((one) => one.cpuUs)].map((all) => quantile(all, 0.5))
    return { measure, by, value: ms ?? Number.NaN, unit: 'ms', durability: '', cpuUs: cpuUs ?? null, note: specifier }
  }
  const [slowest = figureOf(measures.importedAdapter, 'ours', manifest.name)] = adapters
    .map((specifier) => figureOf(measures.importedAdapter, 'ours', specifier))
    .toSorted((one, other) => other.value - one.value)
  return [
    figureOf(measures.imported, 'zod', 'zod'),
    figureOf(measures.imported, 'ours', manifest.name),
    figureOf(measures.importedAdapter, 'zod', 'zod'),
    slowest,
  ]
}
