import { z } from 'zod'

/** What is kept for a time of its own. */
export const retentionKinds = ['texts', 'addresses', 'decisions', 'audit'] as const
export type RetentionKind = (typeof retentionKinds)[number]

/** A century: longer is 0. */
const longestDays = 36_525

const days = (what: string) =>
  z
    .int()
    .min(0)
    .max(longestDays)
    .optional()
    .describe(`Days that ${what} are kept after they are over. 0, the default: forever`)

/** How many days what is over is kept, by kind; 0 or left out: forever. */
export const retentionRules = z.strictObject({
  texts: days('texts of messages, and what people wrote,'),
  addresses: days('addresses of messages, and of who wrote,'),
  decisions: days('decisions, which `explain` shows,'),
  audit: days('entries of the audit log'),
})
export type RetentionRules = z.infer<typeof retentionRules>

/** What a clinic may begin with, where no law or contract says otherwise. */
export const suggestedRetention = {
  texts: 90,
  addresses: 365,
  decisions: 365,
  audit: 1095,
} as const satisfies Required<RetentionRules>
