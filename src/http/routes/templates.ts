import { z } from 'zod'
import { channels } from '../../channels/index.ts'
import { approvedTemplate, templateCategories } from '../../schemas/approved-templates.ts'
import { locale } from '../../schemas/common.ts'
import { messageCost } from '../../schemas/message-price.ts'
import { templatesInput } from '../../schemas/settings.ts'
import { template } from '../../schemas/templates.ts'
import { audiences, templateKeys } from '../../schemas/vocabulary.ts'
import type { TemplatePreview } from '../../services/messages/template-preview.ts'
import { testMessageOptions } from '../../services/settings/test-message.ts'
import { organizationNotFound } from '../../services/shared/not-found.ts'
import { actorOf, contactOf } from '../access.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { organizationOwner } from '../owners.ts'
import { common, showWarnings, warningShape } from '../shapes/common.ts'
import { showAccountResult, templatesShape, testMessageShape } from '../shapes/settings.ts'

const templateKey = z.enum(templateKeys).describe('Which template')

const preview = {
  channel: common.channel,
  templateKey,
  locale: z.string().nullable().describe('Language of the recipient; null: that of the organization'),
  audience: z.enum(audiences).describe('Who reads it'),
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
}

const previewShape = z.object({
  ...preview,
  previews: z
    .array(z.object(preview))
    .describe('One for each channel, language and audience asked for; the fields beside it are those of the first'),
})

/** What a preview and a test are made of. */
const rendering = {
  channel: z.enum(channels).default('EMAIL').describe('Channel. Default `EMAIL`'),
  templateKey,
  template: template.optional().describe('Draft to render. Default: the stored template, else the built-in text'),
  approvedTemplate: approvedTemplate
    .optional()
    .describe('Draft to render on a channel of approved templates. Default: the stored one in the language'),
  version: z
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .optional()
    .describe('Version of the templates. Default: what is published'),
  locale: locale.optional().describe('Language of the recipient (BCP 47). Default: that of the organization'),
  audience: z.enum(audiences).optional().describe('Who reads it. Default `person`'),
  kind: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .optional()
    .describe('Kind of appointment. Default: that of the appointment, or none'),
}

const showPreview = (one: TemplatePreview) => ({ ...one, warnings: showWarnings(one.warnings) })

/** Message templates of organizations. */
export function templateRoutes({ settings, templates }: Api, ids: HostIds): Route[] {
  const params = z.strictObject({ organizationId: ids.organization })
  const ofOrganization = ({ params }: { readonly params: { readonly organizationId: string } }) =>
    organizationOwner(params.organizationId, organizationNotFound)
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
      version: 'optional',
      errors: ['settings_not_found', 'conflict', 'template_invalid'],
      example: { body: { email_templates: { appointment_reminder: 'Reminder: {date} at {time}.' } } },
      access: {
        kind: 'members',
        staff: 'admin',
        self: false,
        owner: ({ params }) => organizationOwner(params.organizationId),
      },
      async handler({ body, owner, caller, basedOn }) {
        const updated = await settings.as(actorOf(caller)).updateTemplates(owner.organizationId, body, { basedOn })
        return { ...updated, warnings: showWarnings(updated.warnings) }
      },
    }),
    defineRoute({
      id: 'templates.preview',
      method: 'POST',
      path: '/templates/{organization_id}/preview',
      summary:
        'Render stored or draft templates for each channel, language and audience asked for, with a sample appointment or one of yours; stores and sends nothing',
      params,
      query: nothing,
      body: z.strictObject({
        ...rendering,
        appointmentId: ids.appointment
          .optional()
          .describe('Appointment of the organization whose data is shown. Default: one that does not exist'),
        channels: z
          .array(z.enum(channels))
          .min(1)
          .max(channels.length)
          .optional()
          .describe('Channels. Default: `channel`'),
        locales: z
          .array(locale)
          .min(1)
          .max(30)
          .optional()
          .describe('Languages of recipients (BCP 47). Default: `locale`'),
        audiences: z.array(z.enum(audiences)).min(1).max(2).optional().describe('Readers. Default: `audience`'),
      }),
      responses: { 200: previewShape },
      errors: ['organization_not_found', 'appointment_not_found', 'template_version_not_found', 'template_invalid'],
      example: { body: { channel: 'SMS', template_key: 'appointment_reminder', template: 'Reminder: {time}' } },
      access: { kind: 'members', staff: 'viewer', self: false, owner: ofOrganization },
      async handler({ body, owner }) {
        const previews = (await templates.previews(owner.organizationId, body)).map(showPreview)
        const [first] = previews
        if (first === undefined) throw new TypeError('there is a preview for each channel')
        return { ...first, previews }
      },
    }),
    defineRoute({
      id: 'templates.test',
      method: 'POST',
      path: '/templates/{organization_id}/test',
      summary:
        'Send a stored or draft template for a sample appointment to the caller: to the `email` or `phone` that your application returns with the caller, never to an address of the request',
      params,
      query: nothing,
      body: z.strictObject({ ...rendering, accountId: testMessageOptions.shape.accountId }),
      responses: { 201: testMessageShape },
      errors: ['organization_not_found', 'template_version_not_found', 'template_invalid'],
      example: { body: { template_key: 'appointment_reminder' } },
      rateClass: 'sending',
      access: { kind: 'members', staff: 'admin', self: false, owner: ofOrganization },
      async handler({ body: { accountId, ...request }, owner: { organizationId }, caller, idempotencyKey }) {
        const { channel, subject, message: text, html, template } = await templates.preview(organizationId, request)
        const sent = await settings
          .as(actorOf(caller))
          .sendTestMessage(
            organizationId,
            contactOf(caller),
            { channel, accountId, idempotencyKey },
            { subject, text, html, template },
          )
        return { organizationId, ...showAccountResult(sent) }
      },
    }),
  ]
}
