/**
 * A stand-in for PlatformServices TaskManager: a service of its own that stores tasks, runs them at their time and calls
 * back. `npm run task-manager` starts it; with `TASK_MANAGER_URL=http://127.0.0.1:8001 npm run clinic` beside it, that is
 * the documented set-up of two services. It calls whatever URL a task names: give it a token where others can reach it.
 */
import { createServer } from 'node:http'
import express from 'express'
import { openTaskDatabase } from './database.ts'
import { readEnvironment } from './environment.ts'
import { taskRoutes } from './routes.ts'
import { createSenders } from './senders.ts'
import { startWorker } from './worker.ts'

const env = readEnvironment(process.env)
const database = openTaskDatabase(env.DATABASE_FILE)
const senders = createSenders(env)
const worker = startWorker(database, senders, env.RETRY_BASE_MS)

const app = express()
app.disable('x-powered-by')
app.use(
  taskRoutes({
    database,
    token: env.TASK_MANAGER_TOKEN,
    domain: env.SMTP_FROM.split('@').at(-1)?.replace(/>$/, '') || 'localhost',
    onChange: worker.wake,
  }),
)
const server = createServer(app)
server.listen(env.PORT, env.HOST, () => {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : env.PORT
  console.log(`listening on http://${env.HOST}:${port}`)
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop())

async function stop(): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeAllConnections()
  await Promise.all([closed, worker.stop()])
  senders.close()
  database.close()
  process.exit(0)
}
