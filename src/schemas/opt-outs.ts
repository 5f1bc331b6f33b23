import { z } from 'zod'
import { channels } from '../channels/index.ts'
import { categories } from './vocabulary.ts'

/** A kind of message that a person does not want on a channel. */
const optOut = z.strictObject({
  /** Channel. */
  channel: z.enum(channels).describe('Channel'),
  /** Kind of message. */
  category: z.enum(categories).describe('Kind of message'),
})
/** A kind of message that a person does not want on a channel. */
export type OptOut = z.infer<typeof optOut>

export const optOutList = z.array(optOut).max(channels.length * categories.length)
