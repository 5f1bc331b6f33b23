import { z } from 'zod'
import { channels } from '../../channels/index.ts'
import { approvedTemplate, templateCategories } from '../../schemas/approved-templates.ts'
import { locale } from '../../schemas/common.ts'
import { messageCost } from '../../schemas/message-price.ts'
import { templatesInput } from '../../schemas/settings.ts'
import { template } from '../../schemas/templates.ts'
import { templateKeys } from '../../schemas/vocabulary.ts'
import { organizationNotFound } from '../../services/shared/not-found.ts'
import { actorOf } from '../access.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { organizationOwner } from '../owners.ts'
import { common, showWarnings, warningShape } from '../shapes/common.ts'
import { templatesShape } from '../shapes/settings.ts'

const templateKey = z.enum(templateKeys).describe('Which template')

const previewShape = z.object({
  channel: common.channel,
  templateKey,
  subject: z.string().nullable().describe('Rendered subject; null for an SMS'),
  message: z.string().describe('Rendered text'),
  html: z.string().nullable().describe('Rendered text as escaped HTML; null for an SMS'),
  template: z
    .object({
      name: z.string().describe("The provider's name of it"),
      language: z.string().describe('Language that it was approved in'),
      category: z.enum(templateCategories).describe('What the provider charges it as'),
      parameters: z
        .array(
          z.object({
            key: z.string().describe('What the template has between braces: a number, or a name'),
            name: z.string().describe('Variable'),
            value: z.string().describe('Its value in the message'),
          }),
        )
        .describe('In the order of the template'),
    })
    .nullable()
    .describe('The approved template with its values; null on channels with texts of their own'),
  segments: z.int().nullable().describe('Number of SMS segments; null for an e-mail'),
  encoding: z
    .string()
    .nullable()
    .describe('SMS encoding, which decides how much fits into a segment; null for an e-mail'),
  cost: messageCost
    .nullable()
    .describe('Price by `message_prices`, to a number of the default country; null if there is none'),
  warnings: z.array(warningShape).describe('What was accepted and deserves a second look'),
})

/** Message templates of organizations. */
export function templateRoutes({ settings, templates }: Api, ids: HostIds): Route[] {
  const params = z.strictObject({ organizationId: ids.organization })
  return [
    defineRoute({
      id: 'templates.get',
      method: 'GET',
      path: '/templates/{organization_id}',
      summary: 'Read the templates of an organization',
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
      summary: 'Replace the given templates; null for a channel removes all of its templates',
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
      summary: 'Render a stored or draft template for a sample appointment; stores and sends nothing',
      params,
      query: nothing,
      body: z.strictObject({
        channel: z.enum(channels).default('EMAIL').describe('Channel. Default `EMAIL`'),
        templateKey,
        template: template.optional().describe('Draft to render. Default: the stored template, else the built-in text'),
        approvedTemplate: approvedTemplate
          .optional()
          .describe('Draft to render on a channel of approved templates. Default: the stored one in the language'),
        locale: locale.optional().describe('Language of the recipient (BCP 47). Default: that of the organization'),
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
