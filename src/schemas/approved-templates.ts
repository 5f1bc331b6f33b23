import { z } from 'zod'
import { remember } from './remember.ts'
import { templateKeys } from './vocabulary.ts'

/** `pt-br` becomes `pt_BR`, as providers write it. Which language it is stays: they know `prs_AF`, and not the `fa-AF` that Intl prefers. */
function providerLanguage(text: string): string {
  const parts = /^([a-z]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|\d{3}))?$/i.exec(text)
  if (parts === null) return text
  const [, language = '', script, region] = parts
  const written = script && `${script.charAt(0).toUpperCase()}${script.slice(1).toLowerCase()}`
  return [language.toLowerCase(), written, region?.toUpperCase()].filter(Boolean).join('_')
}

/** What somebody can read: `word`, a language and script such as `en-Latn`, null for what is no language; `tag` names the region too. */
const readersOf = remember({ maxBytes: 100_000, bytesOf: () => 200 }, (text: string) => {
  try {
    const locale = new Intl.Locale(text.replaceAll('_', '-'))
    const { language, script } = locale.maximize()
    return { word: `${generalOf.get(language) ?? language}-${script}`, tag: locale.toString() }
  } catch {
    return { word: null, tag: text }
  }
})

/** Norwegian is `nb` to providers, and `no` to many browsers and hosts. */
const generalOf = new Map([['nb', 'no']])

/** The provider's price categories of templates. */
export const templateCategories = ['UTILITY', 'AUTHENTICATION', 'MARKETING'] as const
export type TemplateCategory = (typeof templateCategories)[number]

/** A template that a provider approved, as an organization names it. */
export const approvedTemplate = z.strictObject({
  /** Language that it was approved in, as the provider writes it: `en`, `pt_BR`. */
  language: z
    .string()
    .max(35)
    .overwrite(providerLanguage)
    .refine(
      (text) => /^[a-z]{2,3}(?:_|$)/.test(text) && readersOf(text).word !== null,
      'must be a language such as "en" or "pt_BR"',
    )
    .describe('Language that it was approved in, as the provider writes it: `en`, `pt_BR`'),
  /** Name of the template at the provider. */
  name: z.string().min(1).max(512).describe("The provider's name of it"),
  /**
   * The approved text with its placeholders, numbered in the order of appearance (`Hello {{1}}, see you {{2}}.`) or named
   * (`Hello {{first_name}}.`).
   */
  body: z
    .string()
    .min(1)
    .max(2000)
    .describe(
      'Its approved text, with its variables: numbered in the order in which they appear, `Hello {{1}}, see you {{2}}.`, or named, `Hello {{first_name}}.`',
    ),
  /** The library's variable for each placeholder, in the order of appearance: `['patient_name', 'relative_day']`. */
  variables: z
    .array(z.string().min(1).max(50))
    .max(50)
    .describe('What stands for each, in the order in which they first appear: `["patient_name", "relative_day"]`'),
  /** Price category at the provider. Default `UTILITY`. */
  category: z.enum(templateCategories).optional().describe('What the provider charges it as. Default `UTILITY`'),
})
/** A message template that the provider approved. */
export type ApprovedTemplate = z.infer<typeof approvedTemplate>

export const approvedTemplateSet = z
  .partialRecord(z.enum(templateKeys), z.array(approvedTemplate).max(100).describe('The template in each language'))
  .describe('Approved templates by key, one for each language')
/** Approved templates by key, one for each language. */
export type ApprovedTemplateSet = z.infer<typeof approvedTemplateSet>

/** An approved template with the values of one message. */
export type FilledTemplate = {
  readonly name: string
  /** As the provider writes it: `en`, `pt_BR`. */
  readonly language: string
  /** What the provider charges it as, as far as the organization says. */
  readonly category: TemplateCategory
  /**
   * In the order of the template. `key` is what it has between braces, `1` or a name; `name` our variable for it; a value is one
   * line, and never empty.
   */
  readonly parameters: readonly { readonly key: string; readonly name: string; readonly value: string }[]
}

/**
 * The template for the first of these locales (BCP 47) in whose language there is one: of the same region, else of none, else of
 * another region. Null: there is none.
 */
export function templateFor<Template extends { readonly language: string }>(
  templates: readonly Template[],
  locales: readonly (string | null | undefined)[],
): Template | null {
  for (const locale of locales) {
    if (locale === null || locale === undefined) continue
    const { word, tag } = readersOf(locale)
    const readable = templates.filter(({ language }) => word !== null && readersOf(language).word === word)
    const found =
      readable.find(({ language }) => readersOf(language).tag === tag) ??
      readable.find(({ language }) => tag.startsWith(`${readersOf(language).tag}-`)) ??
      readable[0]
    if (found !== undefined) return found
  }
  return null
}

/** The language in which dates and times of a message are written: the reader's own form of the template's language. */
export const languageOfValues = ({ language }: ApprovedTemplate, locale: string | null | undefined): string =>
  locale !== null && locale !== undefined && readersOf(locale).word === readersOf(language).word
    ? locale
    : language.replaceAll('_', '-')
