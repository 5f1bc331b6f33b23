import { z } from 'zod'
import { templateKeys } from './vocabulary.ts'

/** The documented string is the body; the object adds a subject, used by e-mail only. */
export const template = z.union([
  z.string().min(1).max(20_000),
  z.strictObject({ subject: z.string().min(1).max(500).optional(), body: z.string().min(1).max(20_000) }),
])
export type Template = z.infer<typeof template>

export const templateSet = z.partialRecord(z.enum(templateKeys), template)
export type TemplateSet = z.infer<typeof templateSet>
