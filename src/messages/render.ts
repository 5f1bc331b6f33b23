import { isNotificationError, type NotificationError } from '../errors.ts'
import type { PartialSet, TemplateSet } from '../schemas/templates.ts'
import { templateKeyOf } from '../schemas/vocabulary.ts'
import { type Compile, type CompiledTemplate, hashOf, hex, usualCompilers } from './compile.ts'
import { type Block, type Button, documentOf, hrefOf, type MessageDocument, textOfDocument } from './document.ts'
import type { MessageFacts, RenderedMessage } from './facts.ts'
import type { Templated } from './format.ts'
import { usableLocales } from './formatters.ts'
import { englishFor } from './languages.ts'
import type { MailFrame } from './mail-frame.ts'
import { readMarkdown } from './markdown.ts'
import { withPartials } from './partials.ts'
import { type Piece, partsFor, type Reader, type TemplateParts } from './parts.ts'
import { isTooLong } from './size.ts'
import { excerpt, invalidTemplate } from './template-problems.ts'
import { subjectLine } from './text.ts'

const none: PartialSet = {}

function usable({ compile = usualCompilers.stored, partials = none }: RenderInput, piece: Piece): CompiledTemplate {
  const { text, field, form } = piece
  const whole = withPartials(text, partials)
  if (typeof whole !== 'string') throw invalidTemplate([{ field, problem: whole }])
  const compiled = compile(whole, form)
  if (compiled.problems.length > 0) throw invalidTemplate(compiled.problems.map((problem) => ({ field, problem })))
  return compiled
}

type Compiled = {
  readonly body: CompiledTemplate
  readonly subject: CompiledTemplate | null
  readonly preheader: CompiledTemplate | null
  readonly buttons: readonly { readonly label: CompiledTemplate; readonly url: CompiledTemplate }[]
  /** All of them, the body first. */
  readonly all: readonly CompiledTemplate[]
}

/** What the channel has of the texts. Most messages are a text and a subject at the most. */
function compiledFor(parts: TemplateParts, input: RenderInput): Compiled {
  const hasSubject = input.channel.content.subject !== null
  const body = usable(input, parts.body)
  const subject = hasSubject && parts.subject !== null ? usable(input, parts.subject) : null
  const preheader = hasSubject && parts.preheader !== null ? usable(input, parts.preheader) : null
  if (preheader === null && parts.buttons.length === 0)
    return { body, subject, preheader, buttons: [], all: subject === null ? [body] : [body, subject] }
  const buttons = parts.buttons.map(({ label, url }) => ({ label: usable(input, label), url: usable(input, url) }))
  const lines = [subject, preheader].flatMap((one) => one ?? [])
  return {
    body,
    subject,
    preheader,
    buttons,
    all: [body, ...lines, ...buttons.flatMap(({ label, url }) => [label, url])],
  }
}

function missingIn(all: readonly CompiledTemplate[], { variables }: MessageFacts): readonly string[] | undefined {
  if (all.every(({ expected }) => expected.length === 0)) return undefined
  const missing = all.flatMap(({ expected }) => expected.filter((name) => (variables?.[name] ?? null) === null))
  return missing.length === 0 ? undefined : [...new Set(missing)]
}

/** Null: the template says more than the message may, by its facts. */
export function renderParts(parts: TemplateParts, facts: MessageFacts, input: RenderInput): RenderedMessage | null {
  const { body, subject, preheader, buttons, all } = compiledFor(parts, input)
  const most = facts.detail ?? 2
  if (all.some(({ level }) => level > most)) return null
  const said = body.render(facts)
  const isPlain = parts.body.form === 'text' && preheader === null && buttons.length === 0
  const document = isPlain
    ? undefined
    : documentFor(parts.body.form === 'markdown' ? readMarkdown(said) : documentOf(said).blocks, {
        preheader: preheader === null ? null : subjectLine(preheader.render(facts)) || null,
        buttons: buttons.flatMap(({ label, url }) => buttonOf(label.render(facts), url.render(facts))),
      })
  return message(input, facts, {
    subject: subject?.render(facts) ?? '',
    text: document === undefined || said.trim() === '' ? said : textOfDocument(document),
    document: said.trim() === '' ? undefined : document,
    locale: facts.locale,
    templateRevision: revisionOf(all, input.version ?? null),
    asks: facts.ask !== undefined && all.some(({ asks }) => asks),
    missing: missingIn(all, facts),
  })
}

function revisionOf(all: readonly CompiledTemplate[], version: number | null): string {
  const hash = all.reduce<number | null>(
    (before, one) => (before === null ? one.hash : hashOf(hex(one.hash), before)),
    null,
  )
  return `custom:${hex(hash ?? 0)}${version === null ? '' : `:${version}`}`
}

const documentFor = (
  blocks: readonly Block[],
  { preheader, buttons }: { readonly preheader: string | null; readonly buttons: readonly Button[] },
): MessageDocument => ({
  preheader,
  blocks: buttons.length === 0 ? blocks : [...blocks, { kind: 'buttons', buttons }],
})

/** A button without words, or that leads nowhere, is left out. */
function buttonOf(label: string, url: string): Button[] {
  const words = subjectLine(label)
  const href = hrefOf(url)
  return words === '' || href === null ? [] : [{ label: words, href }]
}

type Words = Pick<RenderedMessage, 'text' | 'templateRevision' | 'asks'> & {
  readonly subject: string
  readonly locale: string
  readonly document?: MessageDocument | undefined
  readonly missing?: readonly string[] | undefined
}

/** With the built-in subject where there is no other. */
function message(
  { channel, keepsCharacters, frame }: RenderInput,
  facts: MessageFacts,
  { subject, text, document, locale, templateRevision, asks, missing }: Words,
): RenderedMessage {
  const { content } = channel
  const line = content.subject === null ? null : subjectLine(subject) || subjectLine(content.subject(facts))
  // By this a screen reader pronounces: it is the language of the words, whatever the recipient prefers.
  const language = usableLocales(locale)[0] ?? 'en'
  return {
    subject: line,
    ...(frame !== undefined && content.letter !== null
      ? frame({ document: document ?? documentOf(text), subject: line ?? '', language, facts })
      : content.finish(text, language, keepsCharacters, document)),
    template: null,
    templateRevision,
    ...(asks === true && { asks }),
    ...(missing !== undefined && { missing }),
  }
}

export type RenderInput = {
  readonly channel: Templated
  readonly facts: MessageFacts
  /** The same for a template of this language; null: in the language of the organization. Default: `facts`. */
  readonly templateFacts?: ((language: string | null) => MessageFacts) | undefined
  readonly templates: TemplateSet
  /** What they are made of. Default: nothing. */
  readonly partials?: PartialSet | undefined
  /** Who reads it: chooses among the variants of a template. Default: its text for everybody. */
  readonly reader?: Reader | undefined
  /** The published version of the templates; null: they were stored before there were versions. */
  readonly version?: number | null | undefined
  /** What stands around a mail. Default: nothing, and its HTML is its paragraphs. */
  readonly frame?: MailFrame | undefined
  /** Typographic characters stay, whatever they cost. Default false. */
  readonly keepsCharacters?: boolean | undefined
  /** Default: templates are remembered, and name no variables of a host. */
  readonly compile?: Compile | undefined
}

/**
 * The message as it goes out: the organization's template for the category and its reader, else the built-in text. Dates and times are of
 * the appointment's zone, written as the facts say: in the language of the words. A template that renders to nothing but blanks
 * for these facts, or to more than the channel takes, is replaced by the built-in text, its subject by the built-in
 * subject: an empty message reminds nobody, and one that is too long arrives nowhere. So is one that says more than the facts allow
 * (`detail`).
 * @throws NotificationError `template_invalid` if the stored template is broken; `checkTemplates` refuses such ones early.
 * @throws RangeError for an invalid date or a time zone that Intl does not know; the schemas let neither through.
 */
export function renderMessage(input: RenderInput): RenderedMessage {
  const { channel, facts, templates, reader = null, templateFacts = () => facts } = input
  const { content } = channel
  const parts = partsFor(templates, templateKeyOf[facts.category], channel.field, reader)
  const custom = parts === null ? null : renderParts(parts, templateFacts(parts.language), input)
  if (custom !== null && custom.text.trim() !== '' && !isTooLong(content.limit, custom.text)) return custom
  const { locale } = facts.wording ?? englishFor(facts.locale)
  const asks = content.asks && facts.ask?.isBuiltIn === true
  const document = input.frame === undefined ? undefined : content.letter?.(facts)
  const text = document === undefined ? content.text(facts) : ''
  const words = { subject: '', text, document, locale, templateRevision: 'default:1', asks }
  const builtIn = message(input, facts, words)
  return parts !== null && custom === null ? { ...builtIn, isTemplateWithheld: true } : builtIn
}

/**
 * `renderMessage` of what is sent. A stored template that is broken here, such as by a variable that this process does not declare, is replaced
 * by the built-in text, and `failed` hears why: a message in the wrong words is better than none.
 */
export function renderStored(input: RenderInput, failed: (error: NotificationError) => void): RenderedMessage {
  try {
    return renderMessage(input)
  } catch (error) {
    if (!isNotificationError(error) || error.code !== 'template_invalid') throw error
    failed(error)
    const fault = error.issues.map(({ field, message }) => `${field}, ${excerpt(message)}`)[0] ?? error.code
    return { ...renderMessage({ ...input, templates: {} }), templateFault: fault }
  }
}
