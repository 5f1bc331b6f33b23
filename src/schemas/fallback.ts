import { z } from 'zod'
import { type Channel, channels } from '../channels/index.ts'
import { type Category, categories } from './vocabulary.ts'

/** A channel that takes over from another. */
const fallbackStep = z.strictObject({
  channel: z.enum(channels).describe('The channel on which it is sent then'),
  unreportedMinutes: z
    .int()
    .min(1)
    .max(7 * 24 * 60)
    .optional()
    .describe(
      'Minutes after which it takes over from a message that was sent and not reported as delivered, too, while its account does report what it sent since. That message may still arrive. Default: never',
    ),
})
export type FallbackStep = z.infer<typeof fallbackStep>

/** What happens to messages of a category that failed for certain. */
const fallbackRule = z.strictObject({
  category: z.enum(categories).optional().describe('Kind of message. Default: every kind without an entry of its own'),
  channels: z
    .array(fallbackStep)
    .max(channels.length)
    .refine((steps) => new Set(steps.map(({ channel }) => channel)).size === steps.length, 'must name a channel once')
    .describe('The channels that are tried then, in their order. An empty list: none'),
})
export type FallbackRule = z.infer<typeof fallbackRule>

export const fallbackRules = z.array(fallbackRule).max(20)

/** The steps for messages of a category that began on a channel: of an entry of its own before that for every kind, of equals the last. */
export function fallbackChain(
  rules: readonly FallbackRule[],
  category: Category,
  root: Channel,
): readonly FallbackStep[] {
  const own = rules.findLast((rule) => rule.category === category)
  const found = own ?? rules.findLast((rule) => rule.category === undefined)
  return (found?.channels ?? []).filter(({ channel }) => channel !== root)
}

/** The step after this channel; null: all have been tried. `root`: where the message began. */
export function nextStep(chain: readonly FallbackStep[], root: Channel, last: Channel): FallbackStep | null {
  if (last === root) return chain[0] ?? null
  const place = chain.findIndex(({ channel }) => channel === last)
  // What was tried is in the chain no more: nobody knows what else was.
  return place < 0 ? null : (chain[place + 1] ?? null)
}
