/**
 * Makes it at the first call, and keeps it: for what takes time to make, and not every program that imports the library needs.
 * One that throws or rejects is made again by the next call: a file that could not be opened now may be in a moment.
 */
export function onFirstUse<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => {
    if (made !== null) return made.value
    const value = make()
    made = { value }
    if (value instanceof Promise) {
      value.catch(() => {
        made = null
      })
    }
    return value
  }
}
