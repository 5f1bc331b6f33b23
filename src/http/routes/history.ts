import { z } from 'zod'
import { definedOnly } from '../../schemas/defined.ts'
import { historyFilter } from '../../schemas/requests.ts'
import { scopeOf } from '../access.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { historyScope, notificationOwner } from '../owners.ts'
import { historyShape, notificationShape, showHistory, showNotificationTo } from '../shapes/notifications.ts'
import { refusal, wireName } from '../snake-case.ts'

/** What was sent, with the result. */
export function historyRoutes({ notifications, owners }: Api, ids: HostIds): Route[] {
  return [
    defineRoute({
      id: 'history.list',
      method: 'GET',
      path: '/history/',
      summary: 'List notifications, newest first',
      params: nothing,
      query: historyFilter.extend({
        organizationId: ids.organization.optional(),
        recipientId: ids.recipient.optional(),
        appointmentId: ids.appointment.optional(),
        waitlistEntryId: ids.waitlistEntry.optional(),
        // An unescaped plus sign arrives as a space.
        recipientAddress: z.preprocess(
          (value) => (typeof value === 'string' ? value.replace(/^ (?=\d)/, '+') : value),
          historyFilter.shape.recipientAddress,
        ),
        channel: wireName('notification_type', historyFilter.shape.channel),
        category: wireName('notification_category', historyFilter.shape.category),
        state: wireName('delivery_state', historyFilter.shape.state),
      }),
      body: nothing,
      responses: { 200: historyShape },
      errors: ['organization_not_found', 'recipient_not_found'],
      example: {
        query: {
          recipient_type: 'PATIENT',
          recipient_id: '12',
          notification_type: 'EMAIL',
          start_date: '2024-01-01T00:00:00Z',
          end_date: '2034-12-31T23:59:59Z',
          limit: '50',
          offset: '0',
        },
      },
      access: {
        kind: 'members',
        staff: 'viewer',
        self: true,
        owner: ({ query }, caller) => historyScope(query, caller),
      },
      async handler({ query, owner, caller }) {
        const { startDate, endDate } = query
        if (startDate !== undefined && endDate !== undefined && startDate > endDate) {
          throw refusal([{ field: 'end_date', message: 'must not be before start_date' }])
        }
        return showHistory(caller, await notifications.history({ ...query, ...definedOnly(owner.filter) }))
      },
    }),
    defineRoute({
      id: 'history.get',
      method: 'GET',
      path: '/history/{notification_id}',
      summary: 'Read one notification',
      params: z.strictObject({ notificationId: ids.row }),
      query: nothing,
      body: nothing,
      responses: { 200: notificationShape },
      errors: ['notification_not_found'],
      access: {
        kind: 'members',
        staff: 'viewer',
        self: true,
        owner: ({ params }) => notificationOwner(owners, params.notificationId),
      },
      handler: async ({ params: { notificationId }, caller }) =>
        showNotificationTo(caller, await notifications.within(scopeOf(caller)).getNotification(notificationId)),
    }),
  ]
}
