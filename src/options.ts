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

/** Options of `createNotifications()`. Required: `storage`, `directory` and `transports`. */
export type NotificationsOptions = {
  /** Where the library keeps its tables: `sqlite('clinic.sqlite')`, `postgres('postgres://...')`. */
  readonly storage: Storage
  /** Functions that return your appointments, organizations and people. */
  readonly directory: Directory
  /**
   * What sends the messages, such as `[smtp(), twilio()]`; names must differ. A message on a channel without a transport is
   * refused with a reason, never reported as sent.
   */
  readonly transports: readonly Transport[]
  /**
   * Key that encrypts provider credentials and signs callback URLs: 32 bytes as base64 or hex, made by `openssl rand -base64
   * 32`. Of several keys the first encrypts, and all decrypt. Default: `NOTIFICATIONS_ENCRYPTION_KEY` of `env`; without a
   * key, settings with credentials are refused.
   */
  readonly encryptionKey?: string | readonly string[] | undefined
  /**
   * True: provider reports signed with earlier values of the `DEFAULT_*` secrets are refused; use it after a secret was
   * stolen. Default false: they are accepted as long as reports on messages sent with them may arrive (SMS: 72 h).
   */
  readonly revokePrevious?: boolean
  /** Wakes the library when something is due. Default: a timer in this process. */
  readonly scheduler?: Scheduler
  /** Environment variables, such as `DEFAULT_SMTP_HOST`. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /**
   * Further languages of built-in texts, and corrections of those in the library; files like `src/messages/locales/de.json`.
   * A new language needs all texts of `en.json`. A language with `readBy` (checked by a native speaker) is used for every
   * recipient who reads it; others only where an organization enables them (`textLanguages`). Default: the library's own.
   */
  readonly languages?: readonly LanguageFile[]
  /**
   * Variables of your own for templates, each with its type; your directory returns their values as `variables` of
   * appointments and waitlist entries: `{ copay: 'money', parking: { type: 'text', sample: 'Deck B', detail: 0 } }`.
   * Default: none.
   */
  readonly variables?: Readonly<Record<string, HostVariableInput>>
  /**
   * Kind of each id, `integer` or `text`: `{ appointment: 'text' }` for UUIDs. Fixed by the first `migrate()`. Default
   * `integer` for all.
   */
  readonly ids?: Partial<IdKinds>
  /**
   * When to try again after a transient failure. A message is tried as long as it is useful: a reminder until `leadMs`
   * before the start, a confirmation for 24 hours or until the start, a cancellation until the old start, a reschedule until
   * the new one, a waitlist offer until it expires or the slot starts; then it is FAILED (`too_late`). Default: `maxRetries`
   * unlimited (0 to 1000000), `baseMs` 30000 (at least 1), `factor` 4 (1 to 100), `maxMs` 900000 (at least 1): waits of at
   * most 30 s, 2 min, 8 min, then 15 min each, half of each random.
   */
  readonly retry?: Partial<RetryPolicy>
  /**
   * Identifies who is calling the HTTP endpoints: `(request) => Caller | null`. Default: none, and every endpoint
   * except health and the signed callbacks returns 401. `trustEveryCaller()` is for development.
   */
  readonly authenticate?: Authenticate
  /**
   * How many messages an organization may send in a UTC day, as a guard against a loop in your application. Further messages
   * wait until the next day, and are cancelled if that day is full too. Counted are messages sent at once, including
   * reminders that were already past when planned. `reminders: true` (default false) counts all other reminders too; these
   * may be put off by a day, but are never cancelled. Default `{ perDay: 10000 }`; `perDay` is at least 1; false: no cap.
   */
  readonly sendCap?: { readonly perDay: number; readonly reminders?: boolean } | false
  /**
   * How often each caller may use the HTTP endpoints; beyond that the response is 429. Default per minute: 600 requests that
   * read, 120 that change, 60 that send; ten times as many for callers of kind `service`. `points` 1 to 1000000000,
   * `durationSeconds` 1 to 86400. Each process counts for itself unless `store` shares the counts. False: no limits.
   */
  readonly rateLimits?: RateLimitOptions | false
  /**
   * The public URL (http or https) at which you mount the router: `https://clinic.example/api/notifications`. Used in
   * callback URLs, webhook URLs, links in messages and the API description. Default: none; then there are none of these
   * URLs.
   */
  readonly publicUrl?: string | undefined
  /**
   * Origins of your web pages that call the endpoints with cookies from another origin than `publicUrl`:
   * `['https://app.clinic.example']`. Requests that change something are refused (403) from other origins, unless they have
   * an `Authorization` header. Default: only the origin of `publicUrl`; without one, that of the request's host.
   */
  readonly allowedOrigins?: readonly string[]
  /**
   * Shares the work with PlatformServices TaskManager at `url`, or `TASK_MANAGER_URL` of `env`. Requires `publicUrl` and an
   * encryption key. Default: the library sends everything itself.
   */
  readonly taskManager?: TaskManagerOptions
  /**
   * Functions of your application that receive people's answers to appointments: `{ onConfirm, onChangeRequest,
   * onCancelRequest, onReply }`, each optional. Default: none, and no message asks for an answer.
   */
  readonly hooks?: Hooks
  /**
   * How long a hook may take, in ms; then its `signal` is aborted, and it is called again later. Default 10000, 100 to
   * 300000.
   */
  readonly hookTimeoutMs?: number
  /** Reads bounced mail, for `ingestBounce()` and `POST /webhooks/bounce`: `bounces()`. Default: it is not read. */
  readonly bounces?: BounceReader
  /**
   * Verifies `POST /webhooks/bounce` (Standard Webhooks): `whsec_` and 24 to 64 bytes as base64, made by
   * `echo whsec_$(openssl rand -base64 32)`. Of several, any verifies. Default: every request is refused (401).
   */
  readonly webhookSecret?: string | readonly string[] | undefined
  /**
   * Writes calendar files, for organizations with `calendarFiles: true`: `calendar()`. If its package is not installed,
   * `start()` rejects with `dependency_missing`. Default: no calendar files.
   */
  readonly calendar?: CalendarWriter | undefined
  /**
   * Returns the HTML of mails, for organizations that have set `mailLayout`, in place of the library's layout: `(mail) =>
   * html`, synchronously. It must escape what it prints of `mail`. Nothing can interrupt a function that does not return. If
   * it throws or returns no usable text, the library's layout is used. Default: the library's, `builtInLayout()`.
   */
  readonly mailLayout?: MailLayout | undefined
  /** The page at `/docs`: `swaggerUi()`. Default: no page; the OpenAPI document is always at `/openapi.json`. */
  readonly docs?: DocsPage
  /**
   * How long a worker owns a message that it is sending, in ms; renewed until the outcome is stored. If the worker dies,
   * another one takes over within this time and one sweep (`sweepMs`). Each worker measures by its own steady clock, so
   * clocks of machines are never compared. Default 60000, 5000 to 3600000.
   */
  readonly leaseMs?: number
  /**
   * How long one send may take, in ms. Then it is aborted, and its outcome is unknown unless the transport reports
   * otherwise. Default 1200000 (20 minutes), enough for a mail server that takes 60 s for each reply and 10 minutes to
   * confirm the message, as RFC 5321 allows; 1000 to 3600000.
   */
  readonly sendTimeoutMs?: number
  /**
   * How long before the start of its appointment a reminder is no longer sent, in ms; for short offsets at most half the
   * offset. Default 60000, 0 to 86400000.
   */
  readonly leadMs?: number
  /**
   * How long notices of a reported booking, move or cancellation wait before they are sent, in ms, so that what is undone in
   * this time is not sent. 0: no wait. Organizations can set their own (`settleMs`). Notices requested by
   * `sendAppointmentNotification()` do not wait. Default 60000, 0 to 3600000 (an hour).
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
   * How long a method of your directory may take, in ms; then its `signal` is aborted, and the work that needs it is put
   * off. Default 10000, 100 to 300000.
   */
  readonly directoryTimeoutMs?: number
  /**
   * Receives the library's log. Warnings and errors of one kind are written once a minute, with the number of suppressed
   * ones as `repeated`. Default: `stderrLogger`, which writes warnings and errors to stderr.
   */
  readonly logger?: Logger
  /** Returns the time, measures durations and sets timers; replaced in tests. Default: `systemClock`. */
  readonly clock?: Clock
  /** Returns a number from 0 (inclusive) to 1 (exclusive), to spread retries. Default: `Math.random`. */
  readonly random?: () => number
  /**
   * Returns the trace context of the span that plans a reminder, to be stored with it: `telemetry().traceContext`. Default:
   * none.
   */
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
