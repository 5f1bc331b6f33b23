/** A real SMTP server in a process of its own: its work is not the sender's. Tells its port, then counts when asked. */
import { startSmtpServer } from '../support/smtp-server.ts'

let received = 0
const count = () => {
  received += 1
}
const server = await startSmtpServer({ parse: false, onMail: count })
process.on('message', () => process.send?.({ received }))
process.on('disconnect', () => process.exit())
process.send?.({ port: server.port })
