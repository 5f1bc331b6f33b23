import { commandLineLogger } from './command-line.ts'
import type { RetryPolicy } from './domain/retry.ts'
import { readEnvironment } from './environment.ts'
import { NotificationError } from './errors.ts'
import type { Authenticate } from './http/access.ts'
import { type RateLimitOptions, type ResolvedRateLimits, resolveRateLimits } from './http/rate-limit-options.ts'
import { type LanguageFile, MailFrames, type MailLayout } from './messages/index.ts'
import { plainOptions, shape } from './option-values.ts'
import type { BounceReader } from './ports/bounces.ts'
import type { CalendarWriter } from './ports/calendar.ts'
import { type Clock, systemClock } from './ports/clock.ts'
import type { Directory } from './ports/directory.ts'
import type { DocsPage } from './ports/docs.ts'
import type { Hooks } from './ports/hooks.ts'
import { type Logger, messageFirst, stderrLogger } from './ports/logger.ts'
import type { Scheduler } from './ports/scheduler.ts'
import type { IdKinds, Storage } from './ports/storage.ts'
import { guardedTraceContext, type TraceContextOf } from './ports/trace-context.ts'
import type { Transport } from './ports/transport.ts'
import { storeOn } from './records/store.ts'
import { asOptions } from './schemas/as-options.ts'
import { parseInput } from './schemas/common.ts'
import { definedOnly } from './schemas/defined.ts'
import type { HostVariableInput } from './schemas/host-variables.ts'
import { createFaultLog, type FaultLog, faultOf } from './services/shared/fault-log.ts'
import type { ServiceOptions } from './services/shared/service-options.ts'
import {
  type ResolvedTaskManagerOptions,
  resolveTaskManagerOptions,
  type TaskManagerOptions,
} from './services/task-manager/options.ts'
import { compilersFor, languagesOf } from './text-options.ts'

export type NotificationsOptions = {
  /** Where the library keeps its tables: `sqlite('clinic.sqlite')`, `postgres('postgres://...')`. */
  readonly storage: Storage
  /** Your appointments, organizations and people. */
  readonly directory: Directory
  /**
   * What delivers: `[smtp(), twilio()]`, each under its own name. Messages on a channel without a transport are refused
   * with a reason, never reported as sent.
   */
  readonly transports: readonly Transport[]
  /**
   * Encrypts provider credentials at rest and signs callback URLs: 32 bytes as base64 or hex, made by
   * `openssl rand -base64 32`. Given several keys, the first encrypts and all of them decrypt. Default:
   * `NOTIFICATIONS_ENCRYPTION_KEY` of `env`; without any key, settings that contain credentials are refused.
   */
  readonly encryptionKey?: string | readonly string[] | undefined
  /**
   * True: refuses reports that a provider signed with earlier secrets of the `DEFAULT_*` variables, for example after one was stolen.
   * Default false: such reports are accepted for as long as they may come (SMS 72 h).
   */
  readonly revokePrevious?: boolean
  /** Wakes the dispatcher when something is due. Default: a timer in this process. */
  readonly scheduler?: Scheduler
  /** Where the documented variables are read from, such as `DEFAULT_SMTP_HOST`. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /**
   * Languages of your own for built-in texts, and corrections to those of the library: the content of files like
   * `src/messages/locales/de.json`. A language that the library does not have needs all texts of `en.json`. One with `readBy` is used
   * for everybody who reads it; any other only if an organization switches it on (`textLanguages`). Default: the library's own.
   */
  readonly languages?: readonly LanguageFile[]
  /**
   * Variables of your own that templates may name, each with the type of its values, which `appointments()` and `waitlistEntries()` of
   * your directory return as `variables`: `{ copay: 'money', parking: { type: 'text', sample: 'Deck B', detail: 0 } }`. Default: none.
   */
  readonly variables?: Readonly<Record<string, HostVariableInput>>
  /** `integer` (default) or `text`, for each kind of id: `{ appointment: 'text' }` for UUIDs. */
  readonly ids?: Partial<IdKinds>
  /**
   * When to retry after a transient failure. A message is tried as long as it is useful: a reminder until `leadMs` before
   * its start, a confirmation for 24 hours or until the start, a cancellation until the old start, a reschedule until the
   * new one, a waitlist offer until it expires or the slot starts; then it is FAILED (`too_late`). Default: `maxRetries`
   * without a limit (0 to 1000000), `baseMs` 30000 (at least 1), `factor` 4 (1 to 100), `maxMs` 900000 (at least 1): waits of
   * at most 30 s, 2 min, 8 min, and then 15 min each, half of each random.
   */
  readonly retry?: Partial<RetryPolicy>
  /**
   * Identifies who is calling the HTTP endpoints: `(request) => Caller | null`. Default: none, and every endpoint
   * except health and the signed callbacks returns 401. `trustEveryCaller()` is for development.
   */
  readonly authenticate?: Authenticate
  /**
   * How many messages an organization may send in a UTC day, as a guard against a host application caught in a loop. Messages
   * beyond the cap wait until the next day, and are cancelled if that day is full as well. What counts are notices, and
   * reminders that were already past when planned. With `reminders: true` (default false) all other reminders count
   * too; they may be delayed by a day, but the cap never cancels them. Default `{ perDay: 10000 }`; `perDay` is at least 1;
   * false: no cap.
   */
  readonly sendCap?: { readonly perDay: number; readonly reminders?: boolean } | false
  /**
   * How often each caller may use the HTTP endpoints; beyond that the response is 429. Default, per minute: 600 requests
   * that read, 120 that change and 60 that send; ten times as many for callers of kind `service`. `points` 1 to
   * 1000000000, `durationSeconds` 1 to 86400. Each process counts in its own memory, unless `store` shares the counts.
   * False: no limits.
   */
  readonly rateLimits?: RateLimitOptions | false
  /**
   * The public URL (http or https) of the path where you mount the router: `https://clinic.example/api/notifications`.
   * Used in callback URLs and in the description of the API. Default: none; then there are no callback URLs.
   */
  readonly publicUrl?: string | undefined
  /**
   * Origins of your pages that call the HTTP endpoints with the cookies of their users from another origin than that of
   * `publicUrl`: `['https://app.clinic.example']`. Requests that change something are refused (403) from pages of other origins,
   * unless they have an `Authorization` header. Default: only the origin of `publicUrl`, or without one that of the request's host.
   */
  readonly allowedOrigins?: readonly string[]
  /**
   * Shares the work with PlatformServices TaskManager at `url`, or `TASK_MANAGER_URL` of `env`. Requires `publicUrl`
   * and an encryption key. Default: the library sends everything itself.
   */
  readonly taskManager?: TaskManagerOptions
  /**
   * Called with people's answers about appointments: `{ onConfirm, onChangeRequest, onCancelRequest, onReply }`, each optional. Default:
   * none, and no message asks for an answer.
   */
  readonly hooks?: Hooks
  /** How long a hook may take, in ms; then its `signal` is aborted, and it is called again later. Default 10000, 100 to 300000. */
  readonly hookTimeoutMs?: number
  /** Reads bounced mail for `ingestBounce()` and `POST /webhooks/bounce`: `bounces()`. Default: none, and both are refused. */
  readonly bounces?: BounceReader
  /**
   * Verifies `POST /webhooks/bounce` (Standard Webhooks): `whsec_` and 24 to 64 bytes as base64, made by
   * `echo whsec_$(openssl rand -base64 32)`. Of several, any verifies. Default: every request is refused (401).
   */
  readonly webhookSecret?: string | readonly string[] | undefined
  /**
   * Writes calendar files for organizations that have `calendarFiles: true`: `calendar()`. Without its package, `start()` rejects with
   * `dependency_missing`. Default: there are none.
   */
  readonly calendar?: CalendarWriter | undefined
  /**
   * Returns the HTML of mails of organizations that have `mailLayout`: a synchronous function `(mail) => html`. It must escape every value that it
   * prints. Nothing can interrupt a function that never returns. If it throws or returns no usable text (`MailLayout`), the library's own
   * layout is used. Default: the library's own, `builtInLayout()`.
   */
  readonly mailLayout?: MailLayout | undefined
  /** The page at `/docs`: `swaggerUi()`. Default: no page; the OpenAPI document is always at `/openapi.json`. */
  readonly docs?: DocsPage
  /**
   * How long a worker owns a message it is sending, in ms; renewed until its outcome is written. If the worker dies,
   * another takes over within this time and a sweep (`sweepMs`), measured by its own steady clock: the clocks of two
   * machines are never compared. Default 60000, 5000 to 3600000.
   */
  readonly leaseMs?: number
  /**
   * How long one send may take, in ms. After that it is aborted, and its outcome is unknown unless the transport reports
   * otherwise. Default 1200000 (20 minutes), which has room for a mail server that takes 60 s for each reply and 10
   * minutes to confirm the message, as RFC 5321 allows; 1000 to 3600000.
   */
  readonly sendTimeoutMs?: number
  /**
   * How long before the start of its appointment a reminder is no longer sent, in ms; at most half of its offset. Default
   * 60000, 0 to 86400000.
   */
  readonly leadMs?: number
  /**
   * How long the notices of a booking, move or cancellation that you report wait before they are sent, in ms. If the event is undone or
   * changed meanwhile, only the correct notice is sent, or none. Organizations may set their own. Notices requested by
   * `sendAppointmentNotification()` do not wait. Default 60000, 0 to 3600000.
   */
  readonly settleMs?: number
  /** How often to look for due work that no wake-up announced, in ms. Default 30000, 100 to 86400000. */
  readonly sweepMs?: number
  /**
   * How often to compare the plans with the directory (`reconcile()`), in ms; the first run is within a minute of
   * `start()`. Default 21600000 (6 hours), 60000 to 604800000 (a week); 0 or false: never.
   */
  readonly reconcileMs?: number | false
  /** How long `stop()` waits for sends in progress, in ms. Default 10000, 0 to 3600000. */
  readonly drainMs?: number
  /**
   * How long a method of your directory may take, in ms; after that its `signal` is aborted, and the work that
   * needed it is postponed. Default 10000, 100 to 300000.
   */
  readonly directoryTimeoutMs?: number
  /**
   * Where the library writes its log. Warnings and errors of one kind are written once a minute, with the number suppressed
   * as `repeated`. Default: `stderrLogger`, which writes warnings and errors to stderr.
   */
  readonly logger?: Logger
  /** Returns the time, measures durations and sets timers; replaced in tests. Default: `systemClock`. */
  readonly clock?: Clock
  /** Returns a number from 0 up to, but not including, 1, to spread retries. Default: `Math.random`. */
  readonly random?: () => number
  /** Returns the context of the span that plans a reminder, which is stored with it: `telemetry().traceContext`. Default: none is stored. */
  readonly traceContext?: TraceContextOf | undefined
}

/** Options with every default filled in. */
export type ResolvedOptions = ServiceOptions & {
  readonly taskManager: ResolvedTaskManagerOptions | null
  readonly logger: FaultLog
  readonly authenticate: Authenticate | null
  readonly rateLimits: ResolvedRateLimits | null
  readonly docs: DocsPage | null
  readonly bounces: BounceReader | null
  readonly webhookSecrets: readonly string[]
  readonly allowedOrigins: readonly string[]
}

/** Fills in defaults. @throws NotificationError `options_invalid` naming the option. */
export function resolveOptions(options: NotificationsOptions): ResolvedOptions {
  asOptions(() => parseInput(shape, options, 'options'))
  const names = options.transports.map((transport) => transport.name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) {
    throw new NotificationError(
      'options_invalid',
      `The option "transports" has two transports named "${twice}". Each needs its own name.`,
      {
        field: 'transports',
      },
    )
  }
  const { retry, publicUrl, sendCap, ...durations } = asOptions(() => parseInput(plainOptions, options, 'options'))
  const variables = options.env ?? process.env
  const { defaults, encryptionKey } = readEnvironment(variables)
  const keys = options.encryptionKey ?? encryptionKey ?? []
  const encryptionKeys = typeof keys === 'string' ? [keys] : keys
  const resolvedUrl = publicUrl === undefined ? null : publicUrl.replace(/(?<!\/)\/+$/, '')
  const { taskManager, clock = systemClock } = options
  const logger = createFaultLog(commandLineLogger() ?? messageFirst(options.logger ?? stderrLogger), clock)
  return {
    storage: storeOn(options.storage),
    directory: options.directory,
    transports: options.transports,
    encryptionKeys,
    defaults,
    languages: languagesOf(options.languages),
    compilers: compilersFor(options.variables),
    mailFrames: new MailFrames(options.mailLayout ?? null, (error) =>
      logger.error("mail layout failed, the library's own is used", { fault: faultOf(error) }),
    ),
    ids: { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer', ...definedOnly(options.ids ?? {}) },
    retry,
    authenticate: options.authenticate ?? null,
    sendCap: sendCap === false ? null : sendCap,
    rateLimits: resolveRateLimits(options.rateLimits ?? {}),
    publicUrl: resolvedUrl,
    taskManager:
      taskManager === undefined
        ? null
        : resolveTaskManagerOptions(taskManager, { publicUrl: resolvedUrl, encryptionKeys }),
    env: variables,
    hooks: options.hooks ?? {},
    calendar: options.calendar ?? null,
    docs: options.docs ?? null,
    bounces: options.bounces ?? null,
    webhookSecrets: [options.webhookSecret ?? []].flat(),
    ...durations,
    logger,
    clock,
    random: options.random ?? Math.random,
    traceContext: options.traceContext === undefined ? null : guardedTraceContext(options.traceContext),
  }
}
