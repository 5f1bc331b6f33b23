import { z } from 'zod'
import { templateKeys } from './vocabulary.ts'

const body = z.string().min(1).max(20_000).describe('Text in ICU MessageFormat')

/** The documented string is the body; the object adds a subject, used by e-mail only. */
export const template = z
  .union([
    body,
    z.strictObject({
      subject: z.string().min(1).max(500).optional().describe('Subject of an e-mail. Default: the built-in one'),
      body,
    }),
  ])
  .describe('The text, or an object with a subject and the text')
export type Template = z.infer<typeof template>

export const templateSet = z
  .partialRecord(z.enum(templateKeys), template)
  .describe('Templates by key; the built-in text is used for a key that is left out')
export type TemplateSet = z.infer<typeof templateSet>
