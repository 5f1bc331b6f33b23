import { z } from 'zod'
import { serversSchema } from './servers.ts'

/** What a section gets: a directory that goes after the run, and the servers of the run. */
export const worldSchema = z.object({ directory: z.string(), servers: serversSchema })
export type World = z.infer<typeof worldSchema>
