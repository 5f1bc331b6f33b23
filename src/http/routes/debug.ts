import { z } from 'zod'
import { reminderOffset } from '../../schemas/offset.ts'
import type { PreferenceRef } from '../../schemas/preferences.ts'
import { ruleTable } from '../../schemas/rules.ts'
import { organizationNotFound, recipientNotFound } from '../../services/shared/not-found.ts'
import { scopeOf } from '../access.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { organizationOwner, recipientOwner } from '../owners.ts'
import { accountSource, byChannelShape, common, suppressionShape } from '../shapes/common.ts'
import { preferencesShapes, settingsShape, showPreferenceRow } from '../shapes/settings.ts'
import { wireName } from '../snake-case.ts'

const pause = z.object({
  code: z.string().describe('Error code of the transport, such as `smtp_535`'),
  message: z.string().nullable().describe('Message of the transport; null where another process received it'),
  since: z.date().describe('When the pause began'),
  until: z.date().describe('When the next message is tried'),
})
const account = {
  provider: z.string().nullable().describe('Name of the transport that would send; null if there is none'),
  source: accountSource,
  fault: z.string().nullable().describe('The rule that prevents sending now; null if nothing does'),
  pause: pause
    .nullable()
    .describe(
      'Why nothing goes by the account now, with the fault `account_paused`, `account_limited` or `account_failing`: what is due goes by another account, or waits until it works again',
    ),
  pausedDestinations: z
    .array(pause.extend({ destination: z.string().describe('Prefix of the numbers, such as `+44`') }))
    .describe('Countries the sender may not send to; only messages to these wait'),
}
const channelShape = z.object({
  enabled: z.boolean().describe('False if the organization disables the channel'),
  ...account,
  accounts: z
    .array(z.object({ accountId: common.accountId, ...account }))
    .describe('All accounts that may send, in the order of use; empty where TaskManager delivers'),
})
const settingsReport = z.object({
  organizationId: common.organizationId,
  configured: z.boolean().describe('False if the organization has no settings: the documented defaults apply'),
  settings: settingsShape.nullable().describe('Stored settings; null if there are none'),
  channels: byChannelShape(channelShape.describe('How messages on the channel would be sent')).describe(
    'How messages would be sent now, by channel',
  ),
})
const preferencesReport = (kind: 'patient' | 'client') =>
  z.object({
    recipientType: common.recipientType,
    recipientId: common.recipientId,
    organizationId: common.organizationId,
    preferences: preferencesShapes[kind].nullable().describe('Stored preferences; null if there are none'),
    decisions: z
      .array(
        z.object({
          category: common.category,
          channel: common.channel,
          allowed: z.boolean().describe('True if a message would be sent'),
          rule: z.string().describe('The rule that decides: `allowed`, or the first of `reasons`'),
          because: z.string().describe('The rule as a sentence'),
          reasons: z.array(z.string()).describe('Every rule that prevents sending, strongest first'),
          address: z.string().nullable().describe('Address it would be sent to; null if there is no usable one'),
          contactType: common.recipientType
            .nullable()
            .describe('Who is written to in place of the recipient, by `contactOrder`; null if nobody is'),
          contactId: common.recipientId.nullable().describe('Id of that person; null if nobody is'),
          addressNote: z
            .string()
            .nullable()
            .describe('Why the address cannot be used or may be wrong; null if nothing is wrong with it'),
          suppression: suppressionShape.nullable().describe('Why nothing is sent to the address; null: it may be'),
          offsets: z.array(reminderOffset).describe('Effective reminder offsets on the channel'),
        }),
      )
      .describe('One decision for every kind of message and channel'),
  })

/** Why a recipient gets a message, or none. */
export function debugRoutes({ settings, owners }: Api, ids: HostIds): Route[] {
  const preferences = (kind: 'patient' | 'client', path: `/${string}`) => {
    const type: PreferenceRef['type'] = kind === 'patient' ? 'PATIENT' : 'CLIENT'
    const idName = `${kind}_id`
    return defineRoute({
      id: `debug.preferences.${kind}`,
      method: 'GET',
      path,
      summary: `Explain for a ${kind} which messages would be sent, to which address and with which offsets, or why not`,
      params: z.strictObject({ recipientId: wireName(idName, ids.recipient) }),
      query: nothing,
      body: nothing,
      responses: { 200: preferencesReport(kind) },
      errors: ['recipient_not_found'],
      errorFields: { recipient: idName },
      access: {
        kind: 'members',
        staff: 'admin',
        self: false,
        owner: ({ params }) => recipientOwner(owners, { type, id: params.recipientId }, recipientNotFound),
      },
      async handler({ owner, caller }) {
        const report = await settings.within(scopeOf(caller)).effectivePreferences(owner.ref)
        return {
          recipientType: report.recipient.type,
          recipientId: report.recipient.id,
          organizationId: report.organizationId,
          preferences: report.preferences === null ? null : showPreferenceRow(caller, report.preferences),
          decisions: report.decisions.map(({ contact, ...decision }) => ({
            ...decision,
            contactType: contact?.type ?? null,
            contactId: contact?.id ?? null,
            because: ruleTable[decision.rule],
          })),
        }
      },
    })
  }
  return [
    preferences('patient', '/debug/preferences/{patient_id}'),
    preferences('client', '/debug/preferences/client/{client_id}'),
    defineRoute({
      id: 'debug.effective-settings',
      method: 'GET',
      path: '/debug/effective-settings/{organization_id}',
      summary: 'Show which provider and account would send for an organization, or why nothing would be sent',
      params: z.strictObject({ organizationId: ids.organization }),
      query: nothing,
      body: nothing,
      responses: { 200: settingsReport },
      errors: ['organization_not_found'],
      access: {
        kind: 'members',
        staff: 'admin',
        self: false,
        owner: ({ params }) => organizationOwner(params.organizationId, organizationNotFound),
      },
      handler: ({ owner }) => settings.effectiveSettings(owner.organizationId),
    }),
  ]
}
