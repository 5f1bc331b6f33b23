export { attendanceKey, attendanceOf } from './domain/attendance.ts'
export { type Change, preferencesChange, settingsChange } from './domain/audit.ts'
export { bucketOf } from './domain/histogram.ts'
export type { RetryPolicy } from './domain/retry.ts'
export { retryAfterMsOf } from './domain/retry-after.ts'
export { canTransition } from './domain/transitions.ts'
export * from './errors.ts'
export type { NotificationEvent, NotificationEvents, ReminderEvent } from './events.ts'
export {
  type Authenticate,
  type AuthenticateRequest,
  type Caller,
  type StaffRole,
  trustEveryCaller,
} from './http/access.ts'
export { bodyLimit, collectBody } from './http/body.ts'
export type { Endpoint } from './http/define-route.ts'
export type { HttpBody, HttpRequest, HttpResponse } from './http/messages.ts'
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
export { createNotifications, type Notifications } from './notifications.ts'
export type { NotificationsOptions } from './options.ts'
export * from './ports/clock.ts'
export * from './ports/directory.ts'
export * from './ports/docs.ts'
export * from './ports/logger.ts'
export * from './ports/scheduler.ts'
export * from './ports/storage.ts'
export * from './ports/transport.ts'
export * from './schemas/audit.ts'
export * from './schemas/common.ts'
export * from './schemas/decision.ts'
export * from './schemas/directory.ts'
export * from './schemas/offset.ts'
export * from './schemas/preferences.ts'
export * from './schemas/requests.ts'
export * from './schemas/settings.ts'
export {
  type Task,
  type TaskChanges,
  type TaskDraft,
  type TaskFilter,
  type TaskPage,
  type TaskStatus,
  taskStatuses,
} from './schemas/task-manager.ts'
export * from './schemas/templates.ts'
export * from './schemas/vocabulary.ts'
export * from './security/outbound-guard.ts'
export type { AuditFilter, AuditLog, AuditPage } from './services/audit-log.ts'
export type { Receipt, ReportResult } from './services/callbacks.ts'
export { embeddedScheduler } from './services/embedded-scheduler.ts'
export { type EngineSchedulerOptions, engineScheduler } from './services/engine-scheduler.ts'
export type { ExplanationLine } from './services/explanation.ts'
export type { NotificationService } from './services/notification-service.ts'
export type { NotificationTransaction } from './services/notification-transaction.ts'
export type { PlanSummary } from './services/plan-summary.ts'
export type { Finding, ReconcileOptions, ReconcileReport } from './services/reconcile/report.ts'
export type { EffectiveChannel, EffectivePreferences, EffectiveSettings } from './services/settings/effective.ts'
export type {
  SettingsService,
  Templates,
  Warned,
} from './services/settings-service.ts'
export type {
  AttendanceReport,
  Outcomes,
  Statistics,
  StatisticsFilter,
  StatisticsReport,
} from './services/statistics.ts'
export type { Circuit } from './services/task-manager/breaker.ts'
export type { BreakerPolicy, TaskManagerClientOptions, TaskManagerPaths } from './services/task-manager/options.ts'
export { TaskManagerClient, type TaskManagerHealth } from './services/task-manager-client.ts'
export type { TaskManagerMode, TaskManagerOptions } from './services/tasks/options.ts'
export * from './services/views.ts'
