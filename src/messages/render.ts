import type { Template, TemplateSet } from '../schemas/templates.ts'
import { type TemplateKey, templateKeyOf } from '../schemas/vocabulary.ts'
import { usableLocales } from './calendar.ts'
import { type CompiledTemplate, compileTemplate, hashOf, hex } from './compile.ts'
import type { MessageFacts, RenderedMessage } from './facts.ts'
import type { Templated, TextFormat } from './format.ts'
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

type Words = {
  readonly subject: string
  readonly text: string
  readonly templateRevision: string
  readonly isCustom: boolean
  readonly isTemplateWithheld?: true
}

/** Null: the template says more than the message may. */
function customWords(parts: TemplateParts, format: TextFormat, facts: MessageFacts, compile: Compile): Words | null {
  const body = usable(compile, parts.body, parts.fields.body)
  const subject =
    format.subject === null || parts.subject === undefined ? null : usable(compile, parts.subject, parts.fields.subject)
  if (Math.max(body.level, subject?.level ?? 0) > (facts.detail ?? 2)) return null
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
  const builtIn = { subject: '', text: content.text(facts), templateRevision: 'default:1', isCustom: false }
  return parts !== null && custom === null ? { ...builtIn, isTemplateWithheld: true } : builtIn
}

type RenderInput = {
  readonly channel: Templated
  readonly facts: MessageFacts
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
  const { channel, facts } = input
  const { subject, text, templateRevision, isCustom, isTemplateWithheld } = wordsOf(input)
  const builtIn = channel.content.subject
  const wording = facts.wording ?? englishFor(facts.locale)
  // By this a screen reader pronounces: it is the language of the words, whatever the recipient prefers.
  const [language = 'en'] = usableLocales(isCustom ? facts.locale : wording.locale)
  return {
    subject: builtIn === null ? null : subject === '' ? subjectLine(builtIn(facts)) : subject,
    ...channel.content.finish(text, language, input.keepsCharacters),
    template: null,
    templateRevision,
    ...(isTemplateWithheld === undefined ? {} : { isTemplateWithheld }),
  }
}
