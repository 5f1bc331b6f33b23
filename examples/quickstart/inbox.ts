/** A real SMTP server on the loopback interface that requires a password and keeps the mail it receives. */
import { simpleParser } from 'mailparser'
import { SMTPServer } from 'smtp-server'

export type Mail = {
  readonly at: Date
  readonly from: string
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly messageId: string
}

export type Inbox = {
  readonly port: number
  /** In order of arrival; the array grows. */
  readonly mails: readonly Mail[]
  close(): Promise<void>
}

export async function openInbox(credentials: { username: string; password: string }): Promise<Inbox> {
  const mails: Mail[] = []
  const server = new SMTPServer({
    // The connection never leaves this machine, so it is not encrypted.
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    disableReverseLookup: true,
    closeTimeout: 100,
    onAuth({ username, password }, _session, done) {
      if (username === credentials.username && password === credentials.password) done(null, { user: username })
      else done(Object.assign(new Error('Wrong user name or password'), { responseCode: 535 }))
    },
    onData(stream, { envelope }, done) {
      simpleParser(stream).then((mail) => {
        mails.push({
          at: new Date(),
          from: mail.from?.text ?? '',
          to: envelope.rcptTo.map(({ address }) => address).join(', '),
          subject: mail.subject ?? '',
          text: (mail.text ?? '').trim(),
          html: mail.html || '',
          messageId: mail.messageId ?? '',
        })
        done()
      }, done)
    },
  })
  server.on('error', (error) => console.error('the SMTP server failed:', error.message))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.server.address()
  if (address === null || typeof address === 'string') throw new Error('the SMTP server listens on no port')
  return { port: address.port, mails, close: () => new Promise((resolve) => server.close(resolve)) }
}
