import { z } from 'zod'
import type { EntityId } from '../../schemas/common.ts'
import { definedOnly } from '../../schemas/defined.ts'
import { pageOptions, scheduleOptions } from '../../schemas/requests.ts'
import { appointmentOutcomes } from '../../schemas/vocabulary.ts'
import { actorOf, type Caller, scopeOf } from '../access.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { appointmentOwner } from '../owners.ts'
import { common, explanationShape, nextCursor, showExplanation } from '../shapes/common.ts'
import {
  appointmentAnswersShape,
  cancelShape,
  dryRunShape,
  reminderListShape,
  scheduleShape,
  showAppointmentAnswers,
  showDryRun,
  showReminderRow,
  showSchedule,
} from '../shapes/reminders.ts'

const path = '/reminders/appointment/{appointment_id}'

const outcome = z.enum(appointmentOutcomes).describe('What happened at the appointment')
const outcomeBody = z.strictObject({ outcome })
const outcomeShape = z.object({ appointmentId: common.appointmentId, outcome })

/** Reminders of appointments, and outcomes of appointments. */
export function reminderRoutes({ notifications, owners }: Api, ids: HostIds): Route[] {
  const params = z.strictObject({ appointmentId: ids.appointment })
  const owner = (input: { readonly params: { readonly appointmentId: EntityId } }) =>
    appointmentOwner(owners, input.params.appointmentId)
  const of = (caller: Caller | null) => notifications.within(scopeOf(caller))
  const change = { kind: 'members', staff: 'admin', self: false, owner } as const
  const look = { kind: 'members', staff: 'viewer', self: false, owner } as const
  return [
    defineRoute({
      id: 'reminders.schedule',
      method: 'POST',
      path,
      summary:
        'Plan the reminders of an appointment with the effective offsets or custom ones; repeating the request changes nothing',
      params,
      query: nothing,
      body: scheduleOptions,
      responses: { 201: scheduleShape },
      errors: ['appointment_not_found', 'appointment_not_active', 'conflict'],
      example: { body: { custom_reminders: [24, 2, 1] } },
      rateClass: 'sending',
      access: change,
      handler: async ({ params: { appointmentId }, body, caller }) =>
        showSchedule(await of(caller).as(actorOf(caller)).scheduleReminders(appointmentId, body)),
    }),
    defineRoute({
      id: 'reminders.list',
      method: 'GET',
      path,
      summary: 'List the reminders of an appointment, including cancelled ones, earliest first',
      params,
      query: pageOptions,
      body: nothing,
      responses: { 200: reminderListShape },
      errors: ['appointment_not_found'],
      access: look,
      async handler({ params: { appointmentId }, query, caller }) {
        const { reminders, answers, nextCursor } = await of(caller).remindersPage(appointmentId, query)
        const shown = { reminders: reminders.map(showReminderRow), ...showAppointmentAnswers(answers) }
        return { ...shown, ...definedOnly({ nextCursor: nextCursor ?? undefined }) }
      },
    }),
    defineRoute({
      id: 'reminders.cancel',
      method: 'DELETE',
      path,
      summary: 'Cancel the pending reminders of an appointment',
      params,
      query: nothing,
      body: nothing,
      responses: { 200: cancelShape },
      errors: ['appointment_not_found'],
      access: change,
      handler: ({ params: { appointmentId }, caller }) => of(caller).as(actorOf(caller)).cancelReminders(appointmentId),
    }),
    defineRoute({
      id: 'reminders.reschedule',
      method: 'POST',
      path: `${path}/reschedule`,
      summary: 'Plan the reminders again after the appointment has changed; the body is optional',
      params,
      query: nothing,
      body: scheduleOptions,
      responses: { 200: scheduleShape },
      errors: ['appointment_not_found', 'appointment_not_active', 'conflict'],
      example: { body: { custom_reminders: null } },
      rateClass: 'sending',
      access: change,
      handler: async ({ params: { appointmentId }, body, caller }) =>
        showSchedule(await of(caller).as(actorOf(caller)).rescheduleReminders(appointmentId, body)),
    }),
    defineRoute({
      id: 'outcomes.record',
      method: 'PUT',
      path: '/outcomes/{appointment_id}',
      summary: 'Record the outcome of an appointment for the reminder statistics; the last one recorded counts',
      params,
      query: nothing,
      body: outcomeBody,
      responses: { 200: outcomeShape },
      errors: ['appointment_not_found', 'directory_failed'],
      example: { body: { outcome: 'no_show' } },
      access: change,
      async handler({ params: { appointmentId }, body: { outcome }, caller }) {
        await of(caller).as(actorOf(caller)).recordOutcome(appointmentId, outcome)
        return { appointmentId, outcome }
      },
    }),
    defineRoute({
      id: 'reminders.plan',
      method: 'GET',
      path: `${path}/plan`,
      summary: 'Show which reminders would be planned and when, and which would not and why; writes nothing',
      params,
      query: nothing,
      body: nothing,
      responses: { 200: dryRunShape },
      errors: ['appointment_not_found'],
      access: look,
      handler: async ({ params: { appointmentId }, caller }) => showDryRun(await of(caller).plan(appointmentId)),
    }),
    defineRoute({
      id: 'reminders.explain',
      method: 'GET',
      path: `${path}/explain`,
      summary: 'Explain what was planned, moved, skipped, merged, sent or refused, when, and by which rule',
      params,
      query: pageOptions,
      body: nothing,
      responses: {
        200: z.object({
          decisions: z.array(explanationShape).describe('The decisions of this page, in the order they were made'),
          answers: appointmentAnswersShape,
          nextCursor,
        }),
      },
      errors: ['appointment_not_found'],
      access: look,
      async handler({ params: { appointmentId }, query, caller }) {
        const { decisions, answers, nextCursor } = await of(caller).explanationPage(appointmentId, query)
        const shown = { decisions: decisions.map(showExplanation), ...showAppointmentAnswers(answers) }
        return { ...shown, ...definedOnly({ nextCursor: nextCursor ?? undefined }) }
      },
    }),
  ]
}
