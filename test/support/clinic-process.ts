import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export type ClinicProcess = {
  readonly origin: string
  readonly process: ChildProcess
  /** What it said so far. */
  readonly output: readonly string[]
}

/** The token of the example clinic's own backend. */
export const serviceToken = 'clinic-demo-token'

/** Starts examples/clinic as a process of its own, with its database in `folder`, or at `DATABASE_URL` where that is set. */
export async function startClinic(folder: string, twilioUrl: string): Promise<ClinicProcess> {
  const output: string[] = []
  const child = spawn(process.execPath, ['examples/clinic/main.ts'], {
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      ...(process.env['DATABASE_URL'] ? { DATABASE_URL: process.env['DATABASE_URL'] } : {}),
      DATABASE_FILE: join(folder, 'clinic.sqlite'),
      NOTIFICATIONS_ENCRYPTION_KEY: Buffer.alloc(32, 3).toString('base64'),
      ALLOW_PRIVATE_SMTP_HOSTS: 'true',
      TWILIO_API_BASE_URL: twilioUrl,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stderr.on('data', (chunk) => output.push(String(chunk)))
  for await (const line of createInterface({ input: child.stdout })) {
    output.push(line)
    const origin = /^listening on (http:\/\/127\.0\.0\.1:\d+)$/.exec(line)?.[1]
    if (origin !== undefined) return { origin, process: child, output }
  }
  throw new Error(`the clinic did not start: ${output.join('\n')}`)
}
