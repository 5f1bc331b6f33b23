import type { Channel } from '../../../channels/index.ts'
import type { ActorKind, AuditAction, AuditTarget } from '../../../schemas/audit.ts'
import type { AppointmentOutcome, Category, Measure, RecipientType } from '../../../schemas/vocabulary.ts'
import { never, optional, required, type Table, word } from './columns.ts'

/** What the library keeps about its own work: counted, answered, told. */
export const recordTables = {
  /** Statistics. Organization '' is all of them, where the database keeps that sum. '' stands for what does not apply: a key holds no null. */
  notification_counters: {
    columns: {
      organization_id: required('text'),
      day: required('text'),
      measure: never(word<Measure>()),
      channel: never(word<Channel | ''>()),
      category: never(word<Category | ''>()),
      provider: required('text'),
      detail: required('text'),
      count: required('int'),
    },
    primaryKey: ['organization_id', 'day', 'measure', 'channel', 'category', 'provider', 'detail'],
    clustered: true,
    indexes: [],
  },
  /** How many messages a person got on the last day on which they got one, where the organization has a budget for that. */
  notification_budgets: {
    columns: {
      id: required('serial'),
      organization_id: required('text'),
      recipient_type: word<RecipientType>(),
      recipient_id: required('recipient'),
      /** `YYYY-MM-DD` by the person's clocks. */
      day: required('text'),
      count: required('int'),
    },
    indexes: [
      {
        name: 'notification_budgets_person',
        columns: ['organization_id', 'recipient_type', 'recipient_id'],
        unique: true,
      },
    ],
  },
  /** What became of appointments, and under which key of the counters it was counted. */
  appointment_outcomes: {
    columns: {
      appointment_id: required('appointment'),
      organization_id: required('text'),
      outcome: never(word<AppointmentOutcome>()),
      day: required('text'),
      detail: required('text'),
      recorded_at: required('instant'),
    },
    primaryKey: ['appointment_id', 'organization_id'],
    indexes: [],
  },
  /** Who changed what, and who triggered each message. Append-only. */
  notification_audit: {
    columns: {
      id: required('serial'),
      organization_id: required('text'),
      at: required('instant'),
      actor_kind: never(word<ActorKind>()),
      actor_id: optional('text'),
      action: never(word<AuditAction>()),
      target_type: word<AuditTarget['type']>(),
      target_id: optional('text'),
      details: required('json'),
    },
    indexes: [{ name: 'notification_audit_action', columns: ['organization_id', 'action', 'at', 'id'] }],
  },
  /** Requests by `Idempotency-Key`: `answer` is null while the first one runs. */
  notification_requests: {
    columns: {
      caller: required('text'),
      key: required('text'),
      fingerprint: required('text'),
      token: required('int'),
      answer: optional('text'),
      lease_until: required('instant'),
      expires_at: required('instant'),
    },
    primaryKey: ['caller', 'key'],
    indexes: [{ name: 'notification_requests_expiry', columns: ['expires_at'] }],
  },
  /** Who has a job of the background, until when, and how far it is. */
  notification_jobs: {
    columns: {
      name: required('text'),
      holder: required('text'),
      lease_until: required('instant'),
      progress: optional('text'),
    },
    primaryKey: ['name'],
    indexes: [],
  },
} as const satisfies Record<string, Table>
