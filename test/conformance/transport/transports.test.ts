import { capture } from '../../../adapters/transport/capture.ts'
import { consoleTransport } from '../../../adapters/transport/console.ts'
import { smtp } from '../../../adapters/transport/smtp.ts'
import { TransportError } from '../../../src/index.ts'
import { startSmtpServer } from '../../support/smtp-server.ts'
import { conformanceCanaries, transportConformance } from './index.ts'

transportConformance('smtp', async () => {
  const credentials = { username: 'canary-username', password: 'canary-password' }
  const server = await startSmtpServer({ credentials, parse: false })
  return {
    transport: smtp({ allowPrivateHosts: true, allowedPorts: [server.port] }),
    channel: 'EMAIL',
    context: {
      account: { channel: 'EMAIL', host: '127.0.0.1', port: server.port, ...credentials },
      accountKey: 'account-1',
      trusted: false,
      now: () => new Date(),
    },
    received: async () => server.mails.map((mail) => mail.messageId ?? ''),
    refuse() {
      const text = Object.values({ ...conformanceCanaries, ...credentials }).join(' ')
      server.fault = { at: 'rcpt', how: { code: 550, text } }
    },
    close: server.close,
  }
})

const noAccount = { account: null, accountKey: 'none', trusted: true, now: () => new Date() }

for (const channel of ['EMAIL', 'SMS'] as const) {
  transportConformance(`capture, ${channel}`, async () => {
    let refusing = false
    const transport = capture({
      fail: () => (refusing ? new TransportError('told to fail', { outcome: 'permanent', code: 'told' }) : null),
    })
    return {
      transport,
      channel,
      context: noAccount,
      received: async () => transport.sent.map((message) => message.idempotencyKey),
      refuse() {
        refusing = true
      },
    }
  })

  transportConformance(`console, ${channel}`, async () => {
    const lines: string[] = []
    return {
      transport: consoleTransport({ write: (text) => lines.push(text) }),
      channel,
      context: noAccount,
      received: async () => lines,
    }
  })
}
