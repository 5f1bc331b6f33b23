import { z } from 'zod'
import { toSnake } from '../../schemas/fields.ts'
import { inboundMeanings } from '../../schemas/vocabulary.ts'
import type { RecipientExport } from '../../services/privacy/export.ts'
import { showReminder } from '../../services/shared/views.ts'
import { actorOf, type Caller, noOwner } from '../access.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { common, showSkippedMessage, skippedMessageShape } from '../shapes/common.ts'
import { retentionCounts } from '../shapes/health.ts'
import { notificationShape, showNotificationRow } from '../shapes/notifications.ts'
import { reminderShape, showReminderRow } from '../shapes/reminders.ts'
import { answerShape, showAnswer } from './answers.ts'
import { auditEntryShape, showEntry } from './audit.ts'
import { consentShape, showConsent } from './consent.ts'

const exportShape = z.object({
  recipientType: common.recipientType,
  recipientId: common.recipientId,
  preferences: z
    .record(z.string(), z.unknown())
    .nullable()
    .describe('Stored preferences, on the first page; null if there are none'),
  messages: z
    .array(
      notificationShape.extend({
        snapshot: z.string().nullable().describe('What was kept of the appointment, as JSON; null if nothing was'),
      }),
    )
    .describe('Messages to the recipient, by the time they were made'),
  addresses: z
    .array(
      z.object({
        organizationId: common.organizationId
          .nullable()
          .describe('Null: by the sender that several organizations share'),
        channel: common.channel,
        address: z.string().describe('The address'),
        suppressedAt: z.date().nullable().describe('Since when nothing is sent there; null if messages may be sent'),
        cause: z.string().nullable().describe('Why nothing is sent there'),
        liftedAt: z.date().nullable().describe('When a suppression was last lifted'),
        lastWorkedAt: z.date().nullable().describe('When a provider last accepted a message to it'),
        provenAt: z.date().nullable().describe('When the person was proven to have it'),
      }),
    )
    .describe('What is known of the addresses on this page'),
  reminders: z.array(reminderShape).describe('Reminders of the appointments on this page'),
  decisions: z
    .array(
      z.object({
        at: z.date().describe('When it was decided'),
        organizationId: common.organizationId,
        appointmentId: common.appointmentId,
        entries: z.array(skippedMessageShape).describe('What was decided about the recipient'),
      }),
    )
    .describe('Decisions about the recipient in the appointments on this page'),
  answers: z.array(answerShape).describe('What the recipient answered about appointments, or wrote for people to read'),
  written: z
    .array(
      z.object({
        organizationId: common.organizationId.nullable().describe('Null if nobody knows to whom it was written'),
        channel: common.channel,
        address: z.string().describe('Where it came from'),
        meaning: z
          .enum(inboundMeanings)
          .nullable()
          .describe('What it meant for consent; null if it is for people to read'),
        text: z.string().nullable().describe('What was written; null if only its meaning was kept'),
        at: z.date().describe('When it arrived'),
      }),
    )
    .describe('Messages that came from addresses of the recipient that nobody else has'),
  consents: z
    .array(consentShape.extend({ organizationId: common.organizationId }))
    .describe('What the recipient refused and gave, and what was said by addresses that nobody else has'),
  links: z
    .array(
      z.object({
        organizationId: common.organizationId,
        purpose: z.string().describe('What the link was for; revoked if it opens nothing now'),
        appointmentId: common.appointmentId.nullable().describe('Null if it is about no appointment'),
        channel: common.channel.nullable().describe('Channel of its message'),
        category: z.string().nullable().describe('Kind of its message'),
        startsAt: z.date().nullable().describe('The start that its message named'),
        expiresAt: z.date().describe('From when on it opens nothing'),
        createdAt: z.date().describe('When it was made'),
      }),
    )
    .describe('Links in messages to the recipient, without their addresses'),
  budgets: z
    .array(
      z.object({
        organizationId: common.organizationId,
        day: z.string().describe('Day by the clocks of the recipient'),
        count: z.int().describe('How many messages they got on it'),
      }),
    )
    .describe('What counts against the daily budget of organizations, on the last day with a message'),
  audit: z.array(auditEntryShape).describe('Entries of the audit log about the recipient, or about what they did'),
  nextCursor: z.string().nullable().describe('Value of `cursor` for the next page; null on the last page'),
})

function showExport(
  {
    recipient,
    preferences,
    messages,
    addresses,
    reminders,
    decisions,
    answers,
    written,
    consents,
    links,
    budgets,
    audit,
    nextCursor,
  }: RecipientExport,
  caller: Caller | null,
) {
  return {
    recipientType: recipient.type,
    recipientId: recipient.id,
    preferences: preferences === null ? null : inWireNames(preferences),
    messages: messages.map(({ snapshot, ...row }) => ({ ...showNotificationRow(row), snapshot })),
    addresses: addresses.map(({ suppression, organizationId, channel, address, liftedAt, lastWorkedAt, provenAt }) => ({
      ...{ organizationId: organizationId === '' ? null : organizationId, channel, address },
      ...{ liftedAt, lastWorkedAt, provenAt },
      suppressedAt: suppression?.since ?? null,
      cause: suppression?.cause ?? null,
    })),
    reminders: reminders.map((row) => showReminderRow(showReminder(row, null))),
    decisions: decisions.map((one) => ({ ...one, entries: one.entries.map(showSkippedMessage) })),
    answers: answers.map((one) => showAnswer(caller, one)),
    written,
    consents: consents.map((one) => ({ ...showConsent(one), organizationId: one.organizationId })),
    links,
    budgets,
    audit: audit.map(showEntry),
    nextCursor,
  }
}

const inWireNames = ({ recipient: _recipient, ...row }: NonNullable<RecipientExport['preferences']>) =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [toSnake(name), value]))

const erasureShape = z.object({
  cancelled: z.int().describe('Number of reminders that were cancelled'),
  inFlight: z.int().describe('Number of messages that were being sent at this moment and may still arrive'),
  messages: z.int().describe('Number of messages whose texts and addresses were erased'),
  hashedAddresses: z.int().describe('Number of addresses that are kept as hashes, because nothing may be sent there'),
  answers: z.int().describe('Number of stored responses from which the recipient was erased'),
  isScrubbed: z
    .boolean()
    .describe('False if another process reads the database: its files are rid of the data a little later'),
})

/** What is kept of persons. For the host application itself alone. */
export function privacyRoutes({ privacy }: Api, ids: HostIds): Route[] {
  const params = z.strictObject({ recipientType: common.recipientType, recipientId: ids.recipient })
  const services = { kind: 'members', staff: null, self: false, owner: () => noOwner } as const
  const refOf = ({ recipientType: type, recipientId: id }: z.output<typeof params>) => ({ type, id })
  const example = { params: { recipient_type: 'PATIENT' } }
  return [
    defineRoute({
      id: 'privacy.export',
      method: 'GET',
      path: '/recipients/{recipient_type}/{recipient_id}/export',
      summary: 'Export all that is held about a patient, client or practitioner, a page at a time',
      params,
      query: z.strictObject({
        cursor: z
          .string()
          .regex(/^[\w-]*$/)
          .max(1200)
          .optional()
          .describe('`next_cursor` of the previous page'),
      }),
      body: nothing,
      responses: { 200: exportShape },
      errors: [],
      example,
      access: services,
      handler: async ({ params: of, query, caller }) =>
        showExport(await privacy.as(actorOf(caller)).exportRecipient(refOf(of), query), caller),
    }),
    defineRoute({
      id: 'privacy.erase',
      method: 'DELETE',
      path: '/recipients/{recipient_type}/{recipient_id}',
      summary:
        'Erase a patient, client or practitioner: what is pending is cancelled, preferences are deleted, addresses and texts are blanked. Repeat the request if it fails',
      params,
      query: nothing,
      body: nothing,
      responses: { 200: erasureShape },
      errors: ['encryption_key_missing'],
      example,
      access: services,
      handler: async ({ params: of, caller }) => privacy.as(actorOf(caller)).eraseRecipient(refOf(of)),
    }),
    defineRoute({
      id: 'privacy.retention',
      method: 'GET',
      path: '/retention/dry-run',
      summary: 'Count what the setting `retention` would blank or remove now; changes nothing',
      params: nothing,
      query: z.strictObject({ organizationId: ids.organization.optional() }),
      body: nothing,
      responses: { 200: retentionCounts },
      errors: [],
      access: services,
      handler: async ({ query }) => privacy.retentionDryRun(query),
    }),
  ]
}
