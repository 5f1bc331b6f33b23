import { templateFor } from '../schemas/approved-templates.ts'
import type { Template, TemplateSet, TemplateVariant } from '../schemas/templates.ts'
import { type Audience, audiences, type TemplateKey } from '../schemas/vocabulary.ts'
import type { Form } from './compile.ts'

/** A text of a template, and its path in the settings, such as `emailTemplates.appointment_reminder.body`. */
export type Piece = { readonly text: string; readonly field: string; readonly form: Form }

/** The texts that make one message. */
export type TemplateParts = {
  /** The language that it is for; null: that of the organization, whoever reads it. */
  readonly language: string | null
  readonly body: Piece
  readonly subject: Piece | null
  readonly preheader: Piece | null
  readonly buttons: readonly { readonly label: Piece; readonly url: Piece }[]
}

/** Who reads a message, and of what kind of appointment it speaks. */
export type Reader = {
  readonly language: string | null | undefined
  readonly kind: string | null
  readonly audience: Audience
}

type Whole = Omit<TemplateVariant, 'kind' | 'audience' | 'body'>

/** Most templates are a string or little more, and most messages are made of one: nothing else is looked at for these. */
const noButtons: TemplateParts['buttons'] = []

const plain = (text: string, field: string): Piece => ({ text, field, form: 'text' })

const partsAt = (
  { language, subject, preheader, format, buttons }: Whole,
  body: string,
  field: string,
): TemplateParts => ({
  language: language ?? null,
  body: { text: body, field: `${field}.body`, form: format ?? 'text' },
  subject: subject === undefined ? null : plain(subject, `${field}.subject`),
  preheader: preheader === undefined ? null : plain(preheader, `${field}.preheader`),
  buttons:
    buttons?.map(({ label, url }, index) => ({
      label: plain(label, `${field}.buttons[${index}].label`),
      url: { text: url, field: `${field}.buttons[${index}].url`, form: 'link' },
    })) ?? noButtons,
})

const ofText = (text: string, field: string): TemplateParts => ({
  language: null,
  body: plain(text, field),
  subject: null,
  preheader: null,
  buttons: noButtons,
})

const ofReaders = (template: Exclude<Template, string>, field: string): TemplateParts | null =>
  template.body === undefined ? null : partsAt(template, template.body, field)

const variantAt = (variant: TemplateVariant, field: string, index: number): TemplateParts =>
  partsAt(variant, variant.body, `${field}.variants[${index}]`)

/** The stored template of a key, own properties only. */
const templateOf = (templates: TemplateSet, key: TemplateKey): Template | undefined =>
  Object.hasOwn(templates, key) ? templates[key] : undefined

/** All that the templates of a key say, to check it. */
export function everyPart(templates: TemplateSet, key: TemplateKey, root: string): readonly TemplateParts[] {
  const template = templateOf(templates, key)
  const field = `${root}.${key}`
  if (template === undefined) return []
  if (typeof template === 'string') return [ofText(template, field)]
  const whole = ofReaders(template, field)
  const variants = template.variants?.map((one, index) => variantAt(one, field, index)) ?? []
  return whole === null ? variants : [whole, ...variants]
}

/** The texts for this reader; null: there are none, and the built-in ones are sent. */
export function partsFor(
  templates: TemplateSet,
  key: TemplateKey,
  root: string,
  reader: Reader | null,
): TemplateParts | null {
  const template = templateOf(templates, key)
  const field = `${root}.${key}`
  if (template === undefined) return null
  if (typeof template === 'string') return ofText(template, field)
  const variant = template.variants === undefined || reader === null ? null : variantFor(template.variants, reader)
  return variant === null || template.variants === undefined
    ? ofReaders(template, field)
    : variantAt(variant, field, template.variants.indexOf(variant))
}

/** Readers for whom the texts of a key may differ: whom no variant is for, and those of each. */
export function readersOf(templates: TemplateSet, key: TemplateKey): readonly Reader[] {
  const template = templateOf(templates, key)
  const variants = template === undefined || typeof template === 'string' ? [] : (template.variants ?? [])
  const whose: readonly Pick<TemplateVariant, 'language' | 'kind' | 'audience'>[] = [{}, ...variants]
  return whose.flatMap(({ language = null, kind = null, audience }) =>
    (audience === undefined ? audiences : [audience]).map((one) => ({ language, kind, audience: one })),
  )
}

/**
 * Of those that are for this reader, the most exact: the language that is read best comes first, of these the one for the kind of
 * appointment, and then the one for the audience. So nobody is written to in a language that they do not read for the sake of the rest.
 */
function variantFor(
  variants: readonly TemplateVariant[],
  { language, kind, audience }: Reader,
): TemplateVariant | null {
  const fitting = variants.filter((one) => (one.kind ?? kind) === kind && (one.audience ?? audience) === audience)
  const best = templateFor(fitting.flatMap(inLanguage), [language])?.language
  const readable = fitting.filter((one) => one.language === best)
  const exactness = (one: TemplateVariant) => (one.kind === undefined ? 0 : 2) + (one.audience === undefined ? 0 : 1)
  return readable.reduce<TemplateVariant | null>(
    (found, one) => (found === null || exactness(one) > exactness(found) ? one : found),
    null,
  )
}

const inLanguage = ({ language }: TemplateVariant) => (language === undefined ? [] : [{ language }])
