import { z } from 'zod'
import { locale } from './common.ts'
import { audiences, templateKeys } from './vocabulary.ts'

const body = z.string().min(1).max(20_000).describe('Text in ICU MessageFormat')

const button = z.strictObject({
  /** Text of the button. */
  label: z.string().min(1).max(200).describe('Words of the button'),
  /**
   * Link target: `https:`, `mailto:` or `tel:`. Variables within it are URL-encoded; `{confirm_url}` and similar variables
   * must be the whole value.
   */
  url: z
    .string()
    .min(1)
    .max(2000)
    .describe(
      'Where it leads: `https:`, `mailto:` or `tel:`. Values within it are encoded; `{confirm_url}` and its like stand alone',
    ),
})

const details = {
  /** Subject of an e-mail. Default: the built-in subject. */
  subject: z.string().min(1).max(500).optional().describe('Subject of an e-mail. Default: the built-in one'),
  /** Preview text that mail programs show beside the subject. */
  preheader: z.string().min(1).max(500).optional().describe('What mail programs show beside the subject of an e-mail'),
  /**
   * `markdown`: the body may have `# headings`, `- lists`, `1. lists`, `**bold**` and `[words](link)`; channels without HTML
   * get them as plain text. Default `text`.
   */
  format: z
    .enum(['text', 'markdown'])
    .optional()
    .describe(
      '`markdown`: the body has `# headings`, `- lists`, `1. lists`, `**bold**` and `[words](link)`, which other channels write out. Default `text`',
    ),
  /** Links below the text, at most 5. Channels without HTML get them written out. */
  buttons: z
    .array(button)
    .max(5)
    .optional()
    .describe('Links below the text; on channels without HTML they are written out'),
}

const variant = z
  .strictObject({
    /** Language (BCP 47) of the reader. Default: every language. */
    language: locale.optional().describe('Language (BCP 47) of the reader. Default: every language'),
    /** Kind of appointment (`kind` of your directory's appointments). Default: every kind. */
    kind: z
      .string()
      .trim()
      .min(1)
      .max(100)
      .optional()
      .describe('Kind of appointment, as your directory has it. Default: every kind'),
    /** `person`: whoever has the appointment. `other`: somebody else, such as a parent or the practitioner. Default: both. */
    audience: z
      .enum(audiences)
      .optional()
      .describe(
        '`person`: whoever has the appointment. `other`: somebody else, such as a parent or the practitioner. Default: both',
      ),
    ...details,
    /** Text in ICU MessageFormat, up to 20000 characters. */
    body,
  })
  .refine(
    ({ language, kind, audience }) => language !== undefined || kind !== undefined || audience !== undefined,
    'must say whom it is for: language, kind or audience',
  )
/** A text for some readers: by language, kind of appointment or audience, of which it must name at least one. */
export type TemplateVariant = z.infer<typeof variant>

const whole = z
  .strictObject({
    ...details,
    /** Text in ICU MessageFormat, up to 20000 characters. Default: the built-in text, for readers without a matching variant. */
    body: body
      .optional()
      .describe('Text in ICU MessageFormat. Default: the built-in text, where no variant is for the reader'),
    /**
     * Texts for some readers, at most 100. Of several that match, the most specific counts: language before kind of
     * appointment, and that before audience.
     */
    variants: z
      .array(variant)
      .max(100)
      .optional()
      .describe(
        'Texts for some readers. The most exact counts: language comes before kind of appointment, and that before audience',
      ),
  })
  .superRefine(({ body, variants = [], subject, preheader, buttons }, context) => {
    const issue = (message: string, ...path: (string | number)[]) => context.addIssue({ code: 'custom', path, message })
    if (body === undefined && variants.length === 0) issue('is required', 'body')
    if (body === undefined && [subject, preheader, buttons].some((part) => part !== undefined))
      issue('is required, as subject, preheader and buttons go with it', 'body')
    for (const [index, one] of variants.entries()) {
      const first = variants.findIndex((other) => isSameReader(one, other))
      if (first < index) issue(`is for the readers of variant ${first}`, 'variants', index)
    }
  })

type ForReader = Pick<TemplateVariant, 'language' | 'kind' | 'audience'>

const isSameReader = (one: ForReader, other: ForReader): boolean =>
  one.language?.toLowerCase() === other.language?.toLowerCase() &&
  one.kind === other.kind &&
  one.audience === other.audience

/** The documented string is the body; the object has what else a message may have, and texts for some readers. */
export const template = z.union([body, whole]).describe('The text, or an object with a subject, a text and more')
/** The body as text, or an object with a subject, a body and more. */
export type Template = z.infer<typeof template>

/** More than anybody writes, and little enough to be read with the settings of an organization. */
const maxSize = 500_000

export const templateSet = z
  .partialRecord(z.enum(templateKeys), template)
  .refine((set) => JSON.stringify(set).length <= maxSize, `must have at most ${maxSize} characters in all`)
  .describe('Templates by key; the built-in text is used for a key that is left out')
/** Templates by key, such as `appointment_reminder`. The built-in text is used for keys that are left out. */
export type TemplateSet = z.infer<typeof templateSet>

/** Named texts to use within templates: `{>footer}` inserts the text with the name `footer`. At most 50. */
export const partialSet = z
  .record(z.string().regex(/^[a-z][a-z0-9_]{0,49}$/, 'must be a name of small letters, digits and underscores'), body)
  .refine((set) => Object.keys(set).length <= 50, 'must have at most 50 texts')
/** Named texts to use within templates: `{>footer}` inserts the text with the name `footer`. */
export type PartialSet = z.infer<typeof partialSet>
