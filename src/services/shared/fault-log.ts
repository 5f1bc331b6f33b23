import { NotificationError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import { type LogFields, type Logger, stderrLogger } from '../../ports/logger.ts'
import { scrubbedFields } from './scrubbed-fields.ts'

/** A kind of fault is written at most this often, in ms. */
const windowMs = 60_000
/** How many kinds of one message, such as one for each organization, have their own lines; the rest share one. */
const maxKinds = 20
/** How long a kind is recent after it last occurred, in ms; beyond `maxRecent` kinds, the oldest are dropped. */
const recentMs = 10 * 60_000
const maxRecent = 500
/** The fields that distinguish kinds. Ids of rows do not: one fault that affects a thousand messages is one kind. */
const kindFields = ['code', 'fault', 'method', 'organizationId', 'route', 'scheduler', 'job', 'event', 'part'] as const

/** Warnings or errors of one kind in the last ten minutes. */
export type RecentFault = {
  readonly level: 'warn' | 'error'
  readonly message: string
  /** Those of the last one. */
  readonly fields: LogFields
  readonly count: number
  readonly firstAt: Date
  readonly lastAt: Date
  /** False: they differ in their fields, and share a kind because the message had too many kinds. */
  readonly isOneKind: boolean
}

type Kind = RecentFault & {
  /** By the clock's `elapsedMs`: when it last occurred, and when its line was last written. */
  readonly seenAt: number
  writtenAt: number
  withheld: number
  /** Cancels the timer that writes what is withheld. */
  cancel: () => void
}

/** The logger that the whole library uses. */
export type FaultLog = Logger & {
  /** Writes what is withheld at once. For `stop()`. */
  flush(): void
  /** Recent warnings and errors, latest first, even if their lines are withheld. */
  recent(): readonly RecentFault[]
}

/**
 * Wraps the host's logger. Warnings and errors of one kind are written once a minute: the first at once; those that
 * follow are counted, and the last of them is written at the end of the minute, with their number as `repeated`.
 * Fields are scrubbed of contacts and of values that are not plain. If the logger throws or rejects, its line goes to stderr.
 */
export function createFaultLog(logger: Logger, clock: Clock): FaultLog {
  const kinds = new Map<string, Kind>()

  function write(level: keyof Logger, message: string, fields: LogFields | undefined): void {
    const failed = (error: unknown) => {
      stderrLogger[level](message, fields)
      loggerFailed(error)
    }
    try {
      // Declared to return nothing, but a host's logger may be asynchronous.
      const written: unknown = logger[level](message, fields)
      if (written instanceof Promise) written.catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  /** A failing logger cannot log its own failure: it is written to stderr and shown in health. */
  function loggerFailed(error: unknown): void {
    const fields = { fault: faultOf(error) }
    const kind = note('error', 'the option "logger" failed: its lines are written to stderr', fields)
    if (isQuiet(kind)) writeNow(kind, (line) => stderrLogger.error(kind.message, line))
  }

  const isQuiet = ({ withheld, writtenAt }: Kind): boolean =>
    withheld === 0 && clock.elapsedMs() - writtenAt >= windowMs

  /** The key of a kind. Also drops kinds that are no longer needed. */
  function keyOf(message: string, fields: LogFields): string {
    const own = JSON.stringify([message, ...kindFields.map((field) => fields[field])])
    if (kinds.has(own)) return own
    let others = 0
    for (const [key, kind] of kinds) {
      const isDone = isQuiet(kind)
      if (isDone && (!isRecent(kind) || kinds.size >= maxRecent)) kinds.delete(key)
      else if (!isDone && kind.message === message) others += 1
    }
    return others < maxKinds ? own : message
  }

  const isRecent = ({ seenAt }: Kind): boolean => clock.elapsedMs() - seenAt < recentMs

  function note(level: 'warn' | 'error', message: string, fields: LogFields): Kind {
    const key = keyOf(message, fields)
    const [at, seenAt] = [clock.now(), clock.elapsedMs()]
    const known = kinds.get(key)
    if (known !== undefined && (known.withheld > 0 || isRecent(known))) {
      return Object.assign(known, { level, fields, seenAt, lastAt: at, count: known.count + 1 })
    }
    const isOneKind = key !== message
    const times = { firstAt: at, lastAt: at, seenAt, writtenAt: Number.NEGATIVE_INFINITY }
    const kind = { level, message, fields, ...times, isOneKind, count: 1, withheld: 0, cancel: () => {} }
    kinds.set(key, kind)
    return kind
  }

  function writeNow(kind: Kind, writeLine: (fields: LogFields) => void): void {
    const { fields, withheld } = kind
    kind.cancel()
    kind.withheld = 0
    kind.writtenAt = clock.elapsedMs()
    writeLine(withheld === 0 ? fields : { ...fields, repeated: withheld })
  }

  const writeWithheld = (kind: Kind): void => writeNow(kind, (fields) => write(kind.level, kind.message, fields))

  function fault(level: 'warn' | 'error', message: string, given: LogFields | undefined): void {
    const kind = note(level, message, scrubbedFields(given) ?? {})
    if (isQuiet(kind)) {
      writeNow(kind, (fields) => write(level, message, given && fields))
      return
    }
    kind.withheld += 1
    // Only one timer, and only if something is withheld, since a timer keeps an idle process alive.
    if (kind.withheld > 1) return
    kind.cancel = clock.after(windowMs - (clock.elapsedMs() - kind.writtenAt), () => writeWithheld(kind))
  }

  return {
    debug: (message, fields) => write('debug', message, scrubbedFields(fields)),
    info: (message, fields) => write('info', message, scrubbedFields(fields)),
    warn: (message, fields) => fault('warn', message, fields),
    error: (message, fields) => fault('error', message, fields),
    flush() {
      for (const kind of [...kinds.values()]) if (kind.withheld > 0) writeWithheld(kind)
    },
    recent: () => [...kinds.values()].filter(isRecent).sort((one, other) => other.seenAt - one.seenAt),
  }
}

/**
 * What may be logged about any error: our own messages are safe; others may contain personal data, so only name and
 * code are used, such as `Error (ECONNREFUSED)`.
 */
export function faultOf(error: unknown): string {
  if (error instanceof NotificationError) return `${error.code}: ${error.message}`
  if (!(error instanceof Error)) return 'unknown'
  const code = codeOf(error) ?? codeOf(error.cause)
  return code === null ? error.name : `${error.name} (${code})`
}

/** Codes of the operating system, Node and Postgres. */
function codeOf(error: unknown): string | null {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : null
  return typeof code === 'string' && /^(?:[A-Z][A-Z0-9_]{2,39}|[0-9A-Z]{5})$/.test(code) ? code : null
}

/** The stack frames of an error in one line, without its message, which may contain personal data. Null if it has none. */
export const framesOf = (error: unknown): string | null =>
  error instanceof Error && error.stack !== undefined
    ? error.stack
        .split('\n')
        .filter((line) => /^\s+at /.test(line))
        .slice(0, 12)
        .map((line) => line.trim())
        .join(' | ')
    : null
