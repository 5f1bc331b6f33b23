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

/** The library, embedded. */
export type Notifications = {
  readonly notifications: NotificationService
  readonly settings: SettingsService
  /** Versions of organizations' templates: drafts, published versions, and who wrote and published them. */
  readonly templateVersions: TemplateVersions
  /** Addresses to which nothing is sent, and why. */
  readonly addresses: Addresses
  /** Consent and opt-outs, the record of both, and texts about which staff must decide. */
  readonly consent: Consent
  readonly statistics: Statistics
  readonly audit: AuditLog
  /** Whom nothing reached before an appointment, and what other settings would change. */
  readonly insight: Insight
  /** People's answers about appointments, and texts that staff have to read. */
  readonly answers: Pick<Answers, 'list' | 'handled' | 'record'>
  /** Revokes links that messages contain. */
  readonly links: Pick<LinkPages, 'revoke'>
  /** Personal data: export, erasure, retention and keys. */
  readonly privacy: Privacy
  readonly events: Pick<Events, 'on' | 'off' | 'once'>
  /**
   * Answers an HTTP request to one of the documented endpoints. The adapters (`appointment-notifications/express` and
   * others) convert requests and call it. Never rejects.
   */
  handle(request: HttpRequest): Promise<HttpResponse>
  /**
   * What `GET /health` shows to a service, as this process sees it. Connects to no provider; takes up to 2 s, never rejects.
   */
  health(): Promise<HealthReport>
  /**
   * Looks for everything that keeps messages from being sent, or reports from coming in. Each finding says what is wrong, whom it concerns and
   * what to do; if all is well, there are none. Asks the directory for appointments that are upcoming or planned, connects to the host
   * application's own providers, and writes nothing. Takes up to 20 s, longer with `mailDomains` and `publicUrl`; never rejects, and may be
   * called before `start()`. A load balancer should ask `GET /health` instead.
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
   * Records what a provider reported to a webhook of yours about the notification with this id, once your webhook has
   * verified that the report comes from the provider. A repeated report is recorded once; an outdated one changes nothing.
   * @throws NotificationError `invalid_input`, `notification_not_found`, or one of the `storage_*` errors.
   */
  recordReceipt(notificationId: number, receipt: DeliveryReceipt): Promise<ReportResult>
  /**
   * Reads a mail that came to your bounce address, unchanged (option `bounces`), and records the bounce or complaint that it reports. The mail need
   * not be trusted: it counts only for a message that it identifies by Message-ID or signed sender; any other changes nothing. An address that does
   * not exist is suppressed at the second bounce, on another day; that of a person who complained, at once.
   * @throws NotificationError `options_invalid` without the option, `payload_too_large` beyond 1 MiB, `dependency_missing`, or
   * one of the `storage_*` errors.
   */
  ingestBounce(rawMail: Uint8Array | string): Promise<BounceResult>
  /**
   * Compares the plans with the directory, in both directions, and repairs what differs: bookings, changes,
   * cancellations and deletions that were never reported to the library, and time zone data and providers that changed
   * since planning. Sends no notices for what it finds, since a confirmation that is days late would confuse. Writes
   * nothing if nothing differs. Runs every `reconcileMs` after `start()`, and can be called without `start()` too.
   *
   * Resolves with what was found and done. If the directory fails, the run ends as `stopped`, and nothing is cancelled
   * because of it. An appointment that is no longer in the directory is `missing` at first, and cancelled if it is still
   * missing five minutes later: automatically after `start()`, otherwise by the next run. If more than `maxGoneShare` of the
   * plans are missing (and 20 or more, or all of several), the run ends as `refused`; those plans are
   * cancelled only with `force`, which also skips the second look.
   *
   * Works in small steps. An interrupted run, even one whose process died, is continued by the next run
   * within an hour, in any process, and the report covers both; `restart` begins anew. `dryRun` only reports what would be done.
   * @throws NotificationError `invalid_input` for the options, or one of the `storage_*` errors.
   */
  reconcile(options?: ReconcileOptions): Promise<ReconcileReport>
  /**
   * For a database restored from a backup made at `since`: call it before `start()`, while no process sends. Messages that fell
   * due since the backup may have been sent, although the restored rows do not show it. They are held for a decision, with the rule
   * `restored` in `explain()`, and counted in health. Later messages stay planned, with the same keys (and Message-IDs).
   * Then the directory is asked what changed since; messages planned from its answer are not sent if their time is past.
   *
   * Decide with `held()`, `releaseHeld()` and `cancelHeld()`. An event that the host reports again, such as
   * `appointmentBooked()`, is sent again with the same Message-ID.
   * @throws NotificationError `invalid_input` for a time that is not past, `conflict` after `start()`, or one of the
   * `storage_*` errors.
   */
  afterRestore(since: Date): Promise<RestoreReport>
  /** What `afterRestore()` held and is still undecided, at most 1000. @throws NotificationError `invalid_input` */
  held(filter?: HeldFilter): Promise<HeldMessage[]>
  /**
   * Sends what `afterRestore()` held, if it is still useful: call it for messages that were not sent, according to a mail
   * server's log or a person. @throws NotificationError `invalid_input`, or one of the `storage_*` errors.
   */
  releaseHeld(filter?: HeldFilter): Promise<{ readonly released: number }>
  /** Withdraws what `afterRestore()` held. @throws NotificationError as `releaseHeld` */
  cancelHeld(filter?: HeldFilter): Promise<{ readonly cancelled: number }>
  /**
   * Creates the tables or brings them up to date; several processes may do so at once, and the next call continues a migration
   * that was killed. Long work logs its progress to `logger`. `adopt` (default false) takes over tables of the same
   * names that another program made. `dryRun` (default false) changes nothing and returns the statements. If the command line loaded your
   * file, this call and `start()` do nothing; its command `migrate` migrates.
   *
   * Call it when a new version is deployed, before its `start()`. Processes of the previous version keep running meanwhile: a
   * migration adds what the new version needs, and a later one removes what no running version uses.
   * @throws NotificationError `migration_refused`, `dependency_missing`, or one of the `storage_*` errors.
   */
  migrate(options?: { readonly adopt?: boolean; readonly dryRun?: boolean }): Promise<MigrationReport>
  /**
   * Starts sending due messages. Without it, this process only plans and records, and another one may send.
   * @throws NotificationError `migration_missing`, `scheduler_failed`, one of the `storage_*` errors, or `storage_closed`
   * if `stop()` was called.
   */
  start(): Promise<void>
  /**
   * Takes on no new work, waits up to `drainMs` for sends in progress, then closes transports and storage. Ends within
   * `drainMs` plus two seconds, whatever hangs, and resolves with what it had to leave behind, which is also logged.
   * Idempotent, also while `start()` is running. Never rejects.
   */
  stop(): Promise<StopReport>
}
