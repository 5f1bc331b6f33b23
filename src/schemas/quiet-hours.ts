import { z } from 'zod'
import { type Channel, channelOf, channels } from '../channels/index.ts'
import { categories } from './vocabulary.ts'

const timeOfDay = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as 21:00')

/**
 * A daily time span in which nothing is sent, by the local time of the recipient. `from` is inside the span, `to` is not. It
 * may pass midnight.
 */
const quietSpan = z
  .strictObject({
    /** Start, `HH:MM` (24 hours). */
    from: timeOfDay.describe('Time of day (`HH:MM`) from which nothing is sent'),
    /** End, `HH:MM`; on the next day if it is earlier than `from`. Must differ from `from`. */
    to: timeOfDay.describe('Time of day (`HH:MM`) from which messages are sent again; may be on the next day'),
  })
  .refine(({ from, to }) => from !== to, 'must begin and end at different times')
export type QuietSpan = z.infer<typeof quietSpan>

/**
 * What happens to a cancellation or reschedule notice that would arrive too late to be useful if it waited for the end of
 * the quiet hours: it is sent at once, or on a channel without quiet hours if one reaches the person.
 */
export const urgentPolicies = ['send', 'other_channel'] as const

const quietRule = z.strictObject({
  /** The quiet hours. Null: none. */
  hours: quietSpan.nullable().describe('The quiet hours. Null: none'),
  /** Channel that the rule is for. Default: every channel. */
  channel: z.enum(channels).optional().describe('Channel. Default: every channel'),
  /** Kind of message that the rule is for. Default: every kind. */
  category: z.enum(categories).optional().describe('Kind of message. Default: every kind'),
  /**
   * What happens to a cancellation or reschedule notice that would be of no use after the quiet hours. `send`: it is sent at
   * once. `other_channel`: it is sent on a channel without quiet hours, if one reaches the person. Default `send`.
   */
  urgent: z
    .enum(urgentPolicies)
    .optional()
    .describe(
      'What happens to a cancellation or reschedule notice that would be of no use after the quiet hours: it is sent at once (`send`), or by a channel without quiet hours where one reaches the person (`other_channel`). Default `send`',
    ),
})
/** Quiet hours of a channel and category. If several rules match a message, the most specific one counts. */
export type QuietRule = z.infer<typeof quietRule>

export const quietRules = z.array(quietRule).max(50)

/**
 * The quiet hours that the library suggests for each of these channels (default: all), for a settings form of an
 * organization that has not decided yet. A channel that needs none is left out.
 */
export const offeredQuietHours = (inUse: readonly Channel[] = channels): QuietRule[] =>
  inUse.flatMap((channel) => {
    const { quietHours } = channelOf(channel)
    return quietHours === null ? [] : [{ channel, hours: quietHours }]
  })
