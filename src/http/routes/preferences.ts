import { z } from 'zod'
import { isNotificationError } from '../../errors.ts'
import { type PreferenceRef, preferencesInput } from '../../schemas/preferences.ts'
import { recipientNotFound } from '../../services/shared/not-found.ts'
import { actorOf, type Caller, scopeOf } from '../access.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { namedRecipient, recipientOwner } from '../owners.ts'
import { showWarnings } from '../shapes/common.ts'
import { preferencesShapes, readOnlyFields, showPreferenceRow } from '../shapes/settings.ts'
import { refusal, wireName } from '../snake-case.ts'

const example = {
  email_enabled: true,
  sms_enabled: true,
  email_reminders: [24, 2, 1],
  sms_reminders: [24],
  appointment_confirmation: true,
  appointment_reminder: true,
  appointment_cancellation: true,
  appointment_reschedule: true,
  waitlist_notification: false,
  email_address: 'patient@email.com',
  phone_number: '+14155550100',
}

/** Preferences of patients or of clients: the same rows under two names. */
export function preferenceRoutes({ settings, owners }: Api, ids: HostIds, kind: 'patient' | 'client'): Route[] {
  const type: PreferenceRef['type'] = kind === 'patient' ? 'PATIENT' : 'CLIENT'
  const idName = `${kind}_id`
  const shape = preferencesShapes[kind]
  const params = z.strictObject({ recipientId: wireName(idName, ids.recipient) })
  const named = { recipientId: wireName(idName, ids.recipient.optional()) }
  const errorFields = { recipient: idName }
  /** The organization of the preferences, or if there are none, of the recipient. */
  const storedOrganization = async (
    { ref, locate }: ReturnType<typeof recipientOwner>,
    caller: Caller | null,
  ): Promise<string | null> => {
    try {
      return (await settings.within(scopeOf(caller)).getPreferences(ref)).organizationId
    } catch (error) {
      if (!isNotificationError(error) || error.code !== 'preferences_not_found') throw error
      return (await locate()).organizationId
    }
  }
  return [
    defineRoute({
      id: `preferences.${kind}.create`,
      method: 'POST',
      path: `/preferences/${kind}/`,
      summary: `Create the preferences of a ${kind}; a ${kind} creates their own`,
      params: nothing,
      query: nothing,
      body: preferencesInput.extend(named),
      responses: { 201: shape },
      errors: ['recipient_not_found', 'already_exists'],
      errorFields,
      example: { body: example },
      access: {
        kind: 'members',
        staff: 'admin',
        self: true,
        owner: ({ body }, caller) => namedRecipient(owners, type, body.recipientId, caller, idName),
      },
      async handler({ body: { recipientId: _named, ...input }, owner, caller }) {
        const { warnings, ...created } = await settings
          .as(actorOf(caller))
          .within(scopeOf(caller))
          .createPreferences(owner.ref, input)
        return { ...showPreferenceRow(caller, created), warnings: showWarnings(warnings) }
      },
    }),
    defineRoute({
      id: `preferences.${kind}.get`,
      method: 'GET',
      path: `/preferences/${kind}/{${idName}}`,
      summary: `Read the preferences of a ${kind}; null means inherited from the organization. Addresses are masked for viewers`,
      params,
      query: nothing,
      body: nothing,
      responses: { 200: shape },
      errors: ['preferences_not_found'],
      errorFields,
      access: {
        kind: 'members',
        staff: 'viewer',
        self: true,
        owner: ({ params }) => recipientOwner(owners, { type, id: params.recipientId }),
      },
      handler: async ({ owner, caller }) =>
        showPreferenceRow(caller, await settings.within(scopeOf(caller)).getPreferences(owner.ref)),
    }),
    defineRoute({
      id: `preferences.${kind}.update`,
      method: 'PUT',
      path: `/preferences/${kind}/{${idName}}`,
      summary: `Change the given preferences of a ${kind}, and create them if there are none; null inherits again`,
      params,
      query: nothing,
      body: preferencesInput.extend({ ...readOnlyFields, ...named }),
      responses: { 200: shape },
      errors: ['recipient_not_found'],
      errorFields,
      example: { body: { sms_enabled: false, email_reminders: null } },
      access: {
        kind: 'members',
        staff: 'admin',
        self: true,
        owner: ({ params }) => recipientOwner(owners, { type, id: params.recipientId }, recipientNotFound),
      },
      async handler({ body, owner, caller }) {
        const { id: _id, organizationId, createdAt: _at, updatedAt: _then, ...changes } = body
        const { recipientId = owner.ref.id, ...input } = changes
        if (organizationId !== undefined && organizationId !== (await storedOrganization(owner, caller))) {
          throw refusal([{ field: 'organization_id', message: 'cannot be changed' }])
        }
        if (recipientId !== owner.ref.id) throw refusal([{ field: idName, message: 'cannot be changed' }])
        const { warnings, ...updated } = await settings
          .as(actorOf(caller))
          .within(scopeOf(caller))
          .updatePreferences(owner.ref, input)
        return { ...showPreferenceRow(caller, updated), warnings: showWarnings(warnings) }
      },
    }),
  ]
}
