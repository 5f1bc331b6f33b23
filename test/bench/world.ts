import { z } from 'zod'
import { serversSchema } from './servers.ts'

/** What a section gets: a directory that goes after the run, the servers of the run, and how long the history of `statistics` is. */
export const worldSchema = z.object({ directory: z.string(), servers: serversSchema, deliveries: z.int() })
export type World = z.infer<typeof worldSchema>
