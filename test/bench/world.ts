import { z } from 'zod'
import { serversSchema } from './servers.ts'

export const worldSchema = z.object({
  /** Goes after the run. */
  directory: z.string(),
  servers: serversSchema,
  /** How long the history of `statistics` is. */
  deliveries: z.int(),
  /** How often everybody's work is measured, and how much of it. */
  size: z.object({ rounds: z.int(), appointments: z.int() }),
})
/** What a section gets. */
export type World = z.infer<typeof worldSchema>
