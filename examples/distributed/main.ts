/**
 * The clinic as several processes on one PostgreSQL, each of which serves the endpoints and sends.
 * `DATABASE_URL=postgres://... npm run distributed` starts `WORKERS` (3) of them; the first listens at `PORT` (8000),
 * the others at the ports after it. All variables of the clinic work here too.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { readWorkers } from './environment.ts'

const clinic = fileURLToPath(new URL('../clinic/main.ts', import.meta.url))
const { WORKERS, PORT, DATABASE_URL, ...given } = readWorkers(process.env)
// All processes need the same key, to read what another one encrypted.
const shared = {
  ...process.env,
  DATABASE_URL,
  NOTIFICATIONS_ENCRYPTION_KEY: given.NOTIFICATIONS_ENCRYPTION_KEY ?? randomBytes(32).toString('base64'),
}
const restartMs = 1000
const running = new Map<number, ChildProcess>()
let stopping = false

for (let number = 1; number <= WORKERS; number += 1) start(number)
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop)

/** Restarts a process that dies, as a process manager would; the others take over what it was sending. */
function start(number: number): void {
  const port = PORT === 0 ? 0 : PORT + number - 1
  const child = spawn(process.execPath, [clinic], {
    env: { ...shared, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.set(number, child)
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.trimEnd().split('\n')) console.log(`worker ${number} (${child.pid}): ${line}`)
    })
  }
  child.once('exit', (code, signal) => {
    running.delete(number)
    if (stopping) return
    console.log(`worker ${number} (${child.pid}): ended by ${signal ?? code}, started again`)
    setTimeout(() => {
      if (!stopping) start(number)
    }, restartMs)
  })
}

function stop(): void {
  stopping = true
  for (const child of running.values()) child.kill('SIGTERM')
}
