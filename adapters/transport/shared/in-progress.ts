/** The sends of a transport that are under way, for which its `close` waits. */
export function createInProgress() {
  const works = new Set<Promise<unknown>>()
  return {
    async track<T>(work: Promise<T>): Promise<T> {
      works.add(work)
      try {
        return await work
      } finally {
        works.delete(work)
      }
    },
    ended: () => Promise.allSettled(works),
  }
}
