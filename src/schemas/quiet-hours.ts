import { z } from 'zod'
import { type Channel, channelOf, channels } from '../channels/index.ts'
import { categories } from './vocabulary.ts'

const timeOfDay = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as 21:00')

/** When nothing is sent, by the clocks of whoever gets it: `from` belongs to it, `to` no longer does. May go over midnight. */
const quietSpan = z
  .strictObject({
    from: timeOfDay.describe('Time of day (`HH:MM`) from which nothing is sent'),
    to: timeOfDay.describe('Time of day (`HH:MM`) from which messages are sent again; may be on the next day'),
  })
  .refine(({ from, to }) => from !== to, 'must begin and end at different times')
export type QuietSpan = z.infer<typeof quietSpan>

/**
 * What happens to a cancellation or reschedule notice that would be of no use after the quiet hours: it is sent at once, or by a channel
 * without quiet hours, if one reaches the person.
 */
export const urgentPolicies = ['send', 'other_channel'] as const

const quietRule = z.strictObject({
  hours: quietSpan.nullable().describe('The quiet hours. Null: none'),
  channel: z.enum(channels).optional().describe('Channel. Default: every channel'),
  category: z.enum(categories).optional().describe('Kind of message. Default: every kind'),
  urgent: z
    .enum(urgentPolicies)
    .optional()
    .describe(
      'What happens to a cancellation or reschedule notice that would be of no use after the quiet hours: it is sent at once (`send`), or by a channel without quiet hours where one reaches the person (`other_channel`). Default `send`',
    ),
})
export type QuietRule = z.infer<typeof quietRule>

export const quietRules = z.array(quietRule).max(50)

/** The quiet hours that suit these channels, for organizations that have not decided yet. */
export const offeredQuietHours = (inUse: readonly Channel[] = channels): QuietRule[] =>
  inUse.flatMap((channel) => {
    const { quietHours } = channelOf(channel)
    return quietHours === null ? [] : [{ channel, hours: quietHours }]
  })
