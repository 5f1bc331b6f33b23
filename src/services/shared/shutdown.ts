import type { Clock } from '../../ports/clock.ts'
import type { Logger } from '../../ports/logger.ts'
import { faultOf } from './fault-log.ts'
import { withTimeout } from './with-timeout.ts'

/** What `stop()` left behind. All lists are empty if everything ended in time. */
export type StopReport = {
  /**
   * Ids of notifications that a provider accepted, but that could not be recorded as sent. For other processes their outcome
   * is unknown: they are sent again or held, by the organization's setting `unknownOutcome`.
   */
  readonly unrecorded: readonly number[]
  /** Ids of notifications for which it is unknown whether the provider accepted them. They are treated in the same way. */
  readonly unfinished: readonly number[]
  /** Parts that did not end in time, such as `transport smtp` or `storage`; they may still hold connections. */
  readonly abandoned: readonly string[]
}

/** A part of the library to be stopped. */
export type Part = { readonly name: string; readonly stop: () => Promise<unknown> | undefined }

/** How long after `drainMs` services, transports and storage are abandoned, in ms. */
const [servicesMs, transportsMs, storageMs] = [1600, 1800, 2000]

export type Shutdown = {
  readonly clock: Clock
  readonly logger: Logger
  readonly drainMs: number
  readonly services: readonly Part[]
  readonly transports: readonly Part[]
  readonly storage: Part
  /** Called when `drainMs` is over, to abort pending calls of the directory. */
  readonly drained: () => void
}

/** Stops everything, dependents first. Ends within `drainMs` plus two seconds, whatever hangs; returns the names of parts that did not stop. */
export async function shutDown(shutdown: Shutdown): Promise<string[]> {
  const { clock, logger, drainMs, services, transports, storage, drained } = shutdown
  const began = clock.elapsedMs()
  const abandoned: string[] = []

  async function end({ name, stop }: Part, afterDrainMs: number): Promise<void> {
    const leftMs = Math.max(0, began + drainMs + afterDrainMs - clock.elapsedMs())
    const stopped = (async () => stop())().catch((error: unknown) => {
      logger.warn('stopping a part failed', { part: name, fault: faultOf(error) })
    })
    await withTimeout(clock, leftMs, stopped, () => {
      abandoned.push(name)
      logger.error('part did not stop in time and was abandoned', { part: name })
    })
  }

  const cancel = clock.after(drainMs, drained)
  await Promise.all(services.map((part) => end(part, servicesMs)))
  cancel()
  drained()
  await Promise.all(transports.map((part) => end(part, transportsMs)))
  await end(storage, storageMs)
  return abandoned
}

/** Who stops often ignores the report. */
export function logLeft(logger: Logger, { unrecorded, unfinished }: StopReport): void {
  for (const [what, ids] of [
    ['that were sent but not recorded', unrecorded],
    ['whose outcome is unknown', unfinished],
  ] as const) {
    if (ids.length > 0) logger.error(`stopped with messages ${what}`, { count: ids.length, ids: ids.join(', ') })
  }
}
