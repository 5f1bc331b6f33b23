import { z } from 'zod'

/** What one contestant came to in one measure. Values are medians of their rounds. */
export const figureSchema = z.object({
  measure: z.string(),
  /** Who did it: `ours on SQLite`, a peer, or `bare ...`: the same durable work without any library. */
  by: z.string(),
  value: z.number(),
  /** `/s`, `ms`, `%`, `MB`, `x`. */
  unit: z.string(),
  /** When what was written counts as written; '' where nothing is. */
  durability: z.string(),
  /** Processor time that this process took for one piece, in µs: says more than the clock on a machine that is shared. */
  cpuUs: z.number().nullable(),
  note: z.string(),
})
export type Figure = z.infer<typeof figureSchema>

export type Sample = { readonly count: number; readonly perSecond: number; readonly cpuUs: number }

/** Runs `work`, which did `count` pieces. Garbage of earlier rounds is collected before, not during it. */
export async function timed(count: number, work: () => unknown): Promise<Sample> {
  return timedCount(async () => {
    await work()
    return count
  })
}

/** Runs `work`, which tells how many pieces it did. */
export async function timedCount(work: () => Promise<number>): Promise<Sample> {
  globalThis.gc?.()
  const cpu = process.cpuUsage()
  const began = performance.now()
  const count = await work()
  const ms = performance.now() - began
  const { user, system } = process.cpuUsage(cpu)
  return { count, perSecond: (count / ms) * 1000, cpuUs: (user + system) / count }
}

/** Calls of several callers at once, each the next after its last, for a while or until there are no more `ids`. */
export const timedCalls = (
  ids: Iterable<number>,
  atOnce: number,
  forMs: number,
  call: (id: number) => Promise<unknown>,
): Promise<Sample> =>
  timedCount(async () => {
    const end = performance.now() + forMs
    const rest = ids[Symbol.iterator]()
    let count = 0
    const caller = async () => {
      for (let next = rest.next(); next.done !== true && performance.now() < end; next = rest.next()) {
        await call(next.value)
        count += 1
      }
    }
    await Promise.all(Array.from({ length: atOnce }, caller))
    return count
  })

export const quantile = (values: readonly number[], part: number): number => {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

const median = (values: readonly number[]): number => quantile(values, 0.5)

/** The samples of a section, by measure and contestant, until it ends. */
export class Samples {
  readonly #samples = new Map<string, { about: Omit<Figure, 'value' | 'unit' | 'cpuUs'>; samples: Sample[] }>()

  add(measure: string, by: { readonly name: string; readonly durability: string }, note: string, sample: Sample): void {
    const key = `${measure} ${by.name}`
    const about = { measure, by: by.name, durability: by.durability, note }
    const known = this.#samples.get(key) ?? { about, samples: [] }
    known.samples.push(sample)
    this.#samples.set(key, known)
  }

  figures(): Figure[] {
    return [...this.#samples.values()].map(({ about, samples }) => ({
      ...about,
      unit: '/s',
      value: median(samples.map(({ perSecond }) => perSecond)),
      cpuUs: median(samples.map(({ cpuUs }) => cpuUs)),
    }))
  }
}

/** The benchmark measures nothing if the work was not done. */
export function expectCount(what: string, found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`${what}: ${found} in place of ${wanted}`)
}
