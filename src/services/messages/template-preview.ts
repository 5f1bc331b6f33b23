import { type Channel, channelOf } from '../../channels/index.ts'
import { costOf } from '../../domain/cost.ts'
import { detailFor } from '../../domain/effective.ts'
import { sampleFacts } from '../../messages/check.ts'
import { checkTemplates, compileDraft, renderMessage } from '../../messages/index.ts'
import { channelSettings, templated } from '../../schemas/channel-settings.ts'
import type { Warning } from '../../schemas/common.ts'
import type { MessageCost } from '../../schemas/message-price.ts'
import type { Template } from '../../schemas/templates.ts'
import { type Category, categories, type TemplateKey, templateKeyOf } from '../../schemas/vocabulary.ts'
import type { Context } from '../shared/context.ts'
import { organizationNotFound } from '../shared/not-found.ts'
import { policyOf } from '../shared/settings-view.ts'

export type TemplatePreviewRequest = {
  readonly channel: Channel
  readonly templateKey: TemplateKey
  /** A draft; left out, what is stored, or the built-in text. */
  readonly template?: Template | undefined
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

  /** @throws NotificationError `template_invalid` with every fault of the draft, `organization_not_found`. */
  async preview(organizationId: string, request: TemplatePreviewRequest): Promise<TemplatePreview> {
    const { channel, templateKey, template, locale } = request
    const { storage } = this.#context.options
    const [[settings], organization] = await Promise.all([
      storage.settings.get([organizationId]),
      this.#context.host.organizations([organizationId]),
    ])
    const lookup = organization(organizationId)
    const known = lookup.kind === 'known' ? lookup.value : null
    if (known === null && settings === undefined) throw organizationNotFound(organizationId)
    const policy = policyOf(settings ?? null)
    const { templates: stored } = channelSettings(policy, channel)
    const draft = template === undefined ? {} : { [templateKey]: template }
    const warnings = checkTemplates(templated(channel), draft)
    const sample = sampleFacts(categoryOf(templateKey))
    const templates = { ...stored, ...draft }
    const { languages } = this.#context
    const isTemplate = templates[templateKey] !== undefined
    const recipient = isTemplate ? (known?.locale ?? locale) : locale
    const asked = { recipient, organization: known?.locale, enabled: policy.textLanguages }
    await languages.load([asked])
    const wording = languages.wording(asked)
    const facts = {
      ...sample,
      organizationName: known?.name ?? sample.organizationName,
      locale: isTemplate ? (known?.locale ?? locale ?? sample.locale) : wording.locale,
      wording,
      detail: detailFor({ policy, preferences: null }, channel, sample.category),
    }
    const { subject, text, html } = renderMessage({
      channel: templated(channel),
      facts,
      templates,
      keepsCharacters: !policy.smsPlainCharacters,
      ...(template === undefined ? {} : { compile: compileDraft }),
    })
    const size = channelOf(channel).content.cost?.(text) ?? null
    return {
      channel,
      templateKey,
      subject,
      message: text,
      html,
      segments: size?.segments ?? null,
      encoding: size?.encoding ?? null,
      cost: costOf(policy.messagePrices, channel, text, policy.defaultCountry).cost,
      warnings,
    }
  }
}

const categoryOf = (key: TemplateKey): Category =>
  categories.find((category) => templateKeyOf[category] === key) ?? 'REMINDER'
