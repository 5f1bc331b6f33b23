import { capture } from '../../../adapters/transport/capture.ts'
import { consoleTransport } from '../../../adapters/transport/console.ts'
import { smtp } from '../../../adapters/transport/smtp.ts'
import { TransportError } from '../../../src/index.ts'
import { startSmtpServer } from '../../support/smtp-server.ts'
import { transportConformance } from './index.ts'

transportConformance({
  name: 'smtp',
  async open() {
    const credentials = { username: 'canary-username', password: 'canary-password' }
    const server = await startSmtpServer({ credentials, parse: false })
    return {
      transport: smtp(),
      channel: 'EMAIL',
      account: { channel: 'EMAIL', host: '127.0.0.1', port: server.port, ...credentials },
      received: async () => server.mails.map((mail) => mail.messageId ?? ''),
      refuse(text) {
        server.fault = { at: 'rcpt', how: { code: 550, text } }
      },
      close: server.close,
    }
  },
})

for (const channel of ['EMAIL', 'SMS'] as const) {
  transportConformance({
    name: `capture, ${channel}`,
    async open() {
      let refusing = false
      const transport = capture({
        fail: () => (refusing ? new TransportError('told to fail', { outcome: 'permanent', code: 'told' }) : null),
      })
      return {
        transport,
        channel,
        received: async () => transport.sent.map((message) => message.idempotencyKey),
        refuse() {
          refusing = true
        },
      }
    },
  })

  transportConformance({
    name: `console, ${channel}`,
    async open() {
      const lines: string[] = []
      return {
        transport: consoleTransport({ write: (text) => lines.push(text) }),
        channel,
        received: async () => lines,
      }
    },
  })
}
