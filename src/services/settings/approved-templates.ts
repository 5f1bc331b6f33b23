import { type Channel, channelOf, channels } from '../../channels/index.ts'
import type { FieldIssue } from '../../errors.ts'
import { checkApproved } from '../../messages/index.ts'
import type { SettingsRow } from '../../ports/storage.ts'
import { templateFor } from '../../schemas/approved-templates.ts'
import {
  channelSettings,
  nameOf,
  settingPlace,
  templated,
  templatesPlace,
  valueAt,
} from '../../schemas/channel-settings.ts'
import { inputInvalid, usualLocale, type Warning } from '../../schemas/common.ts'
import type { SettingsValues } from '../../schemas/settings.ts'
import { templateKeyOf } from '../../schemas/vocabulary.ts'
import type { Context } from '../shared/context.ts'

/**
 * Checks what an organization names as approved templates, on the channels that a change is about. A channel that is enabled needs one
 * for everything that is sent on it, in the organization's language: there are no built-in texts to fall back on.
 * @returns what is accepted and deserves a second look.
 * @throws NotificationError `template_invalid` with every fault; `invalid_input` naming each template that is missing;
 * `directory_failed` where the directory does not say the organization's language.
 */
export async function requireApprovedTemplates(
  context: Context,
  after: SettingsRow,
  patch: Partial<SettingsValues>,
): Promise<Warning[]> {
  const concerned = channels.filter((channel) => {
    const [, part = ''] = settingPlace(channel, 'approvedTemplates')
    const isWritten = (valueAt(patch, ['channels', part]) ?? null) !== null
    return isWritten && channelOf(channel).content.kind === 'approved'
  })
  const warnings = concerned.flatMap((channel) => {
    const { content } = channelOf(channel)
    if (content.kind !== 'approved') return []
    const { approvedTemplates } = channelSettings(after, channel)
    // Whichever of the accounts sends, the names are the same.
    const senders = context.providers.find(after, channel).map(({ sender }) => sender)
    const transports = senders.flatMap((sender) => (typeof sender === 'string' ? [] : sender.transport.name))
    return checkApproved(templated(channel, content), approvedTemplates, transports)
  })
  const enabled = concerned.filter((channel) => channelSettings(after, channel).enabled)
  if (enabled.length === 0) return warnings
  const locale = await localeOf(context, after.organizationId)
  const missing = enabled.flatMap((channel) => missingTemplates(after, channel, locale))
  if (missing.length > 0) throw inputInvalid('organization settings', missing)
  return warnings
}

function missingTemplates(after: SettingsRow, channel: Channel, locale: string): FieldIssue[] {
  const { categories, approvedTemplates } = channelSettings(after, channel)
  return categories.flatMap((category) => {
    const key = templateKeyOf[category]
    if (templateFor(approvedTemplates[key] ?? [], [locale]) !== null) return []
    const others = nameOf(settingPlace(channel, 'categories'))
    return [
      {
        field: `${nameOf(templatesPlace(channel))}.${key}`,
        message: `must have a template in the organization's language, "${locale}"; or leave ${category} out of ${others}`,
      },
    ]
  })
}

async function localeOf({ host }: Context, id: string): Promise<string> {
  const lookup = (await host.organizations([id]))(id)
  if (lookup.kind === 'unanswered') throw lookup.error
  return (lookup.kind === 'known' ? lookup.value.locale : null) ?? usualLocale
}
