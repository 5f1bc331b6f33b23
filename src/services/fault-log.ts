import { NotificationError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import { type LogFields, type Logger, stderrLogger } from '../ports/logger.ts'
import { scrubbedFields } from './scrubbed-fields.ts'

/** A kind of fault is written at most this often, in ms. */
const windowMs = 60_000
/** So many kinds of one message have lines of their own, such as one for each of several organizations; the rest share one. */
const mostKinds = 20
/** The fields that tell kinds apart. Ids of rows do not: a thousand messages that meet one fault are one fault. */
const tellingApart = [
  'code',
  'fault',
  'method',
  'organizationId',
  'route',
  'scheduler',
  'job',
  'event',
  'part',
] as const

type Kind = {
  readonly message: string
  /** When its line was written, by the time that passes. */
  writtenAt: number
  withheld: number
  /** Writes what is withheld; set as long as something is. */
  cancel: () => void
  write: () => void
}

/** A logger for everybody in the library. */
export type FaultLog = Logger & {
  /** Writes what is withheld, without waiting for its minute to end. For `stop()`. */
  flush(): void
}

/**
 * The host's logger, as the library uses it. Warnings and errors of one kind are written once a minute: the first at once;
 * those that follow are counted, and the last of them is written when the minute is over, with their number as `repeated`.
 * Fields are scrubbed of contacts, and of what is no plain value. A logger that throws or rejects fails nothing: its line goes to stderr.
 */
export function createFaultLog(logger: Logger, clock: Clock): FaultLog {
  const kinds = new Map<string, Kind>()

  function write(level: keyof Logger, message: string, given: LogFields | undefined): void {
    const fields = scrubbedFields(given)
    try {
      // Declared to return nothing; a host's may be asynchronous all the same.
      const written: unknown = logger[level](message, fields)
      if (written instanceof Promise) written.catch(() => stderrLogger[level](message, fields))
    } catch {
      stderrLogger[level](message, fields)
    }
  }

  function keyOf(message: string, fields: LogFields | undefined, now: number): string {
    const own = JSON.stringify([message, ...tellingApart.map((field) => fields?.[field])])
    if (kinds.has(own)) return own
    let others = 0
    for (const [key, kind] of kinds) {
      if (kind.withheld === 0 && now - kind.writtenAt >= windowMs) kinds.delete(key)
      else if (kind.message === message) others += 1
    }
    return others < mostKinds ? own : message
  }

  function fault(level: 'warn' | 'error', message: string, fields: LogFields | undefined): void {
    const now = clock.elapsedMs()
    const key = keyOf(message, fields, now)
    const known = kinds.get(key)
    if (known === undefined || (known.withheld === 0 && now - known.writtenAt >= windowMs)) {
      write(level, message, fields)
      kinds.set(key, { message, writtenAt: now, withheld: 0, cancel: () => {}, write: () => {} })
      return
    }
    known.withheld += 1
    known.write = () => {
      known.cancel()
      write(level, message, { ...fields, repeated: known.withheld })
      known.withheld = 0
      known.writtenAt = clock.elapsedMs()
    }
    // Only where something is withheld: a timer keeps a process alive that has nothing else to do.
    if (known.withheld === 1) known.cancel = clock.after(windowMs - (now - known.writtenAt), () => known.write())
  }

  return {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => fault('warn', message, fields),
    error: (message, fields) => fault('error', message, fields),
    flush() {
      for (const kind of kinds.values()) if (kind.withheld > 0) kind.write()
    },
  }
}

/** What may be logged of an unknown error: our own messages are safe, a stranger's may hold personal data. */
export const faultOf = (error: unknown): string =>
  error instanceof NotificationError
    ? `${error.code}: ${error.message}`
    : error instanceof Error
      ? error.name
      : 'unknown'

/** Where an error comes from: its frames in one line, without its message, which may hold personal data. Null: it has none. */
export const framesOf = (error: unknown): string | null =>
  error instanceof Error && error.stack !== undefined
    ? error.stack
        .split('\n')
        .filter((line) => /^\s+at /.test(line))
        .slice(0, 12)
        .map((line) => line.trim())
        .join(' | ')
    : null
