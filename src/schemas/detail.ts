import { z } from 'zod'
import { type Channel, channels } from '../channels/index.ts'
import { type Category, categories, type DetailLevel, detailLevels } from './vocabulary.ts'

/** How much messages of a channel and category say. Without a channel or category the rule is for every one. */
const detailRule = z.strictObject({
  /** 0: only that there is an appointment. 1: also its date and time, and whose it is. 2: also place and practitioner. */
  level: z
    .literal(detailLevels)
    .describe('0: that there is an appointment. 1: its day and time, and whose it is. 2: place and practitioner too'),
  /** Channel that the rule is for. Default: every channel. */
  channel: z.enum(channels).optional().describe('Channel. Default: every channel'),
  /** Kind of message that the rule is for. Default: every kind. */
  category: z.enum(categories).optional().describe('Kind of message. Default: every kind'),
})
/** How much messages of a channel and category say. */
export type DetailRule = z.infer<typeof detailRule>

export const detailRules = z.array(detailRule).max(50)

/** The level that the rules give a message; null: none is about it. */
export const levelBy = (rules: readonly DetailRule[], channel: Channel, category: Category): DetailLevel | null =>
  mostExact(rules, channel, category)?.level ?? null

type ByKind = { readonly channel?: Channel | undefined; readonly category?: Category | undefined }

/** The rule that counts for a message: the most exact, of equals the last; null: none is about it. */
export function mostExact<Rule extends ByKind>(
  rules: readonly Rule[],
  channel: Channel,
  category: Category,
): Rule | null {
  let found: Rule | null = null
  for (const rule of rules) {
    if ((rule.channel ?? channel) !== channel || (rule.category ?? category) !== category) continue
    if (found === null || exactness(rule) >= exactness(found)) found = rule
  }
  return found
}

const exactness = ({ channel, category }: ByKind): number =>
  (channel === undefined ? 0 : 2) + (category === undefined ? 0 : 1)
