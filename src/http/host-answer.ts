import { NotificationError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import { withTimeout } from '../services/shared/with-timeout.ts'

/** How long a callback of the host may take, in ms: a request must not wait forever. */
const hostAnswersWithinMs = 10_000

/** Calls a callback of the host, with a time limit. @throws what it throws, or NotificationError `host_timeout`. */
export function hostAnswer<T>(clock: Clock, option: string, ask: () => T | Promise<T>): Promise<T> {
  return withTimeout(clock, hostAnswersWithinMs, (async () => ask())(), (): never => {
    throw new NotificationError(
      'host_timeout',
      `The option "${option}" did not respond within ${hostAnswersWithinMs} ms.`,
      { field: option },
    )
  })
}
