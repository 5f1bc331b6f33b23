import { type ChannelListener, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { turns } from './manual-clock.ts'

const begun = 'undici:request:create'
const ended = ['undici:request:trailers', 'undici:request:error']

/**
 * Requests that this process makes with `fetch` to a server of the test. How long they take depends on the machine, so a clock that is
 * driven stands still until all were answered (`rest`). Not for a server that never answers.
 */
export function requestsTo(origin: string) {
  const underWay = new Set<unknown>()
  const begin: ChannelListener = (message) => {
    const { request } = Object(message)
    if (request.origin === origin) underWay.add(request)
  }
  const end: ChannelListener = (message) => void underWay.delete(Object(message).request)
  subscribe(begun, begin)
  for (const name of ended) subscribe(name, end)
  return {
    /** Resolves when none is under way, and what followed from the last answer has had its turns of the event loop. */
    async rest(): Promise<void> {
      for (let isBusy = true; isBusy; ) {
        isBusy = underWay.size > 0
        await turns()
        isBusy ||= underWay.size > 0
      }
    },
    forget(): void {
      unsubscribe(begun, begin)
      for (const name of ended) unsubscribe(name, end)
    },
  }
}
