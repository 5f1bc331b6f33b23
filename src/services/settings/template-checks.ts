import { email } from '../../channels/email.ts'
import { type Channel, channelOf, channels } from '../../channels/index.ts'
import { detailFor } from '../../domain/effective.ts'
import { issuesInWords, NotificationError } from '../../errors.ts'
import {
  approvedDetailWarnings,
  checkPartials,
  checkTemplates,
  clipping,
  compiledOnce,
  detailWarnings,
  linkOf,
  linksNamed,
  type Making,
  renderMessage,
  sampleFacts,
} from '../../messages/index.ts'
import type { SettingsRow } from '../../ports/storage.ts'
import {
  type ChannelSettings,
  channelSettings,
  isWritten,
  nameOf,
  templated,
  templatesPlace,
} from '../../schemas/channel-settings.ts'
import type { Warning } from '../../schemas/common.ts'
import { isAnswerPurpose } from '../../schemas/link.ts'
import type { SettingsValues } from '../../schemas/settings.ts'
import type { Category } from '../../schemas/vocabulary.ts'
import type { Context } from '../shared/context.ts'
import { frameOf, makingOf, policyOf } from '../shared/settings-view.ts'
import { requireApprovedTemplates } from './approved-templates.ts'
import { listWarnings, requireHeardAnswers } from './asked-answers.ts'

/**
 * Checks the texts that a change of settings is about, with what they would be made of then.
 * @returns what is accepted and deserves a second look.
 * @throws NotificationError `template_invalid` with every fault; `invalid_input` for templates that are missing, or that ask what nobody
 * hears; `directory_failed` where the directory does not say the organization's language.
 */
export async function checkTexts(
  { options, ...rest }: Context,
  after: SettingsRow,
  patch: Partial<SettingsValues>,
): Promise<Warning[]> {
  const context = { ...rest, options: { ...options, compilers: compiledOnce(options.compilers) } }
  if (patch.templatePartials !== undefined)
    checkPartials('templatePartials', after.templatePartials ?? {}, context.options.compilers)
  const making = { ...makingOf(context.options, after), frame: frameOf(context.options, after, sampleClinic) }
  const ofTemplates = channels
    .filter((channel) => isWritten(patch, channel))
    .flatMap((channel) => {
      const { content } = channelOf(channel)
      const written = { channel, making, ...channelSettings(after, channel) }
      requireLinks(context, written)
      return content.kind === 'text' ? checkTemplates(templated(channel, content), written.templates, making) : []
    })
  return [
    ...ofTemplates,
    ...layoutWarnings(making, patch),
    ...(await requireApprovedTemplates(context, after, patch)),
    ...requireHeardAnswers(context, after, patch),
    ...listWarnings(context, after),
    ...withheldTemplates(context, after, patch),
  ]
}

/** In whose name the mails are that are measured. */
const sampleClinic = { name: sampleFacts('REMINDER').organizationName }

/** A layout that leaves no room even for the library's own text. */
function layoutWarnings({ frame }: Making, { mailLayout = null }: Partial<SettingsValues>): Warning[] {
  if (mailLayout === null) return []
  const channel = templated(email.name, email.content)
  const { html } = renderMessage({ channel, facts: sampleFacts('REMINDER'), templates: {}, frame })
  return clipping(html, 'mailLayout')
}

/** Templates that would not be sent because of the levels of detail in force, where the patch is about one or the other. */
function withheldTemplates(context: Context, after: SettingsRow, patch: Partial<SettingsValues>): Warning[] {
  const policy = policyOf(after)
  return channels.flatMap((channel) => {
    const isAbout = patch.detailLevels !== undefined || isWritten(patch, channel)
    if (!isAbout) return []
    const { content } = channelOf(channel)
    const { templates, approvedTemplates } = channelSettings(after, channel)
    const levelFor = (category: Category) => detailFor({ policy, preferences: null }, channel, category)
    return content.kind === 'text'
      ? detailWarnings(templated(channel, content), templates, levelFor, makingOf(context.options, after))
      : approvedDetailWarnings(templated(channel, content), approvedTemplates, levelFor)
  })
}

type Written = Pick<ChannelSettings, 'templates' | 'approvedTemplates'> & {
  readonly channel: Channel
  readonly making: Making
}

const hookOf = { confirm: 'onConfirm', change: 'onChangeRequest', cancel: 'onCancelRequest' } as const

/** Why nothing would come of a link; null: something would. */
function linkFault({ links, options }: Context, name: string): string | null {
  if (links.base === null) {
    return 'which needs the option "publicUrl" of createNotifications(), where the links lead, and an encryption key'
  }
  const purpose = linkOf(name)
  if (purpose === null || !isAnswerPurpose(purpose)) return null
  const hook = hookOf[purpose]
  return options.hooks[hook] === undefined ? `and nobody hears the answer: set "hooks" with ${hook}` : null
}

/** @throws NotificationError `template_invalid` for templates with links that lead nowhere. */
function requireLinks(context: Context, written: Written): void {
  const { channel, templates, approvedTemplates, making } = written
  const { content } = channelOf(channel)
  const named =
    content.kind === 'text'
      ? linksNamed(templated(channel, content), templates, making)
      : Object.entries(approvedTemplates).flatMap(([key, list]) =>
          (list ?? []).flatMap(({ variables }) =>
            variables
              .filter((name) => linkOf(name) !== null)
              .map((name) => ({ field: `${nameOf(templatesPlace(channel))}.${key}`, name })),
          ),
        )
  const issues = named.flatMap(({ field, name }) => {
    const fault = linkFault(context, name)
    return fault === null ? [] : [{ field, message: `names {${name}}, ${fault}` }]
  })
  if (issues.length > 0)
    throw new NotificationError('template_invalid', `Invalid template: ${issuesInWords(issues)}.`, { issues })
}
