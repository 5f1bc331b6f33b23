import { z } from 'zod'
import type { AnswerRow } from '../../ports/storage.ts'
import { maskAddress } from '../../schemas/address.ts'
import { rowId } from '../../schemas/common.ts'
import { definedOnly } from '../../schemas/defined.ts'
import { answerActions, answerVias, replyAbouts } from '../../schemas/vocabulary.ts'
import { actResults } from '../../services/answers/answers.ts'
import { organizationNotFound } from '../../services/shared/not-found.ts'
import { actorOf, type Caller, isMasked, scopeOf } from '../access.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { appointmentOwner, organizationOwner } from '../owners.ts'
import { common } from '../shapes/common.ts'
import { wireName } from '../snake-case.ts'

const candidateShape = z.object({
  appointmentId: common.appointmentId,
  recipientType: common.recipientType,
  recipientId: common.recipientId,
})

export const answerShape = z.object({
  id: z.int().describe('Id of the answer'),
  organizationId: common.organizationId.nullable().describe('Id of the organization; null if nobody knows whose it is'),
  appointmentId: common.appointmentId
    .nullable()
    .describe('The appointment that was answered; null of a text for people'),
  recipientType: common.recipientType.nullable().describe('Kind of recipient; null if nobody knows who wrote'),
  recipientId: common.recipientId.nullable().describe('Id of the recipient; null if nobody knows who wrote'),
  kind: z.enum([...answerActions, ...replyAbouts]).describe('What was answered, or why it is for people to read'),
  via: z.enum(answerVias).describe('How the answer came'),
  channel: wireName(
    'notification_type',
    common.channel.nullable().describe('Channel of a reply; null of other answers'),
  ),
  address: z.string().nullable().describe('Whose reply it is; masked for viewers, null of other answers'),
  text: z.string().nullable().describe('The text that is for people; null for viewers, and of plain answers'),
  candidates: z.array(candidateShape).describe('The appointments that the text may mean, nearest first'),
  at: z.date().describe('When it was answered'),
  attempts: z.int().describe('How often the hook of the host application was called'),
  lastError: z.string().nullable().describe('Why the last call failed; null if it did not'),
  deliveredAt: z.date().nullable().describe('When the hook took it; null if it has not, or there is no hook'),
  handledAt: z.date().nullable().describe('When somebody dealt with it; null if nobody has'),
})

const answersShape = z.object({
  answers: z.array(answerShape).describe('The answers of this page, newest first'),
  nextCursor: z.int().nullable().describe('Value of `cursor` for the next page; null on the last page'),
})

export function showAnswer(caller: Caller | null, { recipient, text, address, candidates, ...row }: AnswerRow) {
  const isHidden = isMasked(caller)
  return {
    ...row,
    recipientType: recipient?.type ?? null,
    recipientId: recipient?.id ?? null,
    address: address !== null && isHidden ? maskAddress(address) : address,
    text: isHidden ? null : text,
    candidates: candidates.map((one) => ({
      appointmentId: one.appointmentId,
      recipientType: one.recipient.type,
      recipientId: one.recipient.id,
    })),
  }
}

/** What people answered. */
export function answerRoutes({ answers, owners }: Api, ids: HostIds): Route[] {
  const params = z.strictObject({ organizationId: ids.organization })
  const ofOrganization = ({ params: { organizationId } }: { params: { organizationId: string } }) =>
    organizationOwner(organizationId, organizationNotFound)
  return [
    defineRoute({
      id: 'answers.list',
      method: 'GET',
      path: '/answers/{organization_id}',
      summary: 'List what people answered about appointments, and what they wrote that is for people to read',
      params,
      query: z.strictObject({
        open: z.boolean().optional().describe('True: only what nobody has dealt with. Default: all'),
        cursor: rowId.optional().describe('`next_cursor` of the page before'),
        limit: z.int().min(1).max(500).optional().describe('Answers of a page, 1 to 500. Default 50'),
      }),
      body: nothing,
      responses: { 200: answersShape },
      errors: ['organization_not_found'],
      example: { query: { open: 'true', limit: '50' } },
      access: { kind: 'members', staff: 'viewer', self: false, owner: ofOrganization },
      async handler({ query, owner, caller }) {
        const page = await answers.list(owner.organizationId, definedOnly(query))
        return { ...page, answers: page.answers.map((one) => showAnswer(caller, one)) }
      },
    }),
    defineRoute({
      id: 'answers.handled',
      method: 'PUT',
      path: '/answers/{organization_id}/{answer_id}',
      summary: 'Mark an answer as dealt with',
      params: z.strictObject({ organizationId: ids.organization, answerId: ids.row }),
      query: nothing,
      body: z.strictObject({ handled: z.literal(true).describe('Somebody has dealt with it') }),
      responses: { 200: answerShape },
      errors: ['organization_not_found', 'answer_not_found'],
      example: { body: { handled: true } },
      access: { kind: 'members', staff: 'admin', self: false, owner: ofOrganization },
      handler: async ({ params: { answerId }, owner, caller }) =>
        showAnswer(caller, await answers.handled(owner.organizationId, answerId, actorOf(caller))),
    }),
    defineRoute({
      id: 'answers.record',
      method: 'POST',
      path: '/reminders/appointment/{appointment_id}/answers',
      summary: 'Record what a person answered by phone or in the practice',
      params: z.strictObject({ appointmentId: ids.appointment }),
      query: nothing,
      body: z.strictObject({
        recipientType: common.recipientType,
        recipientId: ids.recipient,
        action: z.enum(answerActions).describe('What the person answered'),
      }),
      responses: {
        200: z.object({
          status: z
            .enum(actResults)
            .describe(
              'Only `recorded` changed something. `repeated`: the person had answered the same. `over`: the appointment has started. `unknown`: nothing is planned for this recipient',
            ),
        }),
      },
      errors: ['appointment_not_found'],
      example: { body: { recipient_type: 'PATIENT', recipient_id: 12, action: 'confirm' } },
      access: {
        kind: 'members',
        staff: 'admin',
        self: false,
        owner: ({ params }) => appointmentOwner(owners, params.appointmentId),
      },
      handler: ({ params: { appointmentId }, body: { recipientType: type, recipientId: id, action }, caller }) =>
        answers.record(appointmentId, { recipient: { type, id }, action, by: actorOf(caller) }, scopeOf(caller)),
    }),
  ]
}
