import { z } from 'zod'

const text = (fallback: string) =>
  z
    .string()
    .optional()
    .transform((value) => value || fallback)
const number = (fallback: number) => text(String(fallback)).transform(Number).pipe(z.int().min(0))
const set = text('').transform((value) => (value === '' ? null : value))

/** Whether only this machine can reach a server on this host. */
const isLoopback = (host: string) => host === 'localhost' || host === '::1' || /^127(?:\.\d+){3}$/.test(host)

const variables = z.object({
  /** 0 takes a free port. */
  PORT: number(8001).pipe(z.int().max(65_535)),
  HOST: text('127.0.0.1'),
  DATABASE_FILE: text('task-manager.sqlite'),
  /** The bearer token that callers must send. Without it anyone on this machine may call; on other hosts it must be set. */
  TASK_MANAGER_TOKEN: set,
  /** The mail server of `email` tasks. On port 465 the connection begins with TLS. */
  SMTP_HOST: text('127.0.0.1'),
  SMTP_PORT: number(2525),
  SMTP_USERNAME: set,
  SMTP_PASSWORD: set,
  SMTP_FROM: text('reminders@localhost'),
  /** Where `sms` tasks are posted, as `{ id, to, message }`. Without it they are only printed. */
  SMS_WEBHOOK_URL: set.pipe(z.url().nullable()),
  /** Wait before the first retry of a task or callback, in ms. It doubles, up to sixty times as long. */
  RETRY_BASE_MS: number(1000),
})

const schema = variables.refine(({ TASK_MANAGER_TOKEN, HOST }) => TASK_MANAGER_TOKEN !== null || isLoopback(HOST), {
  path: ['TASK_MANAGER_TOKEN'],
  message: 'must be set where others can reach TaskManager (HOST): it calls whatever URL a task names',
})

export type Environment = z.infer<typeof schema>
export const readEnvironment = (env: NodeJS.ProcessEnv): Environment => schema.parse(env)
