import { z } from 'zod'

const set = z
  .string()
  .optional()
  .transform((value) => (value === '' ? undefined : value))

const schema = z.object({
  /** Number of processes. */
  WORKERS: set.transform((value) => Number(value ?? 3)).pipe(z.int().min(1).max(64)),
  /** The port of the first process. 0 takes free ports for all. */
  PORT: set.transform((value) => Number(value ?? 8000)).pipe(z.int().min(0).max(65_535)),
  DATABASE_URL: z.string(
    'Several processes need PostgreSQL: set DATABASE_URL to postgres://user:password@host/database.',
  ),
  NOTIFICATIONS_ENCRYPTION_KEY: set,
})

export const readWorkers = (env: NodeJS.ProcessEnv) => schema.parse(env)
