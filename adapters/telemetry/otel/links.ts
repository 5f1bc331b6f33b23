export type SpanContextLike = { traceId: string; spanId: string; traceFlags: number; isRemote?: boolean }
export type Links = { context: SpanContextLike }[]

/** So many, of what may not be stored yet; the oldest are forgotten. */
const most = 10_000
export class Remembered<Key, Value> {
  readonly #known = new Map<Key, Value>()

  add(key: Key, value: Value): void {
    this.#known.delete(key)
    this.#known.set(key, value)
    if (this.#known.size <= most) return
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest)
      return
    }
  }

  get(key: Key): Value | undefined {
    return this.#known.get(key)
  }
}

/** W3C `traceparent`; null for a span that is not kept, or where there is no SDK. */
export const textOf = ({ traceId, spanId, traceFlags }: SpanContextLike): string | null =>
  (traceFlags & 1) === 0 ? null : `00-${traceId}-${spanId}-01`

export function linksTo(context: string | null | undefined): Links {
  const [, traceId, spanId] = context?.split('-') ?? []
  return traceId === undefined || spanId === undefined
    ? []
    : [{ context: { traceId, spanId, traceFlags: 1, isRemote: true } }]
}
