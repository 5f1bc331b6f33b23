/**
 * The one table of error codes: code, HTTP status and the title a client may show.
 * A message says what was wrong, where, and what to do; `field` names the offending input as the caller wrote it.
 */
export const errorTable = {
  bad_request: { status: 400, title: 'The request cannot be read' },
  unauthenticated: { status: 401, title: 'Authentication is required' },
  token_invalid: { status: 401, title: 'The token is missing, invalid or expired' },
  signature_invalid: { status: 401, title: 'The signature of the request is missing, wrong or too old' },
  forbidden: { status: 403, title: 'The caller is not allowed to do this' },
  not_found: { status: 404, title: 'There is nothing at this path' },
  method_not_allowed: { status: 405, title: 'The path does not support this method' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be JSON' },
  invalid_input: { status: 422, title: 'The input is invalid' },
  template_invalid: { status: 422, title: 'The template is invalid' },
  unknown_provider: { status: 422, title: 'The provider is not installed' },
  rate_limited: { status: 429, title: 'Too many requests' },
  consent_required: { status: 422, title: 'The person has to consent first' },
  outbound_refused: { status: 422, title: 'Connections to this address are not allowed' },
  appointment_not_found: { status: 404, title: 'There is no such appointment' },
  organization_not_found: { status: 404, title: 'There is no such organization' },
  recipient_not_found: { status: 404, title: 'There is no such recipient' },
  waitlist_entry_not_found: { status: 404, title: 'There is no such waitlist entry' },
  settings_not_found: { status: 404, title: 'The organization has no notification settings' },
  preferences_not_found: { status: 404, title: 'The recipient has no notification preferences' },
  notification_not_found: { status: 404, title: 'There is no such notification' },
  answer_not_found: { status: 404, title: 'There is no such answer' },
  reminder_not_found: { status: 404, title: 'There is no such reminder' },
  template_version_not_found: { status: 404, title: 'There is no such version' },
  version_outdated: { status: 412, title: 'Another version was published meanwhile' },
  version_required: { status: 428, title: 'The version that a change was made from is required' },
  confirmation_required: { status: 409, title: 'It takes something away, and has to be confirmed' },
  idempotency_key_reused: { status: 422, title: 'The idempotency key was used for another request' },
  request_in_progress: { status: 409, title: 'The same request is still running' },
  already_exists: { status: 409, title: 'It already exists' },
  conflict: { status: 409, title: 'It was changed by another request at the same time' },
  appointment_not_active: { status: 409, title: 'The appointment is not active' },
  body_unreadable: { status: 500, title: 'The host application has already read the body' },
  slot_started: { status: 409, title: 'The offered slot has started' },
  offer_expired: { status: 409, title: 'The offer has expired' },
  encryption_key_missing: { status: 500, title: 'No encryption key is configured' },
  secret_unreadable: { status: 500, title: 'A stored secret cannot be decrypted' },
  host_timeout: { status: 503, title: 'The host application did not respond in time' },
  directory_failed: { status: 502, title: "The host application's directory failed" },
  directory_invalid: { status: 502, title: "The host application's directory returned invalid data" },
  task_manager_unavailable: { status: 503, title: 'TaskManager is unavailable' },
  task_manager_refused: { status: 502, title: 'TaskManager refused the request' },
  task_manager_conflict: { status: 409, title: 'TaskManager no longer allows changes to the task' },
  task_manager_invalid: { status: 502, title: 'TaskManager returned an invalid response' },
  storage_busy: { status: 503, title: 'The database is busy' },
  storage_failed: { status: 500, title: 'The database failed' },
  storage_replaced: { status: 503, title: 'The database file was deleted or replaced' },
  storage_closed: { status: 503, title: 'The storage is closed' },
  transaction_refused: { status: 500, title: 'The transaction cannot be used' },
  migration_refused: { status: 500, title: 'The database cannot be migrated' },
  library_outdated: { status: 500, title: 'The database needs a newer version of the library' },
  migration_missing: { status: 500, title: 'The database has not been migrated' },
  scheduler_failed: { status: 503, title: 'The scheduler did not respond' },
  options_invalid: { status: 500, title: 'The options are invalid' },
  dependency_missing: { status: 500, title: 'An optional package is not installed' },
  internal_error: { status: 500, title: 'An internal error occurred' },
} as const satisfies Record<string, { status: number; title: string }>

export type ErrorCode = keyof typeof errorTable
export const errorCodes: readonly ErrorCode[] = Object.keys(errorTable).filter(
  (code): code is ErrorCode => code in errorTable,
)

/** One fault in an input: `field` is a path such as `emailReminders[2]`, '' for the input as a whole; `message` continues it. */
export type FieldIssue = { readonly field: string; readonly message: string }

/** How many faults are named at once: what is said of an input must not outgrow it. */
export const mostIssues = 50

/** `status must be ...; timeZone must be ...; and 3 more` */
export function issuesInWords(issues: readonly FieldIssue[]): string {
  const named = issues
    .slice(0, mostIssues)
    .map(({ field, message }) => (field === '' ? message : `${field} ${message}`))
  return [...named, ...(issues.length > named.length ? [`and ${issues.length - named.length} more`] : [])].join('; ')
}

export type NotificationErrorOptions = {
  readonly field?: string
  readonly issues?: readonly FieldIssue[]
  /** What whoever refused asked to wait, in milliseconds. */
  readonly retryAfterMs?: number
  readonly cause?: unknown
}

const brand = Symbol.for('appointment-notifications.error')

/** Every failure this library throws on purpose. `code` is stable; `message` is for people. */
export class NotificationError extends Error {
  override readonly name = 'NotificationError'
  readonly code: ErrorCode
  /** The HTTP status the router answers with. */
  readonly status: number
  readonly field: string | undefined
  readonly issues: readonly FieldIssue[]
  readonly retryAfterMs: number | undefined
  readonly [brand] = true

  constructor(code: ErrorCode, message: string, options: NotificationErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.status = errorTable[code].status
    this.issues = options.issues ?? []
    this.field = options.field ?? this.issues[0]?.field
    this.retryAfterMs = options.retryAfterMs
  }
}

/** True for errors of any copy of this package: two copies in one process do not share a class. */
export function isNotificationError(error: unknown): error is NotificationError {
  return typeof error === 'object' && error !== null && brand in error
}

/**
 * The outcome of a send that did not succeed.
 * - `transient`: not sent; the same message may be tried again.
 * - `permanent`: not sent; trying again would fail again.
 * - `suppressed`: not sent; the address opted out with the provider, and is never tried again.
 * - `unknown`: the provider may have accepted it; a retry may duplicate it.
 */
export const failureOutcomes = ['transient', 'permanent', 'suppressed', 'unknown'] as const
export type FailureOutcome = (typeof failureOutcomes)[number]

/** Whose fault a failure is. */
export type FailureScope = 'message' | 'account' | 'sender'

export type TransportErrorOptions = {
  readonly outcome: FailureOutcome
  /** A short stable word of the transport's own, such as `smtp_450`. No contact data. */
  readonly code: string
  /**
   * `account`: every message of these credentials would fail (bad password, closed account). `sender`: every message of this
   * sender to the `destination` would. Default `message`.
   */
  readonly scope?: FailureScope
  /** For `sender`: how the addresses begin that it may not send to, such as `+44`. No whole address. */
  readonly destination?: string
  /**
   * True: the provider says that nobody has this address. It may be wrong for an hour, so the address is suppressed only
   * when the same code comes again on another day.
   */
  readonly addressUnknown?: boolean
  /**
   * True: the provider took the account and the sender, and what it refused is about this recipient or this message, so
   * that the account is well. Default false.
   */
  readonly accountProven?: boolean
  /** What the provider asked to wait, in milliseconds. */
  readonly retryAfterMs?: number
  readonly cause?: unknown
}

const transportBrand = Symbol.for('appointment-notifications.transport-error')

/** What a transport throws. Anything else it throws counts as `unknown`: the message may have been sent. */
export class TransportError extends Error {
  override readonly name = 'TransportError'
  readonly outcome: FailureOutcome
  readonly code: string
  readonly scope: FailureScope
  readonly destination: string | undefined
  readonly addressUnknown: boolean
  readonly accountProven: boolean
  readonly retryAfterMs: number | undefined
  readonly [transportBrand] = true

  /** `message` is stored and shown: it must hold no address, phone number, credential or message text. */
  constructor(message: string, options: TransportErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.outcome = options.outcome
    this.code = options.code
    this.scope = options.scope ?? 'message'
    this.destination = options.destination
    this.addressUnknown = options.addressUnknown ?? false
    this.accountProven = options.accountProven ?? false
    this.retryAfterMs = options.retryAfterMs
  }
}

export function isTransportError(error: unknown): error is TransportError {
  return typeof error === 'object' && error !== null && transportBrand in error
}
