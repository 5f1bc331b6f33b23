import { type Channel, channelOf } from '../../channels/index.ts'
import { costOf } from '../../domain/cost.ts'
import { detailFor } from '../../domain/effective.ts'
import {
  type ApprovedFormat,
  checkApproved,
  checkTemplates,
  compileDraft,
  type MailFrame,
  type MessageFacts,
  type RenderedMessage,
  renderApproved,
  renderMessage,
  sampleFacts,
  type TextCost,
  type TextFormat,
} from '../../messages/index.ts'
import { type ApprovedTemplate, type FilledTemplate, templateFor } from '../../schemas/approved-templates.ts'
import { type ChannelSettings, channelSettings, templated } from '../../schemas/channel-settings.ts'
import { fieldInvalid, usualLocale, type Warning } from '../../schemas/common.ts'
import type { MessageCost } from '../../schemas/message-price.ts'
import type { Template } from '../../schemas/templates.ts'
import { type Category, categories, type TemplateKey, templateKeyOf } from '../../schemas/vocabulary.ts'
import { asksByItself } from '../shared/asking.ts'
import type { Context } from '../shared/context.ts'
import { organizationNotFound } from '../shared/not-found.ts'
import { policyOf } from '../shared/settings-view.ts'

export type TemplatePreviewRequest = {
  readonly channel: Channel
  readonly templateKey: TemplateKey
  /** A draft; left out, what is stored, or the built-in text. */
  readonly template?: Template | undefined
  /** The same on a channel whose messages are approved templates. */
  readonly approvedTemplate?: ApprovedTemplate | undefined
  /** Of the recipient, BCP 47. Default: the organization's. */
  readonly locale?: string | undefined
}

export type TemplatePreview = {
  readonly channel: Channel
  readonly templateKey: TemplateKey
  /** E-mail only. */
  readonly subject: string | null
  readonly message: string
  /** E-mail only: the message as escaped HTML. */
  readonly html: string | null
  /** The approved template with its values, on channels that send those; null on others. */
  readonly template: FilledTemplate | null
  /** SMS only: what it would cost. */
  readonly segments: number | null
  readonly encoding: 'GSM-7' | 'UCS-2' | null
  /** By the prices of the organization, to a number of its country; null: none is set. */
  readonly cost: MessageCost | null
  readonly warnings: readonly Warning[]
}

/** Renders templates for an appointment that does not exist, so that nobody's data is shown. */
export class TemplatePreviews {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /**
   * @throws NotificationError `template_invalid` with every fault of the draft, `organization_not_found`; `invalid_input`: the draft
   * is none of this channel, or the organization has no approved template in that language.
   */
  async preview(organizationId: string, request: TemplatePreviewRequest): Promise<TemplatePreview> {
    const { channel, templateKey, locale } = request
    const { storage } = this.#context.options
    const [[settings], organization] = await Promise.all([
      storage.settings.get([organizationId]),
      this.#context.host.organizations([organizationId]),
    ])
    const lookup = organization(organizationId)
    const known = lookup.kind === 'known' ? lookup.value : null
    if (known === null && settings === undefined) throw organizationNotFound(organizationId)
    const policy = policyOf(settings ?? null)
    const stored = channelSettings(policy, channel)
    const sample = sampleFacts(categoryOf(templateKey))
    const { languages } = this.#context
    const asked = (recipient: string | null | undefined) => ({
      recipient,
      organization: known?.locale,
      enabled: policy.textLanguages,
    })
    await languages.load([asked(locale), asked(known?.locale ?? locale)])
    const facts: MessageFacts = {
      ...sample,
      organizationName: known?.name ?? sample.organizationName,
      wording: languages.wording(asked(locale)),
      ask: { code: null, isBuiltIn: asksByItself(policy, sample.category) },
      detail: detailFor({ policy, preferences: null }, channel, sample.category),
    }
    // As `renderFor` does.
    const templateFacts = () => {
      const wanted = known?.locale ?? locale
      return { ...facts, locale: wanted ?? sample.locale, wording: languages.wording(asked(wanted)) }
    }
    const { content } = channelOf(channel)
    const usual = known?.locale ?? usualLocale
    const { mailLayout: rules, brandColor: color } = policy
    const { name = null, phone = null } = known ?? {}
    const frame = rules === null ? undefined : this.#context.options.mailFrames.of({ rules, color, name, phone })
    const { rendered, warnings, size } =
      content.kind === 'text'
        ? previewOfText(content, request, stored, {
            facts,
            templateFacts,
            frame,
            keepsCharacters: !policy.smsPlainCharacters,
          })
        : previewOfApproved(content, request, stored, { ...facts, locale: locale ?? usual }, usual)
    const { subject, text, html, template } = rendered
    return {
      channel,
      templateKey,
      subject,
      message: text,
      html,
      template,
      segments: size?.segments ?? null,
      encoding: size?.encoding ?? null,
      cost: costOf(policy.messagePrices, channel, rendered, policy.defaultCountry).cost,
      warnings,
    }
  }
}

type Preview = {
  readonly rendered: RenderedMessage
  readonly warnings: readonly Warning[]
  readonly size: Pick<TextCost, 'segments' | 'encoding'> | null
}

function previewOfText(
  content: TextFormat,
  { channel, templateKey, template, approvedTemplate }: TemplatePreviewRequest,
  { templates: stored }: ChannelSettings,
  how: {
    readonly facts: MessageFacts
    readonly templateFacts: () => MessageFacts
    readonly frame: MailFrame | undefined
    readonly keepsCharacters: boolean
  },
): Preview {
  if (approvedTemplate !== undefined) throw fieldInvalid('approvedTemplate', 'is for channels of approved templates')
  const draft = template === undefined ? {} : { [templateKey]: template }
  const warnings = checkTemplates(templated(channel, content), draft)
  const rendered = renderMessage({
    channel: templated(channel, content),
    ...how,
    templates: { ...stored, ...draft },
    ...(template === undefined ? {} : { compile: compileDraft }),
  })
  return { rendered, warnings, size: content.cost?.(rendered.text) ?? null }
}

function previewOfApproved(
  content: ApprovedFormat,
  { channel, templateKey, template, approvedTemplate }: TemplatePreviewRequest,
  { approvedTemplates: stored }: ChannelSettings,
  facts: MessageFacts,
  usual: string,
): Preview {
  if (template !== undefined) {
    throw fieldInvalid('template', 'is for channels with texts of their own; write approvedTemplate')
  }
  const draft = approvedTemplate === undefined ? {} : { [templateKey]: [approvedTemplate] }
  const warnings = checkApproved(templated(channel, content), draft, [])
  const used = approvedTemplate ?? templateFor(stored[templateKey] ?? [], [facts.locale, usual])
  if (used === null) throw fieldInvalid('templateKey', `has no approved template in "${usual}" yet`)
  return { rendered: renderApproved(content, used, facts), warnings, size: null }
}

const categoryOf = (key: TemplateKey): Category =>
  categories.find((category) => templateKeyOf[category] === key) ?? 'REMINDER'
