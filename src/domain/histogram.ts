/**
 * Durations in buckets that grow by the square root of two, starting at a millisecond: a few dozen cover a week, and a
 * percentile read from them is off by a fifth at most. Of a million sends only the counts are kept.
 */
export const bucketOf = (ms: number): number => (ms <= 1 ? 0 : Math.ceil(2 * Math.log2(ms)))

/** The geometric middle of a bucket, in milliseconds. */
const middleOf = (bucket: number): number => (bucket === 0 ? 1 : Math.round(2 ** ((bucket - 0.5) / 2)))

/** Percentiles of a duration, accurate to about 20 %. In ms; null: nothing was counted. */
export type Percentiles = {
  readonly count: number
  /** Median. */
  readonly p50Ms: number | null
  readonly p95Ms: number | null
}

/** `counts` by bucket. */
export function percentilesOf(counts: ReadonlyMap<number, number>): Percentiles {
  const buckets = [...counts].filter(([, count]) => count > 0).sort(([one], [other]) => one - other)
  const total = buckets.reduce((sum, [, count]) => sum + count, 0)
  const at = (share: number): number | null => {
    let seen = 0
    for (const [bucket, count] of buckets) {
      seen += count
      if (seen >= share * total) return middleOf(bucket)
    }
    return null
  }
  return { count: total, p50Ms: at(0.5), p95Ms: at(0.95) }
}
