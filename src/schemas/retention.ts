import { z } from 'zod'

/** The kinds of data that have a retention time of their own. */
export const retentionKinds = ['texts', 'addresses', 'decisions', 'audit'] as const
/** A kind of data that has a retention time of its own. */
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
  /** Days for texts of messages and of what people wrote, 0 to 36525. Default 0: forever. */
  texts: days('texts of messages, and what people wrote,'),
  /** Days for the addresses of messages and of people who wrote, 0 to 36525. Default 0: forever. */
  addresses: days('addresses of messages, and of who wrote,'),
  /** Days for the decisions that `explain()` shows, 0 to 36525. Default 0: forever. */
  decisions: days('decisions, which `explain` shows,'),
  /** Days for entries of the audit log, 0 to 36525. Default 0: forever. */
  audit: days('entries of the audit log'),
})
/** For how many days data is kept after it is over, by kind. 0 or left out: forever. */
export type RetentionRules = z.infer<typeof retentionRules>

/** Suggested retention in days, for organizations without other obligations by law or contract. */
export const suggestedRetention = {
  texts: 90,
  addresses: 365,
  decisions: 365,
  audit: 1095,
} as const satisfies Required<RetentionRules>
