import { z } from 'zod'
import { locale } from '../../schemas/common.ts'
import { templatesInput } from '../../schemas/settings.ts'
import { template } from '../../schemas/templates.ts'
import { channels, templateKeys } from '../../schemas/vocabulary.ts'
import { organizationNotFound } from '../../services/not-found.ts'
import { actorOf } from '../access.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { organizationOwner } from '../owners.ts'
import { showWarnings, warningShape } from '../shapes/common.ts'
import { templatesShape } from '../shapes/settings.ts'

const previewShape = z.object({
  channel: z.enum(channels),
  templateKey: z.enum(templateKeys),
  subject: z.string().nullable(),
  message: z.string(),
  html: z.string().nullable().describe('E-mail only: the message as escaped HTML'),
  segments: z.int().nullable().describe('SMS only: what it would cost'),
  encoding: z.string().nullable(),
  warnings: z.array(warningShape),
})

/** Message templates of organizations. */
export function templateRoutes({ settings, templates }: Api, ids: HostIds): Route[] {
  const params = z.strictObject({ organizationId: ids.organization })
  return [
    defineRoute({
      id: 'templates.get',
      method: 'GET',
      path: '/templates/{organization_id}',
      summary: "Read an organization's templates",
      params,
      query: nothing,
      body: nothing,
      responses: { 200: templatesShape },
      errors: ['settings_not_found'],
      access: {
        kind: 'members',
        staff: 'viewer',
        self: false,
        owner: ({ params }) => organizationOwner(params.organizationId),
      },
      handler: ({ owner }) => settings.getTemplates(owner.organizationId),
    }),
    defineRoute({
      id: 'templates.update',
      method: 'PUT',
      path: '/templates/{organization_id}',
      summary: 'Replace the templates named; null in place of a channel takes all of its templates back',
      params,
      query: nothing,
      body: templatesInput,
      responses: { 200: templatesShape },
      errors: ['settings_not_found', 'conflict', 'template_invalid'],
      example: { body: { email_templates: { appointment_reminder: 'Reminder: {date} at {time}.' } } },
      access: {
        kind: 'members',
        staff: 'admin',
        self: false,
        owner: ({ params }) => organizationOwner(params.organizationId),
      },
      async handler({ body, owner, caller }) {
        const updated = await settings.as(actorOf(caller)).updateTemplates(owner.organizationId, body)
        return { ...updated, warnings: showWarnings(updated.warnings) }
      },
    }),
    defineRoute({
      id: 'templates.preview',
      method: 'POST',
      path: '/templates/{organization_id}/preview',
      summary: 'Render a template, stored or drafted, for a made-up appointment; stores and sends nothing',
      params,
      query: nothing,
      body: z.strictObject({
        channel: z.enum(channels).default('EMAIL'),
        templateKey: z.enum(templateKeys),
        /** A draft. Left out: what is stored, else the built-in text. */
        template: template.optional(),
        locale: locale.optional(),
      }),
      responses: { 200: previewShape },
      errors: ['organization_not_found', 'template_invalid'],
      example: { body: { channel: 'SMS', template_key: 'appointment_reminder', template: 'Reminder: {time}' } },
      access: {
        kind: 'members',
        staff: 'viewer',
        self: false,
        owner: ({ params }) => organizationOwner(params.organizationId, organizationNotFound),
      },
      async handler({ body, owner }) {
        const preview = await templates.preview(owner.organizationId, body)
        return { ...preview, warnings: showWarnings(preview.warnings) }
      },
    }),
  ]
}
