import type { Api } from './api.ts'
import type { Route } from './define-route.ts'
import { hostIds } from './host-ids.ts'
import { addressRoutes } from './routes/addresses.ts'
import { answerRoutes } from './routes/answers.ts'
import { attentionRoutes } from './routes/attention.ts'
import { auditRoutes } from './routes/audit.ts'
import { bounceRoutes } from './routes/bounces.ts'
import { callbackRoutes } from './routes/callbacks.ts'
import { consentRoutes } from './routes/consent.ts'
import { debugRoutes } from './routes/debug.ts'
import { docsRoutes } from './routes/docs.ts'
import { historyRoutes } from './routes/history.ts'
import { linkRoutes } from './routes/links.ts'
import { monitoringRoutes } from './routes/monitoring.ts'
import { preferenceRoutes } from './routes/preferences.ts'
import { privacyRoutes } from './routes/privacy.ts'
import { reminderRoutes } from './routes/reminders.ts'
import { sendRoutes } from './routes/send.ts'
import { settingsRoutes } from './routes/settings.ts'
import { templateVersionRoutes } from './routes/template-versions.ts'
import { templateRoutes } from './routes/templates.ts'
import { webhookRoutes } from './routes/webhooks.ts'

/** The endpoint table: every endpoint is one row, and everything about endpoints is derived from it. */
export function endpointTable(api: Api): readonly Route[] {
  const ids = hostIds(api.ids)
  const rows: readonly Route[] = [
    ...settingsRoutes(api, ids),
    ...templateRoutes(api, ids),
    ...templateVersionRoutes(api, ids),
    ...preferenceRoutes(api, ids, 'patient'),
    ...preferenceRoutes(api, ids, 'client'),
    ...reminderRoutes(api, ids),
    ...sendRoutes(api, ids),
    ...historyRoutes(api, ids),
    ...addressRoutes(api, ids),
    ...answerRoutes(api, ids),
    ...consentRoutes(api, ids),
    ...attentionRoutes(api, ids),
    ...debugRoutes(api, ids),
    ...monitoringRoutes(api, ids),
    ...auditRoutes(api, ids),
    ...privacyRoutes(api, ids),
    ...callbackRoutes(api, ids),
    ...bounceRoutes(api),
    ...webhookRoutes(api),
    ...linkRoutes(api),
    ...docsRoutes(api, () => rows),
  ]
  return rows
}
