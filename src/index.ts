// Values are exported by name, each one a promise to whoever imports it; what only the library needs stays inside. Adapters import
// them from the files named here, so that a transport does not load the whole library for its errors.

// The library: what makes it, what its calls take, and what they return.

export type { Channel } from './channels/index.ts'
export type {
  AttendanceGroup,
  AttendanceReport,
  NoShows,
  Proportion,
  Standardized,
} from './domain/attendance-report.ts'
export type { EffectiveDecision } from './domain/effective.ts'
export type { Percentiles } from './domain/histogram.ts'
export type { RetryPolicy } from './domain/retry.ts'
export type {
  AnswerEvent,
  ConsentEvent,
  DirectoryFinding,
  NotificationEvent,
  NotificationEvents,
  ReminderEvent,
  ReplyEvent,
} from './events.ts'
export type { Notifications } from './library.ts'
export {
  type Block,
  type Button,
  builtInLayout,
  type Fact,
  type Inline,
  type LanguageFile,
  type MailBrand,
  type MailContent,
  type MailLayout,
  type MessageDocument,
} from './messages/index.ts'
export { createNotifications } from './notifications.ts'
export type { NotificationsOptions } from './options.ts'
export type { Answer, Reply, ReplyAppointment } from './schemas/answer.ts'
export type { Attendance, ChannelUse, LeadTime } from './schemas/attendance.ts'
export type {
  Actor,
  ActorKind,
  AuditAction,
  AuditChange,
  AuditDetail,
  AuditRecord,
  AuditTarget,
} from './schemas/audit.ts'
export type { AccountEntry, ByChannel, FurtherPreferences, FurtherSettings } from './schemas/channel-fields.ts'
export type { EntityId, HostId, HostRef, RecipientRef, Warning } from './schemas/common.ts'
export type {
  ConsentFilter,
  ConsentInput,
  ConsentPage,
  ConsentRecord,
  Doubt,
  DoubtFilter,
  DoubtPage,
} from './schemas/consent.ts'
export type { DecisionEntry, DecisionRecord } from './schemas/decision.ts'
export type {
  DirectoryAppointment,
  DirectoryContact,
  DirectoryOrganization,
  DirectoryRecipient,
  DirectoryRecipientProfile,
  DirectoryUpcomingPage,
  DirectoryWaitlistEntry,
} from './schemas/directory.ts'
export type { HostVariableInput, VariableType } from './schemas/host-variables.ts'
export type { OffsetInput } from './schemas/offset.ts'
export type {
  HostPreferenceRef,
  PreferenceRef,
  Preferences,
  PreferencesInput,
  PreferencesValues,
} from './schemas/preferences.ts'
export type { DeliveryReceipt, ProviderReport } from './schemas/receipt.ts'
export type {
  HistoryFilter,
  LifecycleOptions,
  PageOptions,
  ScheduleOptions,
  SendOptions,
  WaitlistOptions,
} from './schemas/requests.ts'
export type { Rule } from './schemas/rules.ts'
export type {
  OrganizationSettings,
  OrganizationSettingsChange,
  OrganizationSettingsInput,
  SecretField,
  SettingsValues,
  Templates,
  TemplatesInput,
} from './schemas/settings.ts'
export type { TaskManagerMode } from './schemas/task-manager.ts'
export type { TemplateContent, TemplateVersion, TextChange } from './schemas/template-versions.ts'
export type { PartialSet, Template, TemplateSet, TemplateVariant } from './schemas/templates.ts'
export type {
  AnswerAction,
  AnswerVia,
  AppointmentCategory,
  AppointmentOutcome,
  AppointmentStatus,
  Audience,
  Category,
  ConfirmedReminderPolicy,
  ConsentAct,
  ConsentHow,
  CountedReport,
  DecisionAction,
  DeliveryState,
  DeliveryStatus,
  EmailSecurity,
  Measure,
  PastReminderPolicy,
  RecipientType,
  ReminderStatus,
  ReplyAbout,
  ReportedState,
  ReportWord,
  SuppressionCause,
  TemplateKey,
  UnknownOutcomePolicy,
} from './schemas/vocabulary.ts'
export type { ActResult, AnswerFilter, AnswerPage, Answers, StaffAnswer } from './services/answers/answers.ts'
export type { Consent, ConsentResult } from './services/consent/consent.ts'
export type { BounceResult } from './services/delivery/bounces.ts'
export type { ReportResult } from './services/delivery/callbacks.ts'
export type { HeldFilter, HeldMessage, RestoreReport } from './services/delivery/restore.ts'
export type { Unreached, UnreachedFilter, UnreachedPage } from './services/insight/attention.ts'
export type { AuditFilter, AuditLog, AuditPage } from './services/insight/audit-log.ts'
export type { CheckUpOptions, CheckUpReport } from './services/insight/check-up.ts'
export type { CheckUpCode, CheckUpFinding } from './services/insight/check-up-table.ts'
export type { ExplanationLine, ExplanationPage } from './services/insight/explanation.ts'
export type { HealthReport } from './services/insight/health-report.ts'
export type { Insight } from './services/insight/insight.ts'
export type {
  Outcomes,
  Reported,
  Statistics,
  StatisticsFilter,
  StatisticsReport,
  TaskCounts,
} from './services/insight/statistics.ts'
export type { LostReminders, WhatIf, WhatIfReport, WhatIfTotals } from './services/insight/what-if.ts'
export type { LinkPages, RevokedLinks } from './services/links/link-pages.ts'
export type { NotificationService } from './services/notification-service.ts'
export type { NotificationTransaction } from './services/planning/notification-transaction.ts'
export type { ReconcileStatus } from './services/planning/reconcile-progress.ts'
export type { ReconcileFinding, ReconcileOptions, ReconcileReport } from './services/planning/reconcile-report.ts'
export type { BatchResult as ScheduleManyResult, PlanSummary } from './services/planning/schedule-batch.ts'
export type { ErasureReport } from './services/privacy/erasure.ts'
export type {
  ExportedDecision,
  ExportedLink,
  ExportedMessage,
  RecipientExport,
} from './services/privacy/export.ts'
export type { ExportedAddress } from './services/privacy/export-addresses.ts'
export type { ErasureOptions, Privacy } from './services/privacy/privacy.ts'
export type { RetentionCounts, RetentionStatus } from './services/privacy/retention.ts'
export type { KeyReport, RotationReport } from './services/privacy/rotation.ts'
export type { AccountCheck, VerifyOptions } from './services/settings/account-checks.ts'
export type { Addresses, AddressPage, KnownAddress } from './services/settings/addresses.ts'
export type {
  AccountState,
  EffectiveChannel,
  EffectivePreferences,
  EffectiveSettings,
} from './services/settings/effective.ts'
export type { WithWarnings } from './services/settings/recipient-preferences.ts'
export type { SettingsService } from './services/settings/settings-service.ts'
export type {
  DraftResult,
  PublishedTemplates,
  PublishOptions,
  PublishResult,
  TemplateVersions,
  VersionFilter,
  VersionPage,
  VersionTexts,
} from './services/settings/template-versions.ts'
export type { TestMessageOptions, TestMessageResult } from './services/settings/test-message.ts'
export type { AccountPause, DestinationPause } from './services/shared/accounts/paused-accounts.ts'
export type { StopReport } from './services/shared/shutdown.ts'
export type {
  CancelResult,
  DryRun,
  HistoryPage,
  LifecycleResult,
  Notification,
  PlannedMessage,
  PricedMessage,
  Reminder,
  ReminderPage,
  ScheduleResult,
  SendResult,
  SkippedMessage,
} from './services/shared/views.ts'
export type { TaskManagerOptions } from './services/task-manager/options.ts'

// Errors, with the HTTP status and title of every code. Adapters throw them too.

export {
  type ErrorCode,
  errorCodes,
  errorTable,
  type FailureOutcome,
  type FieldIssue,
  failureOutcomes,
  isNotificationError,
  isTransportError,
  NotificationError,
  type NotificationErrorOptions,
  TransportError,
  type TransportErrorOptions,
} from './errors.ts'

// What a host's forms and columns need: the words a field may hold, the mask of a stored secret, and the schemas that
// settings, preferences and templates are validated with.

export { channels } from './channels/names.ts'
export { actorKinds, auditActions, auditTargets } from './schemas/audit.ts'
export { secretMask } from './schemas/fields.ts'
export { preferencesInput } from './schemas/preferences.ts'
export { offeredQuietHours, type QuietRule } from './schemas/quiet-hours.ts'
export { type RetentionKind, type RetentionRules, retentionKinds, suggestedRetention } from './schemas/retention.ts'
export { ruleTable } from './schemas/rules.ts'
export { organizationSettingsInput, secretFields, templatesInput } from './schemas/settings.ts'
export { isTimeZone } from './schemas/time-zone.ts'
export {
  answerActions,
  answerVias,
  appointmentCategories,
  appointmentOutcomes,
  appointmentStatuses,
  categories,
  confirmedReminderPolicies,
  decisionActions,
  deliveryStates,
  deliveryStatuses,
  emailSecurities,
  pastReminderPolicies,
  recipientTypes,
  reminderStatuses,
  replyAbouts,
  reportedStates,
  reportWords,
  suppressionCauses,
  suppressionTable,
  templateKeys,
  unknownOutcomePolicies,
} from './schemas/vocabulary.ts'

// The HTTP endpoints: who calls, how often, and their description.

export {
  type Authenticate,
  type AuthenticateRequest,
  type Caller,
  type StaffRole,
  trustEveryCaller,
} from './http/access.ts'
export type { Endpoint } from './http/define-route.ts'
export { type OpenApiDocument, type OpenApiOptions, openApiDocument } from './http/openapi/document.ts'
export type {
  IoredisLike,
  NodeRedisLike,
  PostgresPoolLike,
  RateClass,
  RateLimit,
  RateLimitOptions,
  RateLimitStore,
  RateLimits,
} from './http/rate-limit-options.ts'

// The client of PlatformServices TaskManager, which can also be used on its own.

export {
  type Task,
  type TaskChanges,
  type TaskDraft,
  type TaskFilter,
  type TaskPage,
  type TaskStatus,
  taskStatuses,
} from './schemas/task-manager.ts'
export type { BreakerPolicy, Circuit } from './services/shared/breaker.ts'
export { TaskManagerClient, type TaskManagerHealth } from './services/task-manager/client/client.ts'
export type { TaskManagerClientOptions, TaskManagerPaths } from './services/task-manager/client/options.ts'

// The ports, and what the library uses where an option leaves one out.

export type * from './ports/bounces.ts'
export type * from './ports/calendar.ts'
export { type Clock, systemClock } from './ports/clock.ts'
export type * from './ports/directory.ts'
export type * from './ports/docs.ts'
export type * from './ports/hooks.ts'
export { type LogFields, type Logger, messageFirst, silentLogger, stderrLogger } from './ports/logger.ts'
export type * from './ports/scheduler.ts'
export type * from './ports/storage.ts'
export type { TraceContextOf } from './ports/trace-context.ts'
export type * from './ports/transport.ts'
export type * from './ports/webhook.ts'

// For authors of storage adapters: the tables, and the commands by which their rows change.

export { sharedSender } from './ports/storage/addresses.ts'
export { leaseChallengeMs, maxCountedTotal } from './ports/storage/deliveries.ts'
export { sendQueueKey } from './ports/storage/due.ts'
export { clockToleranceMs } from './ports/storage/jobs.ts'
export { type ColumnKindOf, type ColumnName, columnOf, type Fields, type ValuesOf } from './schemas/fields.ts'
export { emptyPreferences, preferenceFields } from './schemas/preferences.ts'
export { emptySettings, settingsFields } from './schemas/settings.ts'
export { settledMeasures } from './schemas/vocabulary.ts'

// For authors of transports: the wait an answer asks for, the guard around hosts that organizations name, and signed reports as JSON.

export { retryAfterMsOf } from './domain/retry.ts'
export { readProviderReport } from './schemas/receipt.ts'
export {
  type HostLookup,
  isPublicAddress,
  type OutboundRules,
  type OutboundTarget,
  resolveOutbound,
} from './security/outbound-guard.ts'
export {
  createWebhookVerifier,
  type SignedWebhook,
  type WebhookRefusal,
  type WebhookVerifier,
} from './security/standard-webhooks.ts'

// For authors of schedulers.

export { embeddedScheduler } from './services/delivery/scheduling/embedded-scheduler.ts'
export { type EngineSchedulerOptions, engineScheduler } from './services/delivery/scheduling/engine-scheduler.ts'

// For authors of HTTP adapters.

export { answeredBefore, type BodyForm, bodyLimit, collectBody, longestBody, unreadableBody } from './http/body.ts'
export type { HttpBody, HttpRequest, HttpResponse } from './http/messages.ts'
