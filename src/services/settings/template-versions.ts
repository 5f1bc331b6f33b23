import { z } from 'zod'
import { channelOf, channels } from '../../channels/index.ts'
import { type FieldIssue, issuesInWords, NotificationError } from '../../errors.ts'
import { askVariable, droppedNames, linkOf } from '../../messages/index.ts'
import type { SettingsRow, TemplateVersionRow } from '../../ports/storage.ts'
import { type Actor, actorSchema, serviceActor } from '../../schemas/audit.ts'
import { channelSettings, patched, templated } from '../../schemas/channel-settings.ts'
import { fieldInvalid, organizationId, parseField, parseInput, type Warning } from '../../schemas/common.ts'
import { definedOnly } from '../../schemas/defined.ts'
import { emptySettings, type Templates, type TemplatesInput, templatesInput } from '../../schemas/settings.ts'
import { changesBetween, contentOf, type TemplateVersion, type TextChange } from '../../schemas/template-versions.ts'
import type { Context } from '../shared/context.ts'
import { templateVersionNotFound } from '../shared/not-found.ts'
import { makingOf } from '../shared/settings-view.ts'
import {
  changeAttempts,
  changedMeanwhile,
  changeSettings,
  mergedTemplates,
  replansTexts,
  settingsRow,
} from './settings-patch.ts'
import { checkTexts } from './template-checks.ts'

const number = z
  .int()
  .min(1)
  .max(2 ** 31 - 1)

export const versionFilter = z.strictObject({
  /** `nextCursor` of the previous page. Default: the newest versions. */
  cursor: number.optional(),
  /** Page size, 1 to 200. Default 50. */
  limit: z.int().min(1).max(200).optional(),
})
/** Which page of versions to list. */
export type VersionFilter = z.input<typeof versionFilter>

/** A page of template versions, newest first. */
export type VersionPage = {
  /** The version in use now; null: none was published. */
  readonly published: number | null
  /** Newest first. */
  readonly versions: readonly TemplateVersion[]
  /** `cursor` of the next page; null on the last. */
  readonly nextCursor: number | null
}

/**
 * Something that the published texts say and the draft no longer does, such as `emailTemplates.appointment_reminder`, "no
 * longer says {location}". Publishing requires confirming it.
 */
type Dropped = FieldIssue

/** Whoever works on more at once has forgotten most of them. */
const mostDrafts = 100

/** A draft that was saved. */
export type DraftResult = TemplateVersion & {
  readonly warnings: readonly Warning[]
  /** What publishing the draft takes away, and so requires `confirm`; unless another version is published in between. */
  readonly dropped: readonly Dropped[]
}
/** A version with its texts. */
export type VersionTexts = TemplateVersion & Templates
/** Options of publishing a version. */
export type PublishOptions = {
  /**
   * The version that was published when you began the change; null: none. If another one is published by now, the call
   * rejects with `version_outdated`.
   */
  readonly basedOn: number | null
  /**
   * True: it may remove variables and answers from the texts, and revert what was published after the draft was made.
   * Default false: that rejects with `confirmation_required`.
   */
  readonly confirm?: boolean | undefined
}
/** The version that is now published. */
export type PublishResult = TemplateVersion & { readonly warnings: readonly Warning[] }

/**
 * Versions of an organization's templates: drafts, and what was published, by whom and when. A version never changes.
 *
 * Besides the errors listed, every method may reject with NotificationError `invalid_input`, `settings_not_found`,
 * `storage_busy`, `storage_failed`, `storage_closed` or `migration_missing`.
 */
export class TemplateVersions {
  readonly #context: Context
  readonly #actor: Actor

  constructor(context: Context, actor: Actor = serviceActor) {
    this.#context = context
    this.#actor = actor
  }

  /** The same service, acting for `actor` in the audit log: `as({ kind: 'staff', id: 7 })`. Checks no permissions. */
  as(actor: Actor): TemplateVersions {
    return new TemplateVersions(this.#context, parseInput(actorSchema, actor, 'actor'))
  }

  /** A page of the organization's versions, newest first. */
  async list(id: string, filter: VersionFilter = {}): Promise<VersionPage> {
    const { cursor: before, limit = 50 } = parseInput(versionFilter, filter, 'filter')
    const { templateVersion: published, organizationId } = await settingsRow(this.#context, checked(id))
    const { templateVersions } = this.#context.options.storage
    const found = await templateVersions.list({
      organizationId,
      limit: limit + 1,
      ...(before === undefined ? {} : { before }),
    })
    const versions = found.slice(0, limit)
    return { published, versions, nextCursor: found.length > limit ? (versions.at(-1)?.version ?? null) : null }
  }

  /** A version with its texts. @throws NotificationError `template_version_not_found`. */
  async get(id: string, version: number): Promise<VersionTexts> {
    const { content, organizationId: _, ...about } = await this.#row(id, version)
    return { ...about, ...textsOf(content) }
  }

  /**
   * Saves a draft: the published templates, with the given ones in their place. It is not used in messages before it is
   * published.
   * @throws NotificationError `template_invalid`, `conflict`; `invalid_input` also if the organization already has 100
   * drafts.
   */
  async draft(id: string, input: TemplatesInput): Promise<DraftResult> {
    const given = parseInput(templatesInput, input, 'templates')
    const { storage, clock } = this.#context.options
    await this.#requireRoom(checked(id))
    for (let attempt = 0; attempt < changeAttempts; attempt += 1) {
      const before = await settingsRow(this.#context, checked(id))
      const patch = definedOnly(mergedTemplates(before, given))
      const after = patched(before, patch)
      const warnings = await checkTexts(this.#context, after, patch)
      const { organizationId, templateVersion: basedOn } = before
      const draft = { organizationId, basedOn, content: contentOf(after), at: clock.now(), by: this.#actor }
      const made = await storage.templateVersions.draft(draft)
      if (made !== null) return { ...made, warnings, dropped: droppedBy(this.#context, before, after) }
    }
    throw changedMeanwhile(id)
  }

  /**
   * Deletes a draft. Its number is not used again.
   * @throws NotificationError `template_version_not_found`; `invalid_input`: the version was published, and stays.
   */
  async discard(id: string, version: number): Promise<TemplateVersion> {
    const { organizationId } = await this.#row(id, version)
    const { storage, clock } = this.#context.options
    const at = clock.now()
    const draft = await storage.templateVersions.discard({ organizationId, version, at, by: this.#actor })
    if (draft !== null) return draft
    // It was published, or discarded by somebody else at the same time.
    await this.#row(id, version)
    throw fieldInvalid('version', `must be a draft: version ${version} was published, and stays`)
  }

  /**
   * The texts in which `version` differs from version `from`. Default: from the published one.
   * @throws NotificationError `template_version_not_found`.
   */
  async diff(id: string, version: number, from?: number): Promise<readonly TextChange[]> {
    const [to, before] = await Promise.all([
      this.#row(id, version),
      from === undefined ? settingsRow(this.#context, checked(id)) : this.#row(id, from),
    ])
    return changesBetween('content' in before ? before.content : contentOf(before), to.content)
  }

  /**
   * Publishes a draft: messages use it from now on. Publishing a version that was published before makes a new version with
   * its texts, to roll back.
   * @throws NotificationError `template_version_not_found`; `version_outdated`: another version than `basedOn` is published;
   * `confirmation_required`: it removes a variable or an answer, or reverts what was published after the draft was made
   * (`issues` has each); `template_invalid`, `conflict`.
   */
  async publish(id: string, version: number, { basedOn, confirm = false }: PublishOptions): Promise<PublishResult> {
    const draft = await this.#row(id, version)
    const { content, organizationId } = draft
    let warnings: readonly Warning[] = []
    const row = await changeSettings(this.#context, this.#actor, organizationId, async (before) => {
      requireVersion(before, basedOn)
      const after = patched(before, content)
      warnings = await checkTexts(this.#context, after, content)
      const issues = [...droppedBy(this.#context, before, after), ...(await this.#undoneBy(draft, before))]
      if (issues.length > 0 && !confirm) {
        throw new NotificationError(
          'confirmation_required',
          `Version ${version} changes what is published: ${issuesInWords(issues)}. Confirm that to publish it, or write a new draft.`,
          { issues },
        )
      }
      return { patch: content, replans: replansTexts(this.#context), publishes: version }
    })
    const published = await this.#row(organizationId, row.templateVersion ?? version)
    const { content: _content, organizationId: _id, ...about } = published
    return { ...about, warnings }
  }

  /** Texts that somebody published since the draft was made, and that it has otherwise. Whoever goes back to an earlier version means to undo them. */
  async #undoneBy({ content, basedOn, publishedAt }: TemplateVersionRow, before: SettingsRow): Promise<FieldIssue[]> {
    if (publishedAt !== null || basedOn === before.templateVersion) return []
    const then = basedOn === null ? emptySettings : (await this.#row(before.organizationId, basedOn)).content
    const now = contentOf(before)
    const published = new Set(changesBetween(contentOf(then), now).map(({ field }) => field))
    return changesBetween(now, content)
      .filter(({ field }) => published.has(field))
      .map(({ field }) => ({ field, message: 'undoes what was published since the draft was made' }))
  }

  /** Requests at the same time may pass it by a few. @throws NotificationError `invalid_input` where there are too many drafts. */
  async #requireRoom(organizationId: string): Promise<void> {
    const drafts = await this.#context.options.storage.templateVersions.drafts(organizationId, mostDrafts)
    if (drafts.length < mostDrafts) return
    throw new NotificationError(
      'invalid_input',
      `Organization ${organizationId} has ${mostDrafts} drafts, as many as it may keep: publish or discard one first, such as version ${drafts[0]}, the oldest.`,
    )
  }

  async #row(id: string, version: number): Promise<TemplateVersionRow> {
    const { templateVersions } = this.#context.options.storage
    const row = await templateVersions.get(checked(id), parseField(number, version, 'version'))
    if (row === null) throw templateVersionNotFound(version)
    return row
  }
}

/** The templates that messages use now. */
export type PublishedTemplates = Templates & {
  /** Number of the published version; null: there are no templates, or they were stored before there were versions. */
  readonly version: number | null
}

export const publishedTemplates = (row: SettingsRow): PublishedTemplates => ({
  ...textsOf(contentOf(row)),
  version: row.templateVersion,
})

const checked = (id: string): string => parseField(organizationId, id, 'organizationId')

function textsOf(content: TemplateVersionRow['content']): Templates {
  const { emailTemplates, smsTemplates, templatePartials } = content
  return {
    emailTemplates: emailTemplates ?? {},
    smsTemplates: smsTemplates ?? {},
    templatePartials: templatePartials ?? {},
  }
}

/** @throws NotificationError `version_outdated`: whoever wrote a change has not seen what is published by now. */
export function requireVersion({ templateVersion }: SettingsRow, basedOn: number | null): void {
  if (templateVersion === basedOn) return
  const now = templateVersion === null ? 'no version is published' : `version ${templateVersion} is published`
  const then = basedOn === null ? 'before any version was published' : `from version ${basedOn}`
  throw new NotificationError(
    'version_outdated',
    `The change was made ${then}, but ${now} now: read the published templates, and make the change again.`,
    { field: 'basedOn' },
  )
}

/** What readers of a channel and category no longer find in its texts. */
function droppedBy(context: Context, before: SettingsRow, after: SettingsRow): Dropped[] {
  return channels.flatMap((channel) => {
    const { content } = channelOf(channel)
    if (content.kind !== 'text') return []
    const texts = (row: SettingsRow) => ({
      templates: channelSettings(row, channel).templates,
      making: makingOf(context.options, row),
    })
    return droppedNames(templated(channel, content), texts(before), texts(after)).map(({ field, name }) => ({
      field,
      message:
        linkOf(name) === null && name !== askVariable ? `no longer says {${name}}` : `no longer offers {${name}}`,
    }))
  })
}
