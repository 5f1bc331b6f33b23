import { type Channel, channelOf, channels } from '../../channels/index.ts'
import type { FieldIssue } from '../../errors.ts'
import { askVariable, namedIn } from '../../messages/index.ts'
import type { SettingsRow } from '../../ports/storage.ts'
import { channelSettings, isWritten, nameOf, templated, templatesPlace } from '../../schemas/channel-settings.ts'
import { inputInvalid, type Warning } from '../../schemas/common.ts'
import type { SettingsValues } from '../../schemas/settings.ts'
import { type Category, templateKeyOf } from '../../schemas/vocabulary.ts'
import { asksFor, canList, canReceive, missingForAnswers } from '../shared/asking.ts'
import type { Context } from '../shared/context.ts'
import { makingOf, policyOf } from '../shared/settings-view.ts'

/**
 * What a message asks must have an effect: a template that asks, and the setting that has built-in texts ask, need somebody who hears the
 * answer and an account that people can reply to.
 * @returns a warning where an account no longer takes replies, so that its messages ask for nothing.
 * @throws NotificationError `invalid_input` naming the setting or template that the change is about.
 */
export function requireHeardAnswers(context: Context, after: SettingsRow, patch: Partial<SettingsValues>): Warning[] {
  const asking = channels.flatMap((channel) =>
    askingTemplates(context, after, channel).map((one) => ({
      ...one,
      isWritten: isWritten(patch, channel),
    })),
  )
  const issues: FieldIssue[] = []
  const warnings: Warning[] = []
  for (const { field, channel, category, isWritten } of asking) {
    const fault = faultOf(context, after, channel, category)
    if (fault === null) continue
    if (isWritten) issues.push({ field, message: `must not ask for an answer: ${fault}` })
    else warnings.push({ field, code: 'answer_unheard', message: `It asks for no answer now: ${fault}` })
  }
  if (after.askForAnswers === true) {
    const policy = policyOf(after)
    const used = channels.filter(
      (channel) => channelSettings(after, channel).enabled && asksFor(policy, channel, 'REMINDER'),
    )
    const faults = used.map((channel) => faultOf(context, after, channel, 'REMINDER'))
    const fault = faults.includes(null) ? null : (faults[0] ?? 'no channel has built-in reminders that ask')
    if (fault !== null && patch.askForAnswers === true) {
      issues.push({ field: 'askForAnswers', message: `must stay false: ${fault}` })
    } else if (fault !== null) {
      warnings.push({
        field: 'askForAnswers',
        code: 'answer_unheard',
        message: `Nothing asks for an answer now: ${fault}`,
      })
    }
  }
  if (issues.length > 0) throw inputInvalid('organization settings', issues)
  return warnings
}

/**
 * What goes out together, or not at all, is decided when it is sent.
 * @throws NotificationError `invalid_input` for settings of that kind where TaskManager sends, which gets each reminder when it is planned.
 */
export function requireOwnSending({ providers }: Context, patch: Partial<SettingsValues>): void {
  if (!providers.delivered) return
  const why = 'TaskManager sends, and has each reminder long before its day'
  const issues = [
    ...(patch.oneMessagePerDay === true ? [{ field: 'oneMessagePerDay', message: `must stay false: ${why}` }] : []),
    ...(patch.dailyBudget == null ? [] : [{ field: 'dailyBudget', message: `must stay null: ${why}` }]),
  ]
  if (issues.length > 0) throw inputInvalid('organization settings', issues)
}

/** A warning for each channel whose reminder template cannot name several appointments, so that its reminders go out one by one. */
export function listWarnings({ providers }: Context, after: SettingsRow): Warning[] {
  if (after.oneMessagePerDay !== true) return []
  if (providers.delivered) return []
  const policy = policyOf(after)
  return channels
    .filter((channel) => channelOf(channel).content.kind === 'text' && channelSettings(after, channel).enabled)
    .filter((channel) => !canList(policy, channel))
    .map((channel) => ({
      field: `${nameOf(templatesPlace(channel))}.${templateKeyOf.REMINDER}`,
      code: 'not_listed',
      message:
        'It does not name {appointments}, or has a link that answers for one of them, so that reminders of a day are sent one by one',
    }))
}

/** The organization's templates that ask. */
function askingTemplates(context: Context, after: SettingsRow, channel: Channel) {
  const { content } = channelOf(channel)
  if (content.kind !== 'text') return []
  const { templates } = channelSettings(after, channel)
  const asking = namedIn(templated(channel, content), templates, makingOf(context.options, after))
  return asking.filter(({ name }) => name === askVariable).map(({ field, category }) => ({ field, channel, category }))
}

/** Why nothing would come of an answer; null: something would. */
function faultOf(context: Context, after: SettingsRow, channel: Channel, category: Category): string | null {
  const { content, words } = channelOf(channel)
  if (content.kind === 'text' && !content.asks) return `nobody reads replies to ${words.one}`
  if (category === 'CANCELLATION' || category === 'WAITLIST') return 'there is no appointment ahead to confirm'
  const missing = missingForAnswers(context.options)
  if (missing !== null) return `the host application must ${missing}`
  if (context.providers.delivered) return 'TaskManager sends, and passes on no replies'
  const senders = context.providers.find(after, channel).map(({ sender }) => sender)
  const isHeard = senders.some((sender) => typeof sender !== 'string' && canReceive(sender))
  return isHeard ? null : `no account sends ${words.one} from a number whose replies reach the library`
}
