/** All error codes, each with its HTTP status and a title that clients may show. Codes never change; titles and messages may. */
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
  confirmation_required: { status: 409, title: 'The change removes something, and has to be confirmed' },
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

/** A stable code of a `NotificationError`; `errorTable` has the HTTP status and title of each. */
export type ErrorCode = keyof typeof errorTable
/** All error codes, in the order of `errorTable`. */
export const errorCodes: readonly ErrorCode[] = Object.keys(errorTable).filter(
  (code): code is ErrorCode => code in errorTable,
)

/**
 * One fault in an input. `field`: its path, such as `emailReminders[2]`; '' for the input as a whole. `message` continues
 * it: "must be ...".
 */
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

/** Details of a `NotificationError`. */
export type NotificationErrorOptions = {
  /** Path of the invalid input, as the caller wrote it. Default: the field of the first issue. */
  readonly field?: string
  /** Every fault of the input. Default: none. */
  readonly issues?: readonly FieldIssue[]
  /** How long to wait before trying again, as requested by whoever refused, in ms. */
  readonly retryAfterMs?: number
  /** The error behind it. */
  readonly cause?: unknown
}

const brand = Symbol.for('appointment-notifications.error')

/**
 * Every failure that the library throws on purpose. Decide by `code`, which is stable; `message` is for people: it says what
 * is wrong, where, and what to do. Test for it with `isNotificationError()`, which also recognizes errors of another copy of
 * the package.
 */
export class NotificationError extends Error {
  override readonly name = 'NotificationError'
  /** Why it failed; stable. */
  readonly code: ErrorCode
  /** The HTTP status of the response, if an endpoint failed with it. */
  readonly status: number
  /** Path of the first invalid input, such as `emailReminders[2]`; undefined: it is about no single input. */
  readonly field: string | undefined
  /** Every fault of the input; empty if it is not about an input. */
  readonly issues: readonly FieldIssue[]
  /** How long to wait before trying again, in ms; undefined: not known. */
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

/**
 * Whether it is a `NotificationError`, of any copy of this package: two copies in one process do not share the class, so
 * `instanceof` fails.
 */
export function isNotificationError(error: unknown): error is NotificationError {
  return typeof error === 'object' && error !== null && brand in error
}

/**
 * The outcome of a send that did not succeed.
 * - `transient`: not sent; the same message can be tried again.
 * - `permanent`: not sent; trying again would fail again.
 * - `suppressed`: not sent; the address opted out with the provider. It is never tried again.
 * - `unknown`: the provider may have accepted it, so a retry may be a duplicate.
 */
export const failureOutcomes = ['transient', 'permanent', 'suppressed', 'unknown'] as const
/** The outcome of a send that did not succeed: see `failureOutcomes`. */
export type FailureOutcome = (typeof failureOutcomes)[number]

/** What a failure is about: this message, the whole account, or the account's sender towards a destination. */
export type FailureScope = 'message' | 'account' | 'sender'

/** Details of a `TransportError`. */
export type TransportErrorOptions = {
  /** Whether the message may have been sent, and whether to try again. */
  readonly outcome: FailureOutcome
  /** A short stable code of the transport, such as `smtp_450`. Contains no contact data. */
  readonly code: string
  /**
   * What would fail likewise. `message`: only this message. `account`: every message of these credentials (wrong password,
   * closed account); the account is paused. `sender`: every message of this sender to the `destination`. Default `message`.
   */
  readonly scope?: FailureScope
  /** With scope `sender`: how the addresses begin to which it may not send, such as `+44`. Never a whole address. */
  readonly destination?: string
  /**
   * True: the provider reports that the address does not exist. Since that may be temporary, the address is suppressed only
   * if the same code comes again on another day. Default false.
   */
  readonly addressUnknown?: boolean
  /**
   * True: the provider accepted the account and the sender, and refused only this recipient or message; so the account
   * works. Default false.
   */
  readonly accountProven?: boolean
  /** How long the provider asked to wait, in ms. */
  readonly retryAfterMs?: number
  /** The error behind it. */
  readonly cause?: unknown
}

const transportBrand = Symbol.for('appointment-notifications.transport-error')

/**
 * How `send()` and `verify()` of a transport fail. After any other error the outcome counts as `unknown`: the message may
 * have been sent.
 */
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

  /** `message` is stored and shown: it must not contain an address, phone number, credential or message text. */
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

/** Whether it is a `TransportError`, of any copy of this package. */
export function isTransportError(error: unknown): error is TransportError {
  return typeof error === 'object' && error !== null && transportBrand in error
}
