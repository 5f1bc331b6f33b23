import type { Template, TemplateSet } from '../schemas/templates.ts'
import { type TemplateKey, templateKeyOf } from '../schemas/vocabulary.ts'
import { usableLocales } from './calendar.ts'
import { type CompiledTemplate, compileTemplate, hashOf, hex } from './compile.ts'
import type { MessageFacts, RenderedMessage } from './facts.ts'
import type { Templated, TextFormat } from './format.ts'
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

type Words = { subject: string; text: string; templateRevision: string; isCustom: boolean }

function customWords(parts: TemplateParts, format: TextFormat, facts: MessageFacts, compile: Compile): Words {
  const body = usable(compile, parts.body, parts.fields.body)
  const subject =
    format.subject === null || parts.subject === undefined ? null : usable(compile, parts.subject, parts.fields.subject)
  return {
    subject: subject === null ? '' : subjectLine(subject.render(facts)),
    text: body.render(facts),
    templateRevision: `custom:${hex(subject === null ? body.hash : hashOf(hex(subject.hash), body.hash))}`,
    isCustom: true,
  }
}

function wordsOf({ channel, facts, templates, compile = compileTemplate }: RenderInput): Words {
  const { content, field } = channel
  const parts = partsOf(templates, templateKeyOf[facts.category], field)
  const custom = parts === null ? null : customWords(parts, content, facts, compile)
  if (custom !== null && custom.text.trim() !== '' && !isTooLong(content.limit, custom.text)) return custom
  return { subject: '', text: content.text(facts), templateRevision: 'default:1', isCustom: false }
}

type RenderInput = {
  readonly channel: Templated
  readonly facts: MessageFacts
  readonly templates: TemplateSet
  /** Default: templates are remembered. `compileDraft` for what is not stored. */
  readonly compile?: Compile | undefined
}

/**
 * The message as it goes out: the organization's template for the category, else the built-in English text. Dates and
 * times are of the appointment's zone, written in the recipient's locale. A template that renders to nothing but blanks
 * for these facts, or to more than the channel takes, is replaced by the built-in text, its subject by the built-in
 * subject: an empty message reminds nobody, and one that is too long arrives nowhere.
 * @throws NotificationError `template_invalid` if the stored template is broken; `checkTemplates` refuses such ones early.
 * @throws RangeError for an invalid date or a time zone that Intl does not know; the schemas let neither through.
 */
export function renderMessage(input: RenderInput): RenderedMessage {
  const { channel, facts } = input
  const { subject, text, templateRevision, isCustom } = wordsOf(input)
  const builtIn = channel.content.subject
  const [locale = 'en'] = usableLocales(facts.locale)
  // The built-in text is English whatever the recipient reads; a screen reader must not be told otherwise.
  const language = isCustom || /^en\b/.test(locale) ? locale : 'en'
  return {
    subject: builtIn === null ? null : subject === '' ? subjectLine(builtIn(facts)) : subject,
    ...channel.content.finish(text, language),
    template: null,
    templateRevision,
  }
}
