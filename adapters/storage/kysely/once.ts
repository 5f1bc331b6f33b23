type Known<K, V> = { get(key: K): V | undefined; set(key: K, value: V): unknown }

/** What `make` gives for a key, made once. */
export function once<K, V>(known: Known<K, V>, key: K, make: (key: K) => V): V {
  const found = known.get(key)
  if (found !== undefined) return found
  const made = make(key)
  known.set(key, made)
  return made
}
