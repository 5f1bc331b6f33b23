import { NotificationError } from '../../../src/errors.ts'
import { CommandTimeout } from './errors.ts'

/** How long the library waits for what, in ms: default, least and most. `PostgresTuning` describes what each means for a host. */
const ranges = {
  connectTimeoutMs: [5000, 100, 600_000],
  commandTimeoutMs: [10_000, 100, 3_600_000],
  idleTimeoutMs: [5000, 100, 600_000],
  lockTimeoutMs: [250, 1, 600_000],
  busyTimeoutMs: [10_000, 1, 3_600_000],
} as const

export type Limits = { readonly [K in keyof typeof ranges]: number }

/** @throws NotificationError `options_invalid` for a limit that is no whole number in its range. */
export function limitsOf(given: { readonly [K in keyof Limits]?: number | undefined }): Limits {
  const read = (name: keyof Limits): number => {
    const [byDefault, least, most] = ranges[name]
    const ms = given[name] ?? byDefault
    if (Number.isInteger(ms) && ms >= least && ms <= most) return ms
    throw new NotificationError('options_invalid', `postgres(): "${name}" must be an integer from ${least} to ${most}.`)
  }
  return {
    connectTimeoutMs: read('connectTimeoutMs'),
    commandTimeoutMs: read('commandTimeoutMs'),
    idleTimeoutMs: read('idleTimeoutMs'),
    lockTimeoutMs: read('lockTimeoutMs'),
    busyTimeoutMs: read('busyTimeoutMs'),
  }
}

/** So much longer than the server is given, at most, so that its own word comes first wherever the network is well. */
const graceMs = 1000

/** When a statement without an answer is given up, and its connection with it. */
export const answerLimitMs = ({ commandTimeoutMs }: Limits): number =>
  commandTimeoutMs + Math.min(graceMs, commandTimeoutMs)

/** The answer, or a `CommandTimeout` after so long; what comes later is nobody's. */
export function withinLimit<T>(answer: Promise<T>, ms: number): Promise<T> {
  if (ms === Number.POSITIVE_INFINITY) return answer
  // By hand: it is asked for every statement, and `race` with `finally` takes three times as long.
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new CommandTimeout(ms)), ms)
    answer.then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (error) => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}

type Settings = readonly (readonly [name: string, value: string])[]

/**
 * What the library's statements run under, whatever a role, a database or a host has set: limits of the server's own, so
 * that nothing goes on there which was given up here, and text in the form that is read and written here.
 */
export const ownSettings = (limits: Limits): Settings => [
  ['statement_timeout', String(limits.commandTimeoutMs)],
  ['lock_timeout', String(Math.min(limits.lockTimeoutMs, limits.busyTimeoutMs))],
  ['idle_in_transaction_session_timeout', String(limits.idleTimeoutMs)],
  ['DateStyle', 'ISO'],
  ['array_nulls', 'on'],
  ['client_encoding', 'UTF8'],
]

/** And on connections that are the library's alone: the server also notices a client that is gone, or takes nothing more. */
export const sessionSettings = (limits: Limits): Settings => [
  ...ownSettings(limits),
  ['default_transaction_isolation', 'read committed'],
  ['tcp_user_timeout', String(limits.commandTimeoutMs)],
  ['tcp_keepalives_idle', '10'],
  ['tcp_keepalives_interval', '5'],
  ['tcp_keepalives_count', '3'],
]

export const setLocal = (settings: Settings): string =>
  settings.map(([name, value]) => `set local ${name} = '${value}'`).join('; ')
