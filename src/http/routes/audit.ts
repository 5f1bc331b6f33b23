import { z } from 'zod'
import { type AuditRecord, actorKinds, auditActions, auditTargets } from '../../schemas/audit.ts'
import { entityId } from '../../schemas/common.ts'
import { definedOnly } from '../../schemas/defined.ts'
import { toSnake } from '../../schemas/fields.ts'
import { categories, channels } from '../../schemas/vocabulary.ts'
import { auditFilter } from '../../services/audit-log.ts'
import { organizationNotFound } from '../../services/not-found.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { organizationOwner } from '../owners.ts'
import { refusal } from '../snake-case.ts'

const change = z.object({
  field: z.string(),
  from: z.unknown().optional().describe('Of switches, offsets and policies; other fields are only named'),
  to: z.unknown().optional(),
})

const entryShape = z.object({
  id: z.int(),
  at: z.date(),
  actorKind: z.enum(actorKinds),
  actorId: entityId.nullable(),
  action: z.enum(auditActions),
  targetType: z.enum(auditTargets).nullable(),
  targetId: z.string().nullable(),
  changes: z.array(change).optional(),
  notificationIds: z.array(z.int()).optional(),
  reminderIds: z.array(z.int()).optional().describe('Reminders that were made'),
  cancelledReminderIds: z.array(z.int()).optional(),
  offsets: z
    .array(z.union([z.number(), z.string()]))
    .nullable()
    .optional()
    .describe('Custom ones; null: the effective ones of each recipient'),
  category: z.enum(categories).optional(),
  channel: z.enum(channels).optional(),
  reason: z.string().optional(),
  outcome: z.string().optional(),
})

const auditShape = z.object({
  entries: z.array(entryShape),
  nextCursor: z.int().nullable().describe('For `cursor` of the next request; null on the last page'),
})

function showEntry({ id, at, actor, action, target, detail }: AuditRecord): z.input<typeof entryShape> {
  const { changes, notificationIds, reminderIds, cancelledReminderIds, offsets, ...rest } = detail
  return {
    id,
    at,
    actorKind: actor.kind,
    actorId: actor.id,
    action,
    targetType: target?.type ?? null,
    targetId: target?.id ?? null,
    ...rest,
    ...definedOnly({
      notificationIds: notificationIds?.slice(),
      reminderIds: reminderIds?.slice(),
      cancelledReminderIds: cancelledReminderIds?.slice(),
      offsets: offsets === null ? null : offsets?.slice(),
    }),
    ...(changes === undefined ? {} : { changes: changes.map((one) => ({ ...one, field: toSnake(one.field) })) }),
  }
}

/** Who changed what, and who had what sent. */
export function auditRoutes({ audit }: Api, ids: HostIds): Route[] {
  return [
    defineRoute({
      id: 'audit.list',
      method: 'GET',
      path: '/audit/{organization_id}',
      summary:
        'Who changed settings, preferences, templates and reminders, who had what sent, and what was reported; newest first',
      params: z.strictObject({ organizationId: ids.organization }),
      query: auditFilter,
      body: nothing,
      responses: { 200: auditShape },
      errors: ['organization_not_found'],
      example: { query: { action: 'settings.updated', limit: '50' } },
      access: {
        kind: 'members',
        staff: 'admin',
        self: false,
        owner: ({ params }) => organizationOwner(params.organizationId, organizationNotFound),
      },
      async handler({ query, owner }) {
        const { startDate, endDate } = query
        if (startDate !== undefined && endDate !== undefined && startDate > endDate) {
          throw refusal([{ field: 'end_date', message: 'must not lie before start_date' }])
        }
        const { entries, nextCursor } = await audit.list(owner.organizationId, query)
        return { entries: entries.map(showEntry), nextCursor }
      },
    }),
  ]
}
