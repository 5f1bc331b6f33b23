import type { Clock } from '../ports/clock.ts'
import type { DocsPage } from '../ports/docs.ts'
import type { IdKinds } from '../ports/storage.ts'
import type { Answers } from '../services/answers/answers.ts'
import type { Consent } from '../services/consent/consent.ts'
import type { Bounces } from '../services/delivery/bounces.ts'
import type { Callbacks } from '../services/delivery/callbacks.ts'
import type { Webhooks } from '../services/delivery/webhooks.ts'
import type { AuditLog } from '../services/insight/audit-log.ts'
import type { CheckUp } from '../services/insight/check-up.ts'
import type { Health } from '../services/insight/health.ts'
import type { Insight } from '../services/insight/insight.ts'
import type { Statistics } from '../services/insight/statistics.ts'
import type { LinkPages } from '../services/links/link-pages.ts'
import type { TemplatePreviews } from '../services/messages/template-preview.ts'
import type { NotificationService } from '../services/notification-service.ts'
import type { Privacy } from '../services/privacy/privacy.ts'
import type { Addresses } from '../services/settings/addresses.ts'
import type { SettingsService } from '../services/settings/settings-service.ts'
import type { TemplateVersions } from '../services/settings/template-versions.ts'
import type { Owners } from '../services/shared/owners.ts'

/** The services that handlers call, and the options that concern the router. */
export type Api = {
  readonly ids: IdKinds
  readonly notifications: NotificationService
  readonly settings: SettingsService
  readonly addresses: Addresses
  readonly consent: Consent
  readonly templates: TemplatePreviews
  readonly templateVersions: TemplateVersions
  readonly callbacks: Callbacks
  /** Null: bounced mail is not read, and has no endpoint. */
  readonly bounces: Pick<Bounces, 'receive'> | null
  readonly webhooks: Webhooks
  readonly statistics: Statistics
  readonly health: Health
  readonly checkUp: CheckUp
  readonly audit: AuditLog
  readonly insight: Insight
  readonly answers: Answers
  readonly privacy: Privacy
  readonly owners: Owners
  readonly links: LinkPages
  readonly docs: DocsPage | null
  readonly clock: Clock
  readonly publicUrl: string | null
}
