import { z } from 'zod'
import { entityId } from '../../schemas/common.ts'
import { reminderOffset } from '../../schemas/offset.ts'
import type { PreferenceRef } from '../../schemas/preferences.ts'
import { categories, channels, recipientTypes, ruleTable } from '../../schemas/vocabulary.ts'
import { organizationNotFound, recipientNotFound } from '../../services/not-found.ts'
import { scopeOf } from '../access.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { organizationOwner, recipientOwner } from '../owners.ts'
import { preferencesShapes, settingsShape, showPreferenceRow } from '../shapes/settings.ts'
import { wireName } from '../snake-case.ts'

const pause = z.object({
  code: z.string().describe('The word of the transport, such as `smtp_535`'),
  message: z.string().nullable().describe('Its words; null where another process was told them'),
  since: z.date(),
  until: z.date().describe('When one message tries again'),
})
const channelShape = z.object({
  enabled: z.boolean(),
  provider: z.string().nullable(),
  source: z.enum(['organization', 'default', 'transport', 'task_manager']).nullable(),
  fault: z.string().nullable().describe('The rule why nothing would be sent now'),
  pause: pause
    .nullable()
    .describe('With the fault `account_paused`: the account was refused, and what is due waits until it works again'),
  pausedDestinations: z
    .array(pause.extend({ destination: z.string().describe('How the numbers begin, such as `+44`') }))
    .describe('Where the sender may not send to: what is due for these waits, all else is sent'),
})
const settingsReport = z.object({
  organizationId: z.string(),
  configured: z.boolean().describe('False: the documented defaults are in force'),
  settings: settingsShape.nullable(),
  channels: z.record(z.enum(channels), channelShape),
})
const preferencesReport = (kind: 'patient' | 'client') =>
  z.object({
    recipientType: z.enum(recipientTypes),
    recipientId: entityId,
    organizationId: z.string(),
    preferences: preferencesShapes[kind].nullable(),
    decisions: z.array(
      z.object({
        category: z.enum(categories),
        channel: z.enum(channels),
        allowed: z.boolean(),
        rule: z.string(),
        because: z.string().describe('The rule in words'),
        reasons: z.array(z.string()),
        address: z.string().nullable(),
        addressNote: z.string().nullable().describe('Why the address cannot be used, or what is doubtful about it'),
        offsets: z.array(reminderOffset),
      }),
    ),
  })

/** Why somebody gets what they get. */
export function debugRoutes({ settings, owners }: Api, ids: HostIds): Route[] {
  const preferences = (kind: 'patient' | 'client', path: `/${string}`) => {
    const type: PreferenceRef['type'] = kind === 'patient' ? 'PATIENT' : 'CLIENT'
    const idName = `${kind}_id`
    return defineRoute({
      id: `debug.preferences.${kind}`,
      method: 'GET',
      path,
      summary: 'For every category and channel: would a message go out, where to, with which offsets, and if not, why',
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
          preferences: report.preferences === null ? null : showPreferenceRow(report.preferences),
          decisions: report.decisions.map((decision) => ({ ...decision, because: ruleTable[decision.rule] })),
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
      summary: 'How the channels of an organization would be served now, and by whom',
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
