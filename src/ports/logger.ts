import { systemClock } from './clock.ts'

/**
 * Receives the library's log. Fields contain ids, codes and counts, never names, addresses or message text. Loggers of pino
 * and bunyan, which take the fields first, can be passed as they are.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}
/** Fields of a log line. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>

const nothing = () => {}
/** Logs nothing. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** Writes each warning and error to stderr as one line of JSON, with the time of the machine. The default. */
export const stderrLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: (message, fields) => console.warn(jsonLine('warn', message, fields)),
  error: (message, fields) => console.error(jsonLine('error', message, fields)),
}

const jsonLine = (level: 'warn' | 'error', message: string, fields: LogFields | undefined): string =>
  JSON.stringify({ time: systemClock.now().toISOString(), level, message, ...fields })

/**
 * Adapts pino (Fastify's logger) and bunyan, which take the fields first and would drop them in second place, although their
 * types allow it. They are recognized by methods that no other logger has. Other loggers are returned unchanged.
 */
export function messageFirst(logger: Logger): Logger {
  if (!['bindings', 'addSerializers'].some((method) => typeof Reflect.get(logger, method) === 'function')) return logger
  const turned =
    (level: keyof Logger) =>
    (message: string, fields: LogFields = {}): void => {
      Reflect.apply(logger[level], logger, [fields, message])
    }
  return { debug: turned('debug'), info: turned('info'), warn: turned('warn'), error: turned('error') }
}
