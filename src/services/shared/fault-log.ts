import { NotificationError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import { type LogFields, type Logger, stderrLogger } from '../../ports/logger.ts'
import { scrubbedFields } from './scrubbed-fields.ts'

/** A kind of fault is written at most this often, in ms. */
const windowMs = 60_000
/** So many kinds of one message have lines of their own, such as one for each of several organizations; the rest share one. */
const mostKinds = 20
/** A kind is recent for so long after it came last, in ms; of more than `mostRecent` the oldest are forgotten. */
const recentMs = 10 * 60_000
const mostRecent = 500
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

/** Warnings or errors of one kind, which came within the last ten minutes. */
export type RecentFault = {
  readonly level: 'warn' | 'error'
  readonly message: string
  /** As of the last of them. */
  readonly fields: LogFields
  readonly count: number
  readonly firstAt: Date
  readonly lastAt: Date
  /** False: they share a kind because there were too many of the message, and differ in their fields. */
  readonly isOneKind: boolean
}

type Kind = RecentFault & {
  /** By the time that passes: when it came last, and when its line was written. */
  readonly seenAt: number
  writtenAt: number
  withheld: number
  /** Of the timer by which what is withheld is written; set as long as something is. */
  cancel: () => void
}

/** A logger for everybody in the library. */
export type FaultLog = Logger & {
  /** Writes what is withheld, without waiting for its minute to end. For `stop()`. */
  flush(): void
  /** What went wrong lately, the last first, whatever became of its lines. */
  recent(): readonly RecentFault[]
}

/**
 * The host's logger, as the library uses it. Warnings and errors of one kind are written once a minute: the first at once;
 * those that follow are counted, and the last of them is written when the minute is over, with their number as `repeated`.
 * Fields are scrubbed of contacts, and of what is no plain value. A logger that throws or rejects fails nothing: its line goes to stderr.
 */
export function createFaultLog(logger: Logger, clock: Clock): FaultLog {
  const kinds = new Map<string, Kind>()

  function write(level: keyof Logger, message: string, fields: LogFields | undefined): void {
    const failed = (error: unknown) => {
      stderrLogger[level](message, fields)
      loggerFailed(error)
    }
    try {
      // Declared to return nothing; a host's may be asynchronous all the same.
      const written: unknown = logger[level](message, fields)
      if (written instanceof Promise) written.catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  /** To be seen where the log cannot be: beside its lines on stderr, and in health. */
  function loggerFailed(error: unknown): void {
    const fields = { fault: faultOf(error) }
    const kind = note('error', 'the option "logger" failed: its lines are written to stderr', fields)
    if (isQuiet(kind)) writeNow(kind, (line) => stderrLogger.error(kind.message, line))
  }

  const isQuiet = ({ withheld, writtenAt }: Kind): boolean =>
    withheld === 0 && clock.elapsedMs() - writtenAt >= windowMs

  /** The key of a kind, after those that nobody needs any more are forgotten. */
  function keyOf(message: string, fields: LogFields): string {
    const own = JSON.stringify([message, ...tellingApart.map((field) => fields[field])])
    if (kinds.has(own)) return own
    let others = 0
    for (const [key, kind] of kinds) {
      const isDone = isQuiet(kind)
      if (isDone && (!isRecent(kind) || kinds.size >= mostRecent)) kinds.delete(key)
      else if (!isDone && kind.message === message) others += 1
    }
    return others < mostKinds ? own : message
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
    // Only where something is withheld: a timer keeps a process alive that has nothing else to do.
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
 * What may be logged of an unknown error: our own messages are safe; a stranger's may hold personal data, so it is its name and
 * its code, such as `Error (ECONNREFUSED)`.
 */
export function faultOf(error: unknown): string {
  if (error instanceof NotificationError) return `${error.code}: ${error.message}`
  if (!(error instanceof Error)) return 'unknown'
  const code = codeOf(error) ?? codeOf(error.cause)
  return code === null ? error.name : `${error.name} (${code})`
}

/** As the system, Node and Postgres give them. */
function codeOf(error: unknown): string | null {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : null
  return typeof code === 'string' && /^(?:[A-Z][A-Z0-9_]{2,39}|[0-9A-Z]{5})$/.test(code) ? code : null
}

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
