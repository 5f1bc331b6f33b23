/**
 * Wraps a costly function of one argument so that results are kept that weigh about `maxBytes` together: at least half of
 * that of those used last, never more. What alone weighs more than half is not kept. Two generations instead of a true LRU:
 * a hit costs one map lookup and writes nothing.
 */
export function remember<K, V extends NonNullable<unknown>>(
  { maxBytes, bytesOf }: { readonly maxBytes: number; readonly bytesOf: (value: V, key: K) => number },
  make: (key: K) => V,
): (key: K) => V {
  let recent = new Map<K, V>()
  let older = new Map<K, V>()
  let recentBytes = 0
  return (key) => {
    const hit = recent.get(key)
    if (hit !== undefined) return hit
    const value = older.get(key) ?? make(key)
    const bytes = bytesOf(value, key)
    if (bytes > maxBytes / 2) return value
    if (recentBytes + bytes > maxBytes / 2) {
      older = recent
      recent = new Map()
      recentBytes = 0
    }
    recent.set(key, value)
    recentBytes += bytes
    return value
  }
}
