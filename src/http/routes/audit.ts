import { z } from 'zod'
import { consentStatement } from '../../schemas/address.ts'
import { type AuditRecord, actorKinds, auditActions, auditTargets } from '../../schemas/audit.ts'
import { entityId } from '../../schemas/common.ts'
import { definedOnly } from '../../schemas/defined.ts'
import { toSnake } from '../../schemas/fields.ts'
import { suppressionCauses } from '../../schemas/vocabulary.ts'
import { auditFilter } from '../../services/insight/audit-log.ts'
import { organizationNotFound } from '../../services/shared/not-found.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { organizationOwner } from '../owners.ts'
import { common } from '../shapes/common.ts'
import { refusal } from '../snake-case.ts'

const change = z.object({
  field: z.string().describe('Name of the field'),
  from: z
    .unknown()
    .optional()
    .describe('Previous value of a switch, an offset or a policy; absent for secrets, contacts and texts'),
  to: z.unknown().optional().describe('New value; absent where `from` is'),
})

export const auditEntryShape = z.object({
  id: z.int().describe('Id of the entry'),
  at: z.date().describe('When it happened'),
  actorKind: z.enum(actorKinds).describe('Kind of caller; `system` is the library itself'),
  actorId: entityId.nullable().describe('Id of the caller; null if your application gave none'),
  action: z.enum(auditActions).describe('What was done'),
  targetType: z.enum(auditTargets).nullable().describe('Kind of object it was done to; null if the details name it'),
  targetId: z.string().nullable().describe('Id of the object as text; null if the details name it'),
  changes: z.array(change).optional().describe('Fields that changed'),
  version: z.int().optional().describe('Version of the templates that was drafted, or published by the change'),
  notificationIds: z.array(z.int()).optional().describe('Notifications that were queued, sent or reported on'),
  reminderIds: z.array(z.int()).optional().describe('Reminders that were planned'),
  cancelledReminderIds: z.array(z.int()).optional().describe('Reminders that were cancelled'),
  offsets: z
    .array(z.union([z.number(), z.string()]))
    .nullable()
    .optional()
    .describe('Custom offsets of the appointment; null: the effective offsets of each recipient'),
  category: common.category.optional(),
  channel: common.channel.optional(),
  reason: z
    .string()
    .optional()
    .describe(
      'The rule that caused it; for an address, the code of the provider; for a test message, of the transport',
    ),
  cause: z.enum(suppressionCauses).optional().describe('Why an address was suppressed'),
  consent: consentStatement.optional().describe('The consent by which a suppression was lifted'),
  outcome: z
    .string()
    .optional()
    .describe('Recorded outcome of the appointment, reported status of the message, or result of the test message'),
})

const auditShape = z.object({
  entries: z.array(auditEntryShape).describe('The entries of this page, newest first'),
  nextCursor: z.int().nullable().describe('Value of `cursor` for the next page; null on the last page'),
})

export function showEntry({ id, at, actor, action, target, detail }: AuditRecord): z.input<typeof auditEntryShape> {
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

/** Who changed what, and who triggered each message. */
export function auditRoutes({ audit }: Api, ids: HostIds): Route[] {
  return [
    defineRoute({
      id: 'audit.list',
      method: 'GET',
      path: '/audit/{organization_id}',
      summary:
        'List who changed settings, preferences, templates and reminders, who triggered each message and test message, and what providers reported; newest first',
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
          throw refusal([{ field: 'end_date', message: 'must not be before start_date' }])
        }
        const { entries, nextCursor } = await audit.list(owner.organizationId, query)
        return { entries: entries.map(showEntry), nextCursor }
      },
    }),
  ]
}
