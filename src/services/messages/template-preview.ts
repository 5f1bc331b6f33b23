import { setImmediate as turn } from 'node:timers/promises'
import { type Channel, channelOf } from '../../channels/index.ts'
import type { Appointment } from '../../domain/appointment.ts'
import { costOf } from '../../domain/cost.ts'
import { detailFor, type OrganizationPolicy } from '../../domain/effective.ts'
import { isNotificationError } from '../../errors.ts'
import {
  checkApproved,
  checkTemplates,
  clipping,
  type MessageFacts,
  namesOf,
  type RenderedMessage,
  renderApproved,
  renderMessage,
  sampleFacts,
  type TextCost,
} from '../../messages/index.ts'
import type { SettingsRow } from '../../ports/storage.ts'
import { type ApprovedTemplate, type FilledTemplate, templateFor } from '../../schemas/approved-templates.ts'
import { channelSettings, patched, templated } from '../../schemas/channel-settings.ts'
import { type EntityId, fieldInvalid, usualLocale, type Warning } from '../../schemas/common.ts'
import type { Organization } from '../../schemas/directory.ts'
import type { MessageCost } from '../../schemas/message-price.ts'
import type { Template } from '../../schemas/templates.ts'
import { type Audience, type Category, categories, type TemplateKey, templateKeyOf } from '../../schemas/vocabulary.ts'
import { asksByItself } from '../shared/asking.ts'
import type { Context } from '../shared/context.ts'
import { appointmentNotFound, organizationNotFound, templateVersionNotFound } from '../shared/not-found.ts'
import { frameOf, makingOf, policyOf } from '../shared/settings-view.ts'
import { startAsRead } from './start-as-read.ts'

export type TemplatePreviewRequest = {
  readonly channel: Channel
  readonly templateKey: TemplateKey
  /** A draft; left out, what is stored, or the built-in text. */
  readonly template?: Template | undefined
  /** The same on a channel whose messages are approved templates. */
  readonly approvedTemplate?: ApprovedTemplate | undefined
  /** Of the templates: drafts too. Default: what is published. */
  readonly version?: number | undefined
  /** Of the recipient, BCP 47. Default: the organization's. */
  readonly locale?: string | undefined
  /** Who reads it. Default `person`. */
  readonly audience?: Audience | undefined
  /** Kind of appointment. Default: that of `appointmentId`, or none. */
  readonly kind?: string | undefined
  /** An appointment of the organization, whose data the message has. Default: an appointment that does not exist. */
  readonly appointmentId?: EntityId | undefined
}

/** For each of these; what is left out is as in `TemplatePreviewRequest`. */
export type PreviewsRequest = TemplatePreviewRequest & {
  readonly channels?: readonly Channel[] | undefined
  readonly locales?: readonly string[] | undefined
  readonly audiences?: readonly Audience[] | undefined
}

export type TemplatePreview = {
  readonly channel: Channel
  readonly templateKey: TemplateKey
  /** Null: the organization's. */
  readonly locale: string | null
  readonly audience: Audience
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

/** Nobody reads more at once. */
const mostPreviews = 60
/** In UTF-16 units, of all texts of one request. */
const mostText = 4_000_000

/** Renders templates for an appointment that does not exist, so that nobody's data is shown, or for one of the organization. */
export class TemplatePreviews {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /**
   * @throws NotificationError `template_invalid` with every fault of the draft, `organization_not_found`, `appointment_not_found`,
   * `template_version_not_found`; `invalid_input`: the draft is none of this channel, or the organization has no approved template
   * in that language.
   */
  async preview(organizationId: string, request: TemplatePreviewRequest): Promise<TemplatePreview> {
    return previewOf(await this.#surroundings(organizationId, request, [request.locale]), request)
  }

  /**
   * One for each channel, language and audience asked for, at most 60; one that cannot be rendered says why among its warnings.
   * @throws NotificationError as `preview` for a draft with faults and for what is not there; `invalid_input` for more than that.
   */
  async previews(organizationId: string, request: PreviewsRequest): Promise<readonly TemplatePreview[]> {
    const { channels = [request.channel], locales = [request.locale], audiences = [request.audience] } = request
    const wanted = channels.flatMap((channel) =>
      locales.flatMap((locale) => audiences.map((audience) => ({ ...request, channel, locale, audience }))),
    )
    if (wanted.length > mostPreviews)
      throw fieldInvalid(
        'channels',
        `with locales and audiences ask for ${wanted.length} previews, and may for ${mostPreviews}`,
      )
    const surroundings = await this.#surroundings(organizationId, request, locales)
    const made: TemplatePreview[] = []
    let left = mostText
    for (const one of wanted) {
      const preview = wanted.length === 1 ? previewOf(surroundings, one) : previewOrReason(surroundings, one)
      left -= preview.message.length + (preview.html?.length ?? 0)
      if (left < 0) throw fieldInvalid('channels', 'ask for more text than a response can hold; ask for fewer')
      made.push(preview)
      // Others are not to wait for all of them.
      await turn()
    }
    return made
  }

  async #surroundings(
    organizationId: string,
    { appointmentId, version }: TemplatePreviewRequest,
    locales: readonly (string | undefined)[],
  ): Promise<Surroundings> {
    const { options, host, languages } = this.#context
    const [[settings = null], organization, appointments, row] = await Promise.all([
      options.storage.settings.get([organizationId]),
      host.organizations([organizationId]),
      appointmentId === undefined ? null : host.appointments([appointmentId]),
      version === undefined ? null : options.storage.templateVersions.get(organizationId, version),
    ])
    const lookup = organization(organizationId)
    const known = lookup.kind === 'known' ? lookup.value : null
    if (known === null && settings === null) throw organizationNotFound(organizationId)
    if (version !== undefined && row === null) throw templateVersionNotFound(version)
    const policy = policyOf(row === null ? settings : withTexts(settings, row.content))
    for (const locale of locales) {
      const asked = askedOf(known, policy)
      await languages.load([asked(locale), asked(known?.locale ?? locale)])
    }
    return {
      context: this.#context,
      organizationId,
      policy,
      known,
      isStored: row === null,
      appointment: appointmentId === undefined ? null : appointmentIn(organizationId, appointmentId, appointments),
      checks: new Map(),
    }
  }
}

type Surroundings = {
  readonly context: Context
  readonly organizationId: string
  readonly policy: OrganizationPolicy
  readonly known: Organization | null
  /** The texts are those that are published, which are remembered. */
  readonly isStored: boolean
  readonly appointment: Appointment | null
  /** What checking the draft found, by channel: once for all previews of it. */
  readonly checks: Map<Channel, readonly Warning[]>
}

const withTexts = (settings: SettingsRow | null, content: Partial<SettingsRow>): SettingsRow | null =>
  settings === null ? null : patched(settings, content)

const askedOf =
  (known: Organization | null, { textLanguages: enabled }: Pick<OrganizationPolicy, 'textLanguages'>) =>
  (recipient: string | null | undefined) => ({ recipient, organization: known?.locale, enabled })

/** @throws NotificationError `appointment_not_found`, also for one of another organization. */
function appointmentIn(
  organizationId: string,
  id: EntityId,
  appointments: Awaited<ReturnType<Context['host']['appointments']>> | null,
): Appointment {
  const found = appointments?.(id)
  if (found?.kind === 'unanswered') throw found.error
  if (found?.kind !== 'known' || found.value.organizationId !== organizationId) throw appointmentNotFound(id)
  return found.value
}

/** What the message speaks of. */
function factsOf(
  { context, appointment, known, policy }: Surroundings,
  category: Category,
  audience: Audience,
): MessageFacts {
  const sample = sampleFacts(category, context.options.compilers.variables)
  const organizationName = known?.name ?? sample.organizationName
  if (appointment === null) {
    const start = sample.start && startAsRead(sample.start, [], policy, sample.now)
    return { ...sample, start, organizationName, ...(audience === 'other' && { recipientName: 'Robin Doe' }) }
  }
  const { start, durationMinutes, practitionerName, location, visitMode, videoLink, variables, recipients } =
    appointment
  const patients = recipients.filter(({ type }) => type === 'PATIENT')
  const isPerson = ({ type }: { readonly type: string }) => type === (patients.length > 0 ? 'PATIENT' : 'CLIENT')
  const reader = recipients.find((one) => isPerson(one) === (audience === 'person'))
  const now = context.options.clock.now()
  return {
    ...sample,
    start: startAsRead(start, reader === undefined ? [] : [reader], policy, now),
    ...{ durationMinutes, practitionerName, location, visitMode, videoLink, variables },
    organizationName,
    recipientName: reader?.name ?? null,
    patientName: namesOf(patients, known?.locale),
    isForPractitioner: reader?.type === 'PRACTITIONER',
    now,
  }
}

function previewOrReason(surroundings: Surroundings, request: TemplatePreviewRequest): TemplatePreview {
  try {
    return previewOf(surroundings, request)
  } catch (error) {
    // The faults of a draft are those of the whole request; what is stored may be broken on one channel.
    const isDraft = request.template !== undefined || request.approvedTemplate !== undefined
    const isReason = (code: string) => code === 'invalid_input' || (code === 'template_invalid' && !isDraft)
    if (!isNotificationError(error) || !isReason(error.code)) throw error
    const nothing = {
      subject: null,
      message: '',
      html: null,
      template: null,
      segments: null,
      encoding: null,
      cost: null,
    }
    const { channel, templateKey, locale = null, audience = 'person' } = request
    const warning = { field: error.field ?? 'channel', code: 'no_preview', message: error.message }
    return { channel, templateKey, locale, audience, ...nothing, warnings: [warning] }
  }
}

function previewOf(surroundings: Surroundings, request: TemplatePreviewRequest): TemplatePreview {
  const { context, policy, known } = surroundings
  const { channel, templateKey, locale, audience = 'person' } = request
  const category = categoryOf(templateKey)
  const wording = (tag: string | null | undefined) => context.languages.wording(askedOf(known, policy)(tag))
  const facts: MessageFacts = {
    ...factsOf(surroundings, category, audience),
    wording: wording(locale),
    ask: { code: null, isBuiltIn: asksByItself(policy, category) },
    detail: detailFor({ policy, preferences: null }, channel, category),
  }
  // As `renderFor` does.
  const templateFacts = (language: string | null): MessageFacts => {
    const wanted = language === null ? (known?.locale ?? locale) : (locale ?? known?.locale ?? language)
    return { ...facts, locale: wanted ?? facts.locale, wording: wording(wanted) }
  }
  const { content } = channelOf(channel)
  const { rendered, warnings, size } =
    content.kind === 'text'
      ? previewOfText(surroundings, request, { facts, templateFacts })
      : previewOfApproved(surroundings, request, facts)
  const { subject, text, html, template, missing = [] } = rendered
  return {
    channel,
    templateKey,
    locale: locale ?? null,
    audience,
    subject,
    message: text,
    html,
    template,
    segments: size?.segments ?? null,
    encoding: size?.encoding ?? null,
    cost: costOf(policy.messagePrices, channel, rendered, policy.defaultCountry).cost,
    warnings: [...warnings, ...missing.map(valueMissing)],
  }
}

const valueMissing = (name: string): Warning => ({
  field: `variables.${name}`,
  code: 'value_missing',
  message: `The appointment has no value for {${name}}`,
})

type Preview = {
  readonly rendered: RenderedMessage
  readonly warnings: readonly Warning[]
  readonly size: Pick<TextCost, 'segments' | 'encoding'> | null
}
type How = { readonly facts: MessageFacts; readonly templateFacts: (language: string | null) => MessageFacts }

function previewOfText(
  { context, policy, known, isStored, appointment, checks }: Surroundings,
  { channel, templateKey, template, approvedTemplate, locale, kind, audience = 'person' }: TemplatePreviewRequest,
  how: How,
): Preview {
  const { content } = channelOf(channel)
  if (content.kind !== 'text') throw new TypeError('a channel of texts is needed')
  if (approvedTemplate !== undefined) throw fieldInvalid('approvedTemplate', 'is for channels of approved templates')
  const { compilers } = context.options
  const making = makingOf(context.options, policy)
  const draft = template === undefined ? {} : { [templateKey]: template }
  const warnings = checks.get(channel) ?? checkTemplates(templated(channel, content), draft, making)
  checks.set(channel, warnings)
  const templateField = `${templated(channel, content).field}.${templateKey}`
  const rendered = renderMessage({
    channel: templated(channel, content),
    ...how,
    frame: frameOf(context.options, policy, known),
    templates: { ...channelSettings(policy, channel).templates, ...draft },
    partials: making.partials,
    reader: { language: locale ?? known?.locale, kind: kind ?? appointment?.kind ?? null, audience },
    keepsCharacters: !policy.smsPlainCharacters,
    compile: template === undefined && isStored ? compilers.stored : compilers.draft,
  })
  const clipped = warnings.some(({ code }) => code === 'mail_clipped') ? [] : clipping(rendered.html, templateField)
  return { rendered, warnings: [...warnings, ...clipped], size: content.cost?.(rendered.text) ?? null }
}

function previewOfApproved(
  { policy, known }: Surroundings,
  { channel, templateKey, template, approvedTemplate, locale }: TemplatePreviewRequest,
  facts: MessageFacts,
): Preview {
  const { content } = channelOf(channel)
  if (content.kind !== 'approved') throw new TypeError('a channel of approved templates is needed')
  if (template !== undefined) {
    throw fieldInvalid('template', 'is for channels with texts of their own; write approvedTemplate')
  }
  const usual = known?.locale ?? usualLocale
  const tag = locale ?? usual
  const draft = approvedTemplate === undefined ? {} : { [templateKey]: [approvedTemplate] }
  const warnings = checkApproved(templated(channel, content), draft, [])
  const stored = channelSettings(policy, channel).approvedTemplates[templateKey] ?? []
  const used = approvedTemplate ?? templateFor(stored, [tag, usual])
  if (used === null) throw fieldInvalid('templateKey', `has no approved template in "${usual}" yet`)
  return { rendered: renderApproved(content, used, { ...facts, locale: tag }), warnings, size: null }
}

const categoryOf = (key: TemplateKey): Category =>
  categories.find((category) => templateKeyOf[category] === key) ?? 'REMINDER'
