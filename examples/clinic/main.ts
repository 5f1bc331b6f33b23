/**
 * A small Scheduling2.0: a clinic's backend with its own tables and endpoints, which embeds the library as any host
 * would. `npm run clinic` starts it; the README in this folder has a session with curl.
 */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { createNotifications } from 'appointment-notifications'
import { swaggerUi } from 'appointment-notifications/docs'
import { expressRouter } from 'appointment-notifications/express'
import { postgres } from 'appointment-notifications/postgres'
import { smtp } from 'appointment-notifications/smtp'
import { sqlite } from 'appointment-notifications/sqlite'
import { twilio } from 'appointment-notifications/twilio'
import { whatsappCloud } from 'appointment-notifications/whatsapp-cloud'
import Database from 'better-sqlite3'
import express from 'express'
import { callerOf } from './callers.ts'
import { openClinicDatabase } from './database.ts'
import { clinicDirectory } from './directory.ts'
import { readEnvironment } from './environment.ts'
import { hostRoutes } from './host-routes.ts'

const env = readEnvironment(process.env)
const app = express()
const server = createServer(app)
await new Promise<void>((resolve, reject) => {
  server.once('error', reject)
  server.listen(env.PORT, env.HOST, resolve)
})
const address = server.address()
const origin = `http://${env.HOST}:${typeof address === 'object' && address !== null ? address.port : env.PORT}`

// The library opens its own connection to the same file; for a database in memory it uses this one.
const connection = new Database(env.DATABASE_FILE)
connection.pragma('journal_mode = WAL')
const database = openClinicDatabase(connection)

const library = createNotifications({
  storage: env.DATABASE_URL ? postgres(env.DATABASE_URL) : sqlite({ database: connection }),
  directory: clinicDirectory(database),
  // What is reported is sent at once. By default it waits a minute, in case it is undone.
  settleMs: 0,
  transports: [
    smtp({ allowPrivateHosts: env.ALLOW_PRIVATE_SMTP_HOSTS }),
    twilio({ baseUrl: env.TWILIO_API_BASE_URL }),
    whatsappCloud({ baseUrl: env.WHATSAPP_API_BASE_URL }),
  ],
  encryptionKey: env.NOTIFICATIONS_ENCRYPTION_KEY ?? temporaryKey(),
  // What patients answer by the links of their messages. A confirmation is stored; what they ask for is for people to do.
  hooks: {
    onConfirm: ({ appointmentId }) => database.changeAppointment(Number(appointmentId), null, 'confirmed'),
    onChangeRequest: ({ appointmentId }) => console.log(`appointment ${appointmentId}: another time is asked for`),
    onCancelRequest: ({ appointmentId }) => console.log(`appointment ${appointmentId}: it is to be cancelled`),
  },
  authenticate: ({ headers }) => callerOf(database, env.CLINIC_TOKEN, headers['authorization']),
  docs: swaggerUi(),
  publicUrl: `${env.PUBLIC_URL ?? origin}/api/notifications`,
  ...(env.TASK_MANAGER_URL === undefined ? {} : { taskManager: { mode: env.TASK_MANAGER_MODE } }),
})
await library.migrate()
await library.start()

app.use('/api/notifications', expressRouter(library))
app.use('/api', (request, response, next) => {
  if (callerOf(database, env.CLINIC_TOKEN, request.headers.authorization)?.kind === 'service') return next()
  response.status(401).json({ detail: 'The clinic’s own endpoints need the service token as a bearer token' })
})
app.use('/api', hostRoutes(database, library.notifications))

console.log(`listening on ${origin}`)

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop())

async function stop(): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeIdleConnections()
  await library.stop()
  server.closeAllConnections()
  await closed
  database.close()
  process.exit(0)
}

function temporaryKey(): string {
  console.warn('NOTIFICATIONS_ENCRYPTION_KEY is not set: credentials saved now cannot be read after a restart')
  return randomBytes(32).toString('base64')
}
