import type { Endpoint } from './http/define-route.ts'
import type { HttpRequest, HttpResponse } from './http/messages.ts'
import type { MigrationReport } from './ports/storage.ts'
import type { DeliveryReceipt } from './schemas/receipt.ts'
import type { Answers } from './services/answers/answers.ts'
import type { Consent } from './services/consent/consent.ts'
import type { BounceResult } from './services/delivery/bounces.ts'
import type { ReportResult } from './services/delivery/callbacks.ts'
import type { HeldFilter, HeldMessage, RestoreReport } from './services/delivery/restore.ts'
import type { AuditLog } from './services/insight/audit-log.ts'
import type { CheckUpOptions, CheckUpReport } from './services/insight/check-up.ts'
import type { HealthReport } from './services/insight/health-report.ts'
import type { Insight } from './services/insight/insight.ts'
import type { Statistics } from './services/insight/statistics.ts'
import type { LinkPages } from './services/links/link-pages.ts'
import type { NotificationService } from './services/notification-service.ts'
import type { ReconcileOptions, ReconcileReport } from './services/planning/reconcile-report.ts'
import type { Privacy } from './services/privacy/privacy.ts'
import type { Addresses } from './services/settings/addresses.ts'
import type { SettingsService } from './services/settings/settings-service.ts'
import type { TemplateVersions } from './services/settings/template-versions.ts'
import type { Events } from './services/shared/events.ts'
import type { StopReport } from './services/shared/shutdown.ts'

/**
 * The library, as `createNotifications()` returns it. Every method that rejects does so with a `NotificationError`; its
 * `code` says why.
 */
export type Notifications = {
  /** Plans reminders, sends notices, and reports what was decided and sent: what your application calls most. */
  readonly notifications: NotificationService
  /** Settings of organizations, and preferences of patients and clients. */
  readonly settings: SettingsService
  /** Versions of organizations' templates: drafts, publishing, history. */
  readonly templateVersions: TemplateVersions
  /** Suppressed addresses: where nothing is sent, and why. */
  readonly addresses: Addresses
  /** Consent and refusals of people, the record of them, and replies on which staff have to decide. */
  readonly consent: Consent
  /** How many messages were planned, sent, delivered and refused, and attendance. */
  readonly statistics: Statistics
  /** Who changed what, and who triggered each message. */
  readonly audit: AuditLog
  /** Whom no message reached before an appointment, and what other settings would change. */
  readonly insight: Insight
  /** What people answered about appointments, and texts that need a person to read them. */
  readonly answers: Pick<Answers, 'list' | 'handled' | 'record'>
  /** Links in messages: `revoke()` invalidates them. */
  readonly links: Pick<LinkPages, 'revoke'>
  /** Personal data: export, erasure, retention, and encryption keys. */
  readonly privacy: Privacy
  /**
   * What happens to messages, as it happens; see `NotificationEvents` for names and payloads.
   * @example
   * ```ts
   * events.on('notification.failed', ({ notificationId, code }) => console.warn(notificationId, code))
   * ```
   */
  readonly events: Pick<Events, 'on' | 'off' | 'once'>
  /**
   * Answers an HTTP request to one of the documented endpoints. The adapters (`appointment-notifications/express` and
   * others) convert requests and call it. Never rejects.
   */
  handle(request: HttpRequest): Promise<HttpResponse>
  /**
   * The response of `GET /health` for a service, as this process sees it. Connects to no provider, takes up to 2 s, never
   * rejects.
   */
  health(): Promise<HealthReport>
  /**
   * Looks for everything that keeps messages from being sent or reports from coming in. For each finding it says what is
   * wrong, whom it concerns and what to do; if all is well there are none. It asks your directory for upcoming and planned
   * appointments and connects to the host application's own providers. Writes nothing. Takes up to 20 s, somewhat longer
   * with `mailDomains` and `publicUrl`; never rejects; may be called before `start()`. For a load balancer use `GET /health`
   * instead.
   */
  checkUp(options?: CheckUpOptions): Promise<CheckUpReport>
  /** The endpoints that `handle` answers, each with its schemas. */
  readonly endpoints: readonly Endpoint[]
  /**
   * The signed URL at which TaskManager reports on a notification or reminder; valid until seven days after `time`.
   * @throws NotificationError `options_invalid` without `publicUrl`, `encryption_key_missing` without a key.
   */
  callbackUrl(kind: 'notification' | 'reminder', id: number, time: Date): string
  /**
   * Records what a provider reported about a notification to a webhook of your own. Verify first that the report comes from
   * the provider. Repeating a report, or reporting something outdated, changes nothing (`updated` is false).
   * @throws NotificationError `invalid_input`, `notification_not_found`, or one of the `storage_*` errors.
   */
  recordReceipt(notificationId: number, receipt: DeliveryReceipt): Promise<ReportResult>
  /**
   * Reads a raw mail that arrived at your bounce address (requires the option `bounces`), and records the bounce or
   * complaint that it reports. The mail need not be trusted: it can only affect a message that it quotes by Message-ID or
   * signed sender; any other mail changes nothing. An address that does not exist is suppressed at the second bounce on
   * another day; that of a person who complained, at once. Repeating it changes nothing.
   * @throws NotificationError `options_invalid` without the option, `payload_too_large` beyond 1 MiB, `dependency_missing`,
   * or one of the `storage_*` errors.
   */
  ingestBounce(rawMail: Uint8Array | string): Promise<BounceResult>
  /**
   * Compares the plans with the directory in both directions, and repairs what differs: bookings, changes, cancellations and
   * deletions that were never reported, and time zone data and providers that changed since planning. Sends no notices for
   * what it finds, since a confirmation that comes days late would confuse. Writes nothing if nothing differs. Runs every
   * `reconcileMs` after `start()`; can also be called without `start()`.
   *
   * Resolves with what was found and done. If the directory fails, the run ends as `stopped`, and nothing is cancelled
   * because of that. An appointment that is no longer in the directory is first reported as `missing`, and cancelled if it
   * is still missing five minutes later: automatically after `start()`, otherwise by the next run. If more than
   * `maxGoneShare` of the plans are missing (and 20 or more, or all of several), the run ends as `refused`, and they are
   * cancelled only with `force`, which also skips the five minutes.
   *
   * Works in small steps. A run that was interrupted, even by the end of its process, is continued by the next run within an
   * hour, in any process, and the report covers both; `restart` begins a new run.
   * @throws NotificationError `invalid_input` for the options, or one of the `storage_*` errors.
   */
  reconcile(options?: ReconcileOptions): Promise<ReconcileReport>
  /**
   * Call it after restoring the database from a backup made at `since`: before `start()`, while no process sends. Messages
   * due by now may have been sent after the backup, without a row that shows it. They are held for a decision (rule
   * `restored` in `explain()`, counted in health). Later messages stay planned, with the same idempotency keys and
   * Message-IDs. Then the directory is read for what changed after the backup; messages planned from that are not sent if
   * their time is past.
   *
   * Decide with `held()`, `releaseHeld()` and `cancelHeld()`. An event that you report again, such as `appointmentBooked()`,
   * is sent again with the same Message-ID.
   * @throws NotificationError `invalid_input`: `since` is not in the past; `conflict`: `start()` was called; or one of the
   * `storage_*` errors.
   */
  afterRestore(since: Date): Promise<RestoreReport>
  /**
   * What `afterRestore()` holds and nobody has decided on, at most 1000 messages.
   * @throws NotificationError `invalid_input`, or one of the `storage_*` errors.
   */
  held(filter?: HeldFilter): Promise<HeldMessage[]>
  /**
   * Sends held messages that are still useful. Call it for messages that were not sent, according to the log of a mail
   * server or a person. Repeating it is harmless.
   * @throws NotificationError `invalid_input`, or one of the `storage_*` errors.
   */
  releaseHeld(filter?: HeldFilter): Promise<{ readonly released: number }>
  /**
   * Withdraws held messages. Repeating it is harmless.
   * @throws NotificationError as `releaseHeld`.
   */
  cancelHeld(filter?: HeldFilter): Promise<{ readonly cancelled: number }>
  /**
   * Creates the tables or brings them up to date. Several processes may call it at once; a migration that was killed is
   * continued by the next call; without anything to do it changes nothing. Long steps log their progress. `adopt` (default
   * false): takes over tables of the same names that another program made. `dryRun` (default false): changes nothing and
   * returns the SQL statements. Within the command line tool it does nothing: there the command `migrate` does.
   *
   * Call it when you deploy a new version, before `start()`. Processes of the previous version can keep running meanwhile: a
   * migration adds what the new version needs, and a later one removes what no running version uses.
   * @throws NotificationError `migration_refused`, `dependency_missing`, or one of the `storage_*` errors.
   */
  migrate(options?: { readonly adopt?: boolean; readonly dryRun?: boolean }): Promise<MigrationReport>
  /**
   * Starts sending due messages. Without it, this process only plans and records, and another process can send. Idempotent;
   * if it rejects, it can be called again.
   * @throws NotificationError `migration_missing`, `scheduler_failed`, `dependency_missing` (the option `calendar` lacks its
   * package), one of the `storage_*` errors, or `storage_closed` after `stop()`.
   */
  start(): Promise<void>
  /**
   * Takes on no new work, waits up to `drainMs` for sends in progress, then closes transports and storage. Ends within
   * `drainMs` plus two seconds, whatever hangs, and resolves with what it had to leave behind, which is also logged.
   * Idempotent, also while `start()` is running. Never rejects. The library cannot be started again: create a new one.
   */
  stop(): Promise<StopReport>
}
