/** The judge of what was sent: a real SMTP server that writes every mail down before it says that it has it. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { type SmtpServerSettings, type SmtpTestServer, startSmtpServer } from '../support/smtp-server.ts'

const line = z.object({ at: z.coerce.date(), to: z.string(), messageId: z.string() })
/** One mail to one recipient. Two lines with one `messageId` are one mail that was sent twice. */
export type LoggedMail = z.infer<typeof line>

/** Appends to `file`, one JSON object a line. */
export const startMailLog = (file: string, settings: SmtpServerSettings = {}): Promise<SmtpTestServer> =>
  startSmtpServer({
    parse: false,
    ...settings,
    onMail: ({ to, messageId }) => {
      const lines = to.map((one) => `${JSON.stringify({ at: new Date(), to: one, messageId: messageId ?? '' })}\n`)
      appendFileSync(file, lines.join(''))
    },
  })

export const readMailLog = (file: string): LoggedMail[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((text) => text !== '')
        .map((text) => line.parse(JSON.parse(text)))
    : []
