import { z } from 'zod'

const text = (fallback: string) =>
  z
    .string()
    .optional()
    .transform((value) => (value === undefined || value === '' ? fallback : value))

const flag = text('').transform((value) => ['1', 'true', 'yes'].includes(value.toLowerCase()))

/** Whether only this machine can reach a server on this host. */
const isLoopback = (host: string) => host === 'localhost' || host === '::1' || /^127(?:\.\d+){3}$/.test(host)

const variables = z.object({
  /** Where the clinic listens. Default: loopback. */
  HOST: text('127.0.0.1'),
  /** 0 takes a free port. */
  PORT: text('8000').transform(Number).pipe(z.int().min(0).max(65_535)),
  /** `:memory:` keeps nothing. */
  DATABASE_FILE: text('clinic.sqlite'),
  /** `postgres://...` keeps the library's rows in PostgreSQL; without it they are in the file too. */
  DATABASE_URL: z.string().optional(),
  /** The token of the scheduling backend itself. On loopback the default is `clinic-demo-token`. */
  CLINIC_TOKEN: text(''),
  /** The URL at which others reach the clinic; for callback URLs. Default: where it listens. */
  PUBLIC_URL: z.string().optional(),
  /** 32 bytes in base64. Without it a key is made for this run, so credentials saved now cannot be read in the next one. */
  NOTIFICATIONS_ENCRYPTION_KEY: z.string().optional(),
  /** Lets organizations use SMTP servers on private addresses and any port, for tests on one machine. */
  ALLOW_PRIVATE_SMTP_HOSTS: flag,
  /** A test server in place of Twilio's API. */
  TWILIO_API_BASE_URL: z.url().optional(),
  /** A test server in place of Meta's API, such as `whatsapp-stand-in.ts` in this folder. */
  WHATSAPP_API_BASE_URL: z.url().optional(),
  /** The URL of TaskManager; `TASK_MANAGER_MODE`: it delivers (`deliver`), or only calls back when a message is due (`trigger`). */
  TASK_MANAGER_URL: z
    .string()
    .optional()
    .transform((value) => (value === '' ? undefined : value)),
  TASK_MANAGER_MODE: text('deliver').pipe(z.enum(['deliver', 'trigger'])),
})

/** The publicly known default token is only for servers that no other machine can reach. */
const schema = variables.transform(({ CLINIC_TOKEN, ...rest }, context) => {
  if (CLINIC_TOKEN !== '' || isLoopback(rest.HOST))
    return { ...rest, CLINIC_TOKEN: CLINIC_TOKEN || 'clinic-demo-token' }
  const message = `must be set where others can reach the clinic (HOST is ${rest.HOST}); make one with: openssl rand -hex 32`
  context.addIssue({ code: 'custom', path: ['CLINIC_TOKEN'], message })
  return z.NEVER
})

export const readEnvironment = (env: NodeJS.ProcessEnv) => schema.parse(env)
