/**
 * Makes it at the first call, and keeps it: for what takes time to make, and not every program that imports the library needs.
 * One that throws is made again by the next call.
 */
export function onFirstUse<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
