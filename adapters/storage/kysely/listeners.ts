/** Those who want to hear of commits of others. What hears of them runs while there is one, from `start` to `end`. */
export function listenersFor(start: () => void, end: () => void) {
  const listeners = new Set<() => void>()
  return {
    call(): void {
      for (const listener of listeners) listener()
    },
    listen(listener: () => void): () => void {
      const own = () => listener()
      listeners.add(own)
      if (listeners.size === 1) start()
      return () => {
        listeners.delete(own)
        if (listeners.size === 0) end()
      }
    },
    stop(): void {
      listeners.clear()
      end()
    },
  }
}
