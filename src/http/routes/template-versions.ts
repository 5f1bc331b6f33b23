import { z } from 'zod'
import { actorKinds } from '../../schemas/audit.ts'
import { toSnake } from '../../schemas/fields.ts'
import { templatesInput } from '../../schemas/settings.ts'
import type { TemplateVersion } from '../../schemas/template-versions.ts'
import { actorOf } from '../access.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { organizationOwner } from '../owners.ts'
import { showWarnings, warningShape } from '../shapes/common.ts'

const number = z
  .int()
  .min(1)
  .max(2 ** 31 - 1)

const actor = { kind: z.enum(actorKinds), id: z.union([z.int(), z.string()]).nullable() }

const versionShape = z.object({
  version: z.int().describe('Number of the version, 1 and on'),
  basedOn: z.int().nullable().describe('Version that was published when it was written; null: none was'),
  createdAt: z.date().describe('When it was written'),
  createdByKind: actor.kind.describe('Who wrote it'),
  createdById: actor.id.describe('Id of who wrote it; null if unknown'),
  publishedAt: z.date().nullable().describe('When it was published; null: it is a draft'),
  publishedByKind: actor.kind.nullable().describe('Who published it; null: nobody did'),
  publishedById: actor.id.describe('Id of who published it; null if unknown'),
})

const shown = ({ createdBy, publishedBy, ...version }: TemplateVersion) => ({
  ...version,
  createdByKind: createdBy.kind,
  createdById: createdBy.id,
  publishedByKind: publishedBy?.kind ?? null,
  publishedById: publishedBy?.id ?? null,
})

const warnings = z.array(warningShape).describe('What was accepted and deserves a second look')
const dropped = z
  .array(
    z.object({
      field: z.string().describe('The template, such as `email_templates.appointment_reminder`'),
      message: z.string().describe('What its messages no longer say'),
    }),
  )
  .describe('Variables and answers that publishing it would take away, and has to confirm')
const text = z.string().nullable()

/** Versions of an organization's templates: drafts, what was published, and who did it. */
export function templateVersionRoutes({ templateVersions }: Api, ids: HostIds): Route[] {
  const params = z.strictObject({ organizationId: ids.organization })
  const ofVersion = params.extend({ version: number.describe('Number of the version') })
  const owner = ({ params }: { readonly params: { readonly organizationId: string } }) =>
    organizationOwner(params.organizationId)
  return [
    defineRoute({
      id: 'templates.versions',
      method: 'GET',
      path: '/templates/{organization_id}/versions',
      summary: 'List the versions of the templates, the newest first: drafts, and what was published',
      params,
      query: z.strictObject({
        cursor: number.optional().describe('`next_cursor` of the previous page'),
        limit: z.int().min(1).max(200).optional().describe('Page size. Default 50'),
      }),
      body: nothing,
      responses: {
        200: z.object({
          published: z.int().nullable().describe('The version that messages are made of; null: none is'),
          versions: z.array(versionShape).describe('The versions of this page'),
          nextCursor: z.int().nullable().describe('Value of `cursor` for the next page; null on the last page'),
        }),
      },
      errors: ['settings_not_found'],
      example: { query: { limit: '50' } },
      access: { kind: 'members', staff: 'viewer', self: false, owner },
      async handler({ query: { cursor, limit }, owner: { organizationId } }) {
        const filter = { ...(cursor === undefined ? {} : { cursor }), ...(limit === undefined ? {} : { limit }) }
        const page = await templateVersions.list(organizationId, filter)
        return { ...page, versions: page.versions.map(shown) }
      },
    }),
    defineRoute({
      id: 'templates.draft',
      method: 'POST',
      path: '/templates/{organization_id}/versions',
      summary: 'Keep a draft: the published templates, with the given ones in place of theirs. Nothing is sent by it',
      params,
      query: nothing,
      body: templatesInput,
      responses: { 201: versionShape.extend({ warnings, dropped }) },
      errors: ['settings_not_found', 'conflict', 'template_invalid'],
      example: { body: { email_templates: { appointment_reminder: 'Reminder: {date} at {time}.' } } },
      access: { kind: 'members', staff: 'admin', self: false, owner },
      async handler({ body, owner: { organizationId }, caller }) {
        const { warnings, dropped, ...draft } = await templateVersions.as(actorOf(caller)).draft(organizationId, body)
        return {
          ...shown(draft),
          warnings: showWarnings(warnings),
          dropped: dropped.map((one) => ({ ...one, field: toSnake(one.field) })),
        }
      },
    }),
    defineRoute({
      id: 'templates.version',
      method: 'GET',
      path: '/templates/{organization_id}/versions/{version}',
      summary: 'Read a version of the templates',
      params: ofVersion,
      query: nothing,
      body: nothing,
      responses: { 200: versionShape.extend(templatesInput.required().shape) },
      errors: ['settings_not_found', 'template_version_not_found'],
      example: { params: { version: '1' } },
      access: { kind: 'members', staff: 'viewer', self: false, owner },
      async handler({ params: { version }, owner: { organizationId } }) {
        const { emailTemplates, smsTemplates, templatePartials, ...about } = await templateVersions.get(
          organizationId,
          version,
        )
        return { ...shown(about), emailTemplates, smsTemplates, templatePartials }
      },
    }),
    defineRoute({
      id: 'templates.discard',
      method: 'DELETE',
      path: '/templates/{organization_id}/versions/{version}',
      summary: 'Discard a draft. What was published stays',
      params: ofVersion,
      query: nothing,
      body: nothing,
      responses: { 200: versionShape },
      errors: ['settings_not_found', 'template_version_not_found'],
      example: { params: { version: '2' } },
      access: { kind: 'members', staff: 'admin', self: false, owner },
      async handler({ params: { version }, owner: { organizationId }, caller }) {
        return shown(await templateVersions.as(actorOf(caller)).discard(organizationId, version))
      },
    }),
    defineRoute({
      id: 'templates.diff',
      method: 'GET',
      path: '/templates/{organization_id}/versions/{version}/diff',
      summary: 'Compare a version with the published templates, or with another version, text by text',
      params: ofVersion,
      query: z.strictObject({
        from: number.optional().describe('Version to compare with. Default: what is published'),
      }),
      body: nothing,
      responses: {
        200: z.object({
          changes: z
            .array(
              z.object({
                field: z.string().describe('The text, such as `email_templates.appointment_reminder.body`'),
                from: text.describe('What it was; null: it was not there'),
                to: text.describe('What it is in the version; null: it is not there'),
              }),
            )
            .describe('The texts that differ'),
        }),
      },
      errors: ['settings_not_found', 'template_version_not_found'],
      example: { params: { version: '1' } },
      access: { kind: 'members', staff: 'viewer', self: false, owner },
      async handler({ params: { version }, query: { from }, owner: { organizationId } }) {
        const changes = await templateVersions.diff(organizationId, version, from)
        return { changes: changes.map((one) => ({ ...one, field: toSnake(one.field) })) }
      },
    }),
    defineRoute({
      id: 'templates.publish',
      method: 'POST',
      path: '/templates/{organization_id}/versions/{version}/publish',
      summary:
        'Publish a draft, so that messages are made of it; or an earlier version once more, which becomes a new one (roll back)',
      params: ofVersion,
      query: nothing,
      body: z.strictObject({
        confirm: z
          .boolean()
          .default(false)
          .describe(
            'True: it may take variables and answers away, and undo what was published since the draft was made. Default false',
          ),
      }),
      version: 'required',
      responses: { 200: versionShape.extend({ warnings }) },
      errors: [
        'settings_not_found',
        'template_version_not_found',
        'conflict',
        'confirmation_required',
        'template_invalid',
      ],
      example: { params: { version: '1' }, body: { confirm: true } },
      access: { kind: 'members', staff: 'admin', self: false, owner },
      async handler({ params: { version }, body: { confirm }, owner: { organizationId }, caller, basedOn = null }) {
        const { warnings, ...published } = await templateVersions
          .as(actorOf(caller))
          .publish(organizationId, version, { basedOn, confirm })
        return { ...shown(published), warnings: showWarnings(warnings) }
      },
    }),
  ]
}
