import { z } from 'zod'

/** One line of the table. Figures are medians of their rounds. */
export const lineSchema = z.object({
  measure: z.string(),
  /** `/s`, `ms`, `%`, `MB`. */
  unit: z.string(),
  ours: z.number(),
  /** The limit: the same durable work without the library. Null where there is none to compare with. */
  raw: z.number().nullable(),
  /** Processor time of one piece, in µs: says more than the clock on a machine that is shared. */
  cpuUs: z.object({ ours: z.number(), raw: z.number() }).nullable(),
  note: z.string(),
})
export type Line = z.infer<typeof lineSchema>

export type Sample = { readonly perSecond: number; readonly cpuUs: number }

/** Runs `work`, which did `count` pieces. Garbage of earlier rounds is collected before, not during it. */
export async function timed(count: number, work: () => unknown): Promise<Sample> {
  globalThis.gc?.()
  const cpu = process.cpuUsage()
  const began = performance.now()
  await work()
  const ms = performance.now() - began
  const { user, system } = process.cpuUsage(cpu)
  return { perSecond: (count / ms) * 1000, cpuUs: (user + system) / count }
}

export const quantile = (values: readonly number[], part: number): number => {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

export function median(samples: readonly Sample[]): Sample {
  const of = (field: keyof Sample) =>
    quantile(
      samples.map((sample) => sample[field]),
      0.5,
    )
  return { perSecond: of('perSecond'), cpuUs: of('cpuUs') }
}

/** A line of rates from the rounds of both sides. */
export function rates(measure: string, ours: readonly Sample[], raw: readonly Sample[], note: string): Line {
  const [mine, limit] = [median(ours), median(raw)]
  return {
    measure,
    unit: '/s',
    ours: mine.perSecond,
    raw: limit.perSecond,
    cpuUs: { ours: mine.cpuUs, raw: limit.cpuUs },
    note,
  }
}

/** The benchmark measures nothing if the work was not done. */
export function expectCount(what: string, found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`${what}: ${found} in place of ${wanted}`)
}
