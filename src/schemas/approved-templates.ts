import { z } from 'zod'
import { remember } from './remember.ts'
import { templateKeys } from './vocabulary.ts'

/** `pt-br` becomes `pt_BR`, as providers write it; what is no language stays as it is. */
function providerLanguage(text: string): string {
  try {
    return (Intl.getCanonicalLocales(text.replaceAll('_', '-'))[0] ?? text).replaceAll('-', '_')
  } catch {
    return text
  }
}

/** Language and script, such as `en-Latn`: what somebody can read. Null for what is no language. */
const readersOf = remember(
  { maxBytes: 100_000, bytesOf: () => 200 },
  (tag: string): { readonly word: string | null } => {
    try {
      const { language, script } = new Intl.Locale(tag.replaceAll('_', '-')).maximize()
      return { word: `${language}-${script}` }
    } catch {
      return { word: null }
    }
  },
)

/** A template that a provider approved, as an organization names it. */
export const approvedTemplate = z.strictObject({
  language: z
    .string()
    .max(35)
    .overwrite(providerLanguage)
    .refine(
      (text) => /^[a-z]{2,3}(?:_|$)/.test(text) && readersOf(text).word !== null,
      'must be a language such as "en" or "pt_BR"',
    )
    .describe('Language that it was approved in, as the provider writes it: `en`, `pt_BR`'),
  name: z.string().min(1).max(512).describe("The provider's name of it"),
  body: z
    .string()
    .min(1)
    .max(2000)
    .describe('Its approved text, variables numbered in the order in which they appear: `Hello {{1}}, see you {{2}}.`'),
  variables: z
    .array(z.string().min(1).max(50))
    .max(50)
    .describe('What the numbers stand for, `{{1}}` first: `["patient_name", "relative_day"]`'),
})
export type ApprovedTemplate = z.infer<typeof approvedTemplate>

export const approvedTemplateSet = z
  .partialRecord(z.enum(templateKeys), z.array(approvedTemplate).max(100).describe('The template in each language'))
  .describe('Approved templates by key, one for each language')
export type ApprovedTemplateSet = z.infer<typeof approvedTemplateSet>

/** An approved template with the values of one message. */
export type FilledTemplate = {
  readonly name: string
  /** As the provider writes it: `en`, `pt_BR`. */
  readonly language: string
  /** In the order of the template, `{{1}}` first. `name` is our variable; a value is one line, and never empty. */
  readonly parameters: readonly { readonly name: string; readonly value: string }[]
}

/**
 * The template for the first of these locales (BCP 47) in whose language there is one: of the same region, else of none, else of
 * another region. Null: there is none.
 */
export function templateFor(
  templates: readonly ApprovedTemplate[],
  locales: readonly (string | null | undefined)[],
): ApprovedTemplate | null {
  for (const locale of locales) {
    if (locale === null || locale === undefined) continue
    const { word } = readersOf(locale)
    const readable = templates.filter(({ language }) => word !== null && readersOf(language).word === word)
    const wanted = providerLanguage(locale)
    const found =
      readable.find(({ language }) => language === wanted) ??
      readable.find(({ language }) => wanted.startsWith(`${language}_`)) ??
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
