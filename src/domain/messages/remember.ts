/**
 * Wraps a costly function of one argument so that about `limit` results are kept: at least the `limit / 2` used last,
 * at most `limit`. Two generations instead of a true LRU: a hit costs one map lookup and writes nothing.
 */
export function remember<K, V extends NonNullable<unknown>>(limit: number, make: (key: K) => V): (key: K) => V {
  let recent = new Map<K, V>()
  let older = new Map<K, V>()
  return (key) => {
    const hit = recent.get(key)
    if (hit !== undefined) return hit
    const value = older.get(key) ?? make(key)
    if (recent.size >= limit / 2) {
      older = recent
      recent = new Map()
    }
    recent.set(key, value)
    return value
  }
}
