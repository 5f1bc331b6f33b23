import { z } from 'zod'
import { organizationSettingsChange, organizationSettingsInput } from '../../schemas/settings.ts'
import { whatIfInput } from '../../services/insight/what-if.ts'
import { verifyOptions } from '../../services/settings/account-checks.ts'
import { testMessageOptions } from '../../services/settings/test-message.ts'
import { organizationNotFound } from '../../services/shared/not-found.ts'
import { actorOf, contactOf } from '../access.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { namedOrganization, organizationOwner } from '../owners.ts'
import { showWarnings } from '../shapes/common.ts'
import {
  accountChecksShape,
  readOnlyFields,
  settingsShape,
  showAccountResult,
  testMessageShape,
} from '../shapes/settings.ts'
import { showWhatIf, whatIfShape } from '../shapes/what-if.ts'
import { refusal } from '../snake-case.ts'

const example = {
  email_enabled: true,
  sms_enabled: true,
  email_smtp_host: 'smtp.gmail.com',
  email_smtp_port: 587,
  email_username: 'notifications@clinic.com',
  email_password: 'secure_password',
  email_from_address: 'notifications@clinic.com',
  email_from_name: 'Medical Clinic',
  default_email_reminders: [24, 2, 1],
  default_sms_reminders: [24, 2],
  email_templates: { appointment_confirmation: 'Your appointment has been confirmed for {date} at {time}.' },
  sms_templates: { appointment_confirmation: 'Appt confirmed: {date} at {time}' },
}

/** Notification settings of organizations. */
export function settingsRoutes({ settings, insight }: Api, ids: HostIds): Route[] {
  const params = z.strictObject({ organizationId: ids.organization })
  const ofOrganization = ({ params }: { readonly params: { readonly organizationId: string } }) =>
    organizationOwner(params.organizationId, organizationNotFound)
  return [
    defineRoute({
      id: 'settings.create',
      method: 'POST',
      path: '/settings/',
      summary:
        'Create the notification settings of an organization; a service names it, staff create those of their own',
      params: nothing,
      query: nothing,
      body: organizationSettingsInput.extend({ organizationId: ids.organization.optional() }),
      responses: { 201: settingsShape },
      errors: ['organization_not_found', 'already_exists', 'template_invalid', 'unknown_provider'],
      example: { body: example },
      access: {
        kind: 'members',
        staff: 'admin',
        self: false,
        owner: ({ body }, caller) => namedOrganization(body.organizationId, caller),
      },
      async handler({ body: { organizationId: _named, ...input }, owner, caller }) {
        const created = await settings.as(actorOf(caller)).createOrganizationSettings(owner.organizationId, input)
        return { ...created, warnings: showWarnings(created.warnings) }
      },
    }),
    defineRoute({
      id: 'settings.get',
      method: 'GET',
      path: '/settings/{organization_id}',
      summary: 'Read the notification settings of an organization; secrets are shown as set or not',
      params,
      query: nothing,
      body: nothing,
      responses: { 200: settingsShape },
      errors: ['settings_not_found'],
      access: {
        kind: 'members',
        staff: 'viewer',
        self: false,
        owner: ({ params }) => organizationOwner(params.organizationId),
      },
      handler: ({ owner }) => settings.getOrganizationSettings(owner.organizationId),
    }),
    defineRoute({
      id: 'settings.update',
      method: 'PUT',
      path: '/settings/{organization_id}',
      summary:
        'Change the given settings. Null restores the default, `********` leaves a secret as it is; a new host, port, username, provider or key requires the secrets again. A list of accounts replaces the stored one: an entry with an id keeps that account, one without is new',
      params,
      query: nothing,
      body: organizationSettingsChange.extend(readOnlyFields),
      responses: { 200: settingsShape },
      errors: ['settings_not_found', 'conflict', 'template_invalid', 'unknown_provider'],
      example: { body: { default_email_reminders: [48, 24, '30m'], sms_enabled: false } },
      access: {
        kind: 'members',
        staff: 'admin',
        self: false,
        owner: ({ params }) => organizationOwner(params.organizationId),
      },
      async handler({ body, owner, caller }) {
        const { id: _id, organizationId = owner.organizationId, createdAt: _at, updatedAt: _then, ...input } = body
        if (organizationId !== owner.organizationId) {
          throw refusal([{ field: 'organization_id', message: 'cannot be changed' }])
        }
        const updated = await settings.as(actorOf(caller)).updateOrganizationSettings(owner.organizationId, input)
        return { ...updated, warnings: showWarnings(updated.warnings) }
      },
    }),
    defineRoute({
      id: 'settings.what-if',
      method: 'POST',
      path: '/settings/{organization_id}/what-if',
      summary:
        'Compare the reminders of past appointments by the settings as they are and by changed ones, before these are saved: messages, cost, and who would get fewer',
      params,
      query: nothing,
      body: whatIfInput.omit({ organizationId: true }),
      responses: { 200: whatIfShape },
      errors: ['organization_not_found', 'template_invalid', 'unknown_provider'],
      example: { body: { settings: { default_sms_reminders: [24] } } },
      rateClass: 'sending',
      access: { kind: 'members', staff: 'admin', self: false, owner: ofOrganization },
      handler: async ({ body, owner: { organizationId } }) =>
        showWhatIf(await insight.whatIf({ ...body, organizationId })),
    }),
    defineRoute({
      id: 'settings.verify',
      method: 'POST',
      path: '/settings/{organization_id}/verify',
      summary:
        "Check the organization's own accounts, or one of them, without sending anything: each provider is asked to accept the stored credentials, within 12 s",
      params,
      query: nothing,
      body: verifyOptions,
      responses: { 200: accountChecksShape },
      errors: ['organization_not_found'],
      example: { body: {} },
      // It connects to servers that the organization names.
      rateClass: 'sending',
      access: { kind: 'members', staff: 'admin', self: false, owner: ofOrganization },
      async handler({ body, owner: { organizationId } }) {
        const checks = await settings.verifyAccounts(organizationId, body)
        return { organizationId, channels: checks.map(showAccountResult) }
      },
    }),
    defineRoute({
      id: 'settings.test',
      method: 'POST',
      path: '/settings/{organization_id}/test',
      summary:
        'Send one test message to the caller: to the `email` or `phone` that your application returns with the caller, never to an address of the request',
      params,
      query: nothing,
      body: testMessageOptions.omit({ idempotencyKey: true }),
      responses: { 201: testMessageShape },
      errors: ['organization_not_found'],
      example: { body: {} },
      rateClass: 'sending',
      access: { kind: 'members', staff: 'admin', self: false, owner: ofOrganization },
      async handler({ body, owner: { organizationId }, caller, idempotencyKey }) {
        const sent = await settings
          .as(actorOf(caller))
          .sendTestMessage(organizationId, contactOf(caller), { ...body, idempotencyKey })
        return { organizationId, ...showAccountResult(sent) }
      },
    }),
  ]
}
