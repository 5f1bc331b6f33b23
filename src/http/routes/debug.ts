import { z } from 'zod'
import { entityId } from '../../schemas/common.ts'
import { reminderOffset } from '../../schemas/offset.ts'
import type { PreferenceRef } from '../../schemas/preferences.ts'
import { categories, channels, recipientTypes, ruleTable } from '../../schemas/vocabulary.ts'
import { noOrganization, noRecipient } from '../../services/missing.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { organizationOwner, recipientOwner } from '../owners.ts'
import { preferencesShape, settingsShape, showPreferenceRow } from '../shapes/settings.ts'
import { wireName } from '../snake-case.ts'

const channelShape = z.object({
  enabled: z.boolean(),
  provider: z.string().nullable(),
  source: z.enum(['organization', 'default', 'transport']).nullable(),
  /** The rule why there is no provider. */
  fault: z.string().nullable(),
})
const settingsReport = z.object({
  organizationId: z.string(),
  /** False: the documented defaults are in force. */
  configured: z.boolean(),
  settings: settingsShape.nullable(),
  channels: z.record(z.enum(channels), channelShape),
})
const preferencesReport = (idName: string) =>
  z.object({
    recipientType: z.enum(recipientTypes),
    recipientId: entityId,
    organizationId: z.string(),
    preferences: preferencesShape(idName).nullable(),
    decisions: z.array(
      z.object({
        category: z.enum(categories),
        channel: z.enum(channels),
        allowed: z.boolean(),
        rule: z.string(),
        /** The rule in words. */
        because: z.string(),
        reasons: z.array(z.string()),
        address: z.string().nullable(),
        offsets: z.array(reminderOffset),
      }),
    ),
  })

/** Why somebody gets what they get. */
export function debugRoutes({ settings, owners }: Api, ids: HostIds): Route[] {
  const preferences = (type: PreferenceRef['type'], idName: string, path: `/${string}`) =>
    defineRoute({
      id: `debug.preferences.${idName.replace('_id', '')}`,
      method: 'GET',
      path,
      summary: 'For every category and channel: would a message go out, where to, with which offsets, and if not, why',
      params: z.strictObject({ recipientId: wireName(idName, ids.recipient) }),
      query: nothing,
      body: nothing,
      responses: { 200: preferencesReport(idName) },
      errors: ['recipient_not_found'],
      errorFields: { recipient: idName },
      access: {
        kind: 'members',
        staff: 'admin',
        self: false,
        owner: ({ params }) => recipientOwner(owners, { type, id: params.recipientId }, noRecipient),
      },
      async handler({ owner }) {
        const report = await settings.effectivePreferences(owner.ref)
        return {
          recipientType: report.recipient.type,
          recipientId: report.recipient.id,
          organizationId: report.organizationId,
          preferences: report.preferences === null ? null : showPreferenceRow(report.preferences),
          decisions: report.decisions.map((decision) => ({ ...decision, because: ruleTable[decision.rule] })),
        }
      },
    })
  return [
    preferences('PATIENT', 'patient_id', '/debug/preferences/{patient_id}'),
    preferences('CLIENT', 'client_id', '/debug/preferences/client/{client_id}'),
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
        owner: ({ params }) => organizationOwner(params.organizationId, noOrganization),
      },
      handler: ({ owner }) => settings.effectiveSettings(owner.organizationId),
    }),
  ]
}
