import { createTransport } from 'nodemailer'
import { z } from 'zod'
import type { TaskRow } from './database.ts'
import type { Environment } from './environment.ts'

/** The `result` of the callback. */
export type SendResult = { readonly message_id: string; readonly delivered_at: string | null } | Record<string, never>

/** `code` is a short code, because errors are stored and returned, and a server's message may repeat an address. */
export class SendFailure extends Error {
  readonly code: string
  readonly isFinal: boolean

  constructor(code: string, isFinal: boolean) {
    super(code)
    this.code = code
    this.isFinal = isFinal
  }
}

const emailPayload = z.object({
  recipient_email: z.string(),
  subject: z.string().nullish(),
  message: z.string(),
})
const smsPayload = z.object({ recipient_phone: z.string(), message: z.string() })

/** Sends the messages of tasks. `send` rejects with a SendFailure. */
export function createSenders(env: Environment) {
  const mailer = createTransport({
    host: env.SMTP_HOST,
    port: env.SMTP_PORT,
    secure: env.SMTP_PORT === 465,
    ...(env.SMTP_USERNAME === null ? {} : { auth: { user: env.SMTP_USERNAME, pass: env.SMTP_PASSWORD ?? '' } }),
    pool: true,
    maxConnections: 10,
    maxMessages: Number.POSITIVE_INFINITY,
    connectionTimeout: 10_000,
    socketTimeout: 30_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  })

  async function email(task: TaskRow): Promise<SendResult> {
    const { recipient_email: to, subject, message: text } = emailPayload.parse(JSON.parse(task.payload))
    try {
      await mailer.sendMail({ from: env.SMTP_FROM, to, subject: subject ?? '', text, messageId: task.message_id })
    } catch (error) {
      throw smtpFailure(error)
    }
    // `delivered_at` is the documented name; all that is known is that the mail server accepted the mail.
    return { message_id: task.message_id, delivered_at: new Date().toISOString() }
  }

  async function sms(task: TaskRow): Promise<SendResult> {
    const { recipient_phone: to, message } = smsPayload.parse(JSON.parse(task.payload))
    if (env.SMS_WEBHOOK_URL === null) {
      console.log(`printed, not sent: SMS to ${to}: ${message}`)
      return { message_id: `printed-${task.id}`, delivered_at: null }
    }
    const id = `sms-${task.id}`
    const { error, isFinal } = await post(env.SMS_WEBHOOK_URL, { id, to, message })
    if (error !== null) throw new SendFailure(error, isFinal)
    return { message_id: id, delivered_at: new Date().toISOString() }
  }

  return {
    async send(task: TaskRow): Promise<SendResult> {
      if (task.task_type === 'email') return email(task)
      if (task.task_type === 'sms') return sms(task)
      // A `callback` task consists only of its callback, which follows in any case.
      return {}
    },
    close: () => mailer.close(),
  }
}

/** 5xx is final; without a response the mail may have been sent, and is tried again with the same Message-ID. */
function smtpFailure(error: unknown): SendFailure {
  const { responseCode, code } = z
    .object({ responseCode: z.int().optional(), code: z.string().optional() })
    .catch({})
    .parse(error)
  if (responseCode !== undefined) return new SendFailure(`smtp_${responseCode}`, responseCode >= 500)
  return new SendFailure(`smtp_${(code ?? 'failed').toLowerCase()}`, false)
}

export type PostResult = { readonly error: string | null; readonly isFinal: boolean }

/** Posts JSON. Never rejects: 2xx is no error; 4xx other than 408 and 429 is a final one. */
export async function post(url: string, body: string | object): Promise<PostResult> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      redirect: 'manual',
      signal: AbortSignal.timeout(10_000),
    })
    await response.body?.cancel()
    if (response.ok) return { error: null, isFinal: true }
    const { status } = response
    return { error: `http_${status}`, isFinal: status >= 300 && status < 500 && status !== 408 && status !== 429 }
  } catch {
    return { error: 'unreachable', isFinal: false }
  }
}
