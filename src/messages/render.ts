import type { Template, TemplateSet } from '../schemas/templates.ts'
import { type TemplateKey, templateKeyOf } from '../schemas/vocabulary.ts'
import { type CompiledTemplate, compileTemplate, hashOf, hex } from './compile.ts'
import type { MessageFacts, RenderedMessage } from './facts.ts'
import type { Templated } from './format.ts'
import { usableLocales } from './formatters.ts'
import { englishFor } from './languages.ts'
import { isTooLong } from './size.ts'
import { invalidTemplate } from './template-problems.ts'
import { subjectLine } from './text.ts'

export type TemplateParts = {
  readonly body: string
  readonly subject: string | undefined
  /** Their paths in the settings, such as `emailTemplates.appointment_reminder.body`. */
  readonly fields: { readonly body: string; readonly subject: string }
}

/** The stored template of a key, own properties only, or null. */
export function partsOf(templates: TemplateSet, key: TemplateKey, root: string): TemplateParts | null {
  const template: Template | undefined = Object.hasOwn(templates, key) ? templates[key] : undefined
  if (template === undefined) return null
  const field = `${root}.${key}`
  if (typeof template === 'string')
    return { body: template, subject: undefined, fields: { body: field, subject: field } }
  return {
    body: template.body,
    subject: template.subject,
    fields: { body: `${field}.body`, subject: `${field}.subject` },
  }
}

type Compile = (text: string) => CompiledTemplate

function usable(compile: Compile, text: string, field: string): CompiledTemplate {
  const compiled = compile(text)
  if (compiled.problems.length > 0) throw invalidTemplate(compiled.problems.map((problem) => ({ field, problem })))
  return compiled
}

/** Null: the template says more than the message may, by its facts. */
function customMessage(parts: TemplateParts, facts: MessageFacts, input: RenderInput): RenderedMessage | null {
  const { content } = input.channel
  const compile = input.compile ?? compileTemplate
  const body = usable(compile, parts.body, parts.fields.body)
  const subject =
    content.subject === null || parts.subject === undefined
      ? null
      : usable(compile, parts.subject, parts.fields.subject)
  if (Math.max(body.level, subject?.level ?? 0) > (facts.detail ?? 2)) return null
  const templateRevision = `custom:${hex(subject === null ? body.hash : hashOf(hex(subject.hash), body.hash))}`
  return message(input, facts, {
    subject: subject?.render(facts) ?? '',
    text: body.render(facts),
    locale: facts.locale,
    templateRevision,
    asks: facts.ask !== undefined && body.asks,
  })
}

type Words = Pick<RenderedMessage, 'text' | 'templateRevision' | 'asks'> & {
  readonly subject: string
  readonly locale: string
}

/** With the built-in subject where there is no other. */
function message(
  { channel, keepsCharacters }: RenderInput,
  facts: MessageFacts,
  { subject, text, locale, templateRevision, asks }: Words,
): RenderedMessage {
  const { content } = channel
  // By this a screen reader pronounces: it is the language of the words, whatever the recipient prefers.
  const language = usableLocales(locale)[0] ?? 'en'
  return {
    subject: content.subject === null ? null : subjectLine(subject) || subjectLine(content.subject(facts)),
    ...content.finish(text, language, keepsCharacters),
    template: null,
    templateRevision,
    ...(asks === true && { asks }),
  }
}

type RenderInput = {
  readonly channel: Templated
  readonly facts: MessageFacts
  /** The same, in the language of templates. Default: `facts`. */
  readonly templateFacts?: (() => MessageFacts) | undefined
  readonly templates: TemplateSet
  /** Typographic characters stay, whatever they cost. Default false. */
  readonly keepsCharacters?: boolean | undefined
  /** Default: templates are remembered. `compileDraft` for what is not stored. */
  readonly compile?: Compile | undefined
}

/**
 * The message as it goes out: the organization's template for the category, else the built-in text. Dates and times are of
 * the appointment's zone, written as the facts say: in the language of the words. A template that renders to nothing but blanks
 * for these facts, or to more than the channel takes, is replaced by the built-in text, its subject by the built-in
 * subject: an empty message reminds nobody, and one that is too long arrives nowhere. So is one that says more than the facts allow
 * (`detail`).
 * @throws NotificationError `template_invalid` if the stored template is broken; `checkTemplates` refuses such ones early.
 * @throws RangeError for an invalid date or a time zone that Intl does not know; the schemas let neither through.
 */
export function renderMessage(input: RenderInput): RenderedMessage {
  const { channel, facts, templates, templateFacts = () => facts } = input
  const { content } = channel
  const parts = partsOf(templates, templateKeyOf[facts.category], channel.field)
  const custom = parts === null ? null : customMessage(parts, templateFacts(), input)
  if (custom !== null && custom.text.trim() !== '' && !isTooLong(content.limit, custom.text)) return custom
  const { locale } = facts.wording ?? englishFor(facts.locale)
  const asks = content.asks && facts.ask?.isBuiltIn === true
  const words = { subject: '', text: content.text(facts), locale, templateRevision: 'default:1', asks }
  const builtIn = message(input, facts, words)
  return parts !== null && custom === null ? { ...builtIn, isTemplateWithheld: true } : builtIn
}
