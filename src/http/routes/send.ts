import { z } from 'zod'
import { sendOptions } from '../../schemas/requests.ts'
import { type AppointmentCategory, recipientTypes } from '../../schemas/vocabulary.ts'
import { actorOf, scopeOf } from '../access.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { appointmentOwner, waitlistOwner } from '../owners.ts'
import { sendShape, showSent } from '../shapes/notifications.ts'
import { wireName } from '../snake-case.ts'

/** As documented for these endpoints; the columns have them in upper case. */
const categoryOf = {
  confirmation: 'CONFIRMATION',
  cancellation: 'CANCELLATION',
  reschedule: 'RESCHEDULE',
} as const satisfies Record<string, AppointmentCategory>

const notificationType = z.preprocess(
  (value) => (typeof value === 'string' ? value.toLowerCase() : value),
  z
    .enum(['confirmation', 'cancellation', 'reschedule'], {
      error: ({ input }) =>
        input === undefined ? 'is required' : 'must be "confirmation", "cancellation" or "reschedule"',
    })
    .transform((name) => categoryOf[name]),
)

/** Immediate notifications. */
export function sendRoutes({ notifications, owners }: Api, ids: HostIds): Route[] {
  const recipient = z.strictObject({ type: z.enum(recipientTypes).describe('Kind of recipient'), id: ids.recipient })
  return [
    defineRoute({
      id: 'send.appointment',
      method: 'POST',
      path: '/send/appointment/{appointment_id}',
      summary: 'Send a confirmation, cancellation or reschedule notice now; every request sends it again',
      params: z.strictObject({ appointmentId: ids.appointment }),
      query: nothing,
      body: sendOptions.omit({ idempotencyKey: true }).extend({
        category: wireName('notification_type', notificationType).describe('Kind of message'),
        recipients: z
          .array(recipient)
          .min(1)
          .max(100)
          .optional()
          .describe('Default: all recipients of the appointment'),
      }),
      responses: { 201: sendShape },
      errors: ['appointment_not_found', 'appointment_not_active'],
      example: { body: { notification_type: 'confirmation' } },
      rateClass: 'sending',
      access: {
        kind: 'members',
        staff: 'admin',
        self: false,
        owner: ({ params }) => appointmentOwner(owners, params.appointmentId),
      },
      handler: async ({ params: { appointmentId }, body, caller, idempotencyKey }) =>
        showSent(
          await notifications
            .as(actorOf(caller))
            .within(scopeOf(caller))
            .sendAppointmentNotification(appointmentId, { ...body, idempotencyKey }),
        ),
    }),
    defineRoute({
      id: 'send.waitlist',
      method: 'POST',
      path: '/send/waitlist/{waitlist_entry_id}',
      summary: 'Send a waitlist notice now',
      params: z.strictObject({ waitlistEntryId: ids.waitlistEntry }),
      query: nothing,
      body: sendOptions.pick({ channel: true }),
      responses: { 201: sendShape },
      errors: ['waitlist_entry_not_found', 'slot_started', 'offer_expired'],
      example: { body: { channel: 'BOTH' } },
      rateClass: 'sending',
      access: {
        kind: 'members',
        staff: 'admin',
        self: false,
        owner: ({ params }) => waitlistOwner(owners, params.waitlistEntryId),
      },
      handler: async ({ params: { waitlistEntryId }, body, caller, idempotencyKey }) =>
        showSent(
          await notifications
            .as(actorOf(caller))
            .within(scopeOf(caller))
            .notifyWaitlist(waitlistEntryId, { ...body, idempotencyKey }),
        ),
    }),
  ]
}
