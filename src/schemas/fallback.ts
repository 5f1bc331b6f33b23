import { z } from 'zod'
import { type Channel, channels } from '../channels/index.ts'
import { type Category, categories } from './vocabulary.ts'

/** A channel that takes over from another one. */
const fallbackStep = z.strictObject({
  /** The channel that takes over. */
  channel: z.enum(channels).describe('The channel on which it is sent then'),
  /**
   * It also takes over from a message that was sent, but not reported as delivered within so many minutes (1 to 10080),
   * while its account reports other messages sent since. That message may still arrive. Default: only after a certain
   * failure.
   */
  unreportedMinutes: z
    .int()
    .min(1)
    .max(7 * 24 * 60)
    .optional()
    .describe(
      'Minutes after which it takes over from a message that was sent and not reported as delivered, too, while its account does report what it sent since. That message may still arrive. Default: never',
    ),
})
/** A channel that takes over from another one. */
export type FallbackStep = z.infer<typeof fallbackStep>

/** What happens to messages of a category that failed for certain. */
const fallbackRule = z.strictObject({
  /** Kind of message. Default: every kind without a rule of its own. */
  category: z.enum(categories).optional().describe('Kind of message. Default: every kind without an entry of its own'),
  /** Channels to try, in this order. An empty list: none. */
  channels: z
    .array(fallbackStep)
    .max(channels.length)
    .refine((steps) => new Set(steps.map(({ channel }) => channel)).size === steps.length, 'must name a channel once')
    .describe('The channels that are tried then, in their order. An empty list: none'),
})
/** Which channels take over when a message of a category has certainly failed. */
export type FallbackRule = z.infer<typeof fallbackRule>

export const fallbackRules = z.array(fallbackRule).max(20)

/**
 * The steps for a message of this category that began on the channel `root`. A rule for the category comes before the rule
 * for every kind; of several equal ones, the last counts.
 */
export function fallbackChain(
  rules: readonly FallbackRule[],
  category: Category,
  root: Channel,
): readonly FallbackStep[] {
  const own = rules.findLast((rule) => rule.category === category)
  const found = own ?? rules.findLast((rule) => rule.category === undefined)
  return (found?.channels ?? []).filter(({ channel }) => channel !== root)
}

/** The step after the channel `last`. Null: all have been tried. `root`: the channel on which the message began. */
export function nextStep(chain: readonly FallbackStep[], root: Channel, last: Channel): FallbackStep | null {
  if (last === root) return chain[0] ?? null
  const place = chain.findIndex(({ channel }) => channel === last)
  // What was tried is in the chain no more: nobody knows what else was.
  return place < 0 ? null : (chain[place + 1] ?? null)
}
