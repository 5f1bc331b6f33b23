import { join } from 'node:path'
import { type ExampleProcess, startExample } from './example-process.ts'

export type TaskManagerProcessOptions = {
  /** The port of an SMTP server on this machine. */
  readonly smtpPort: number
  /** Default: a free one. After a crash, give the one it had. */
  readonly port?: number
  readonly env?: Readonly<Record<string, string>>
}

/** Starts examples/task-manager as a process of its own, with its database in `folder`. It waits 20 ms before first retries. */
export const startTaskManager = (
  folder: string,
  { smtpPort, port = 0, env = {} }: TaskManagerProcessOptions,
): Promise<ExampleProcess> =>
  startExample('examples/task-manager/main.ts', {
    PORT: String(port),
    DATABASE_FILE: join(folder, 'task-manager.sqlite'),
    SMTP_PORT: String(smtpPort),
    RETRY_BASE_MS: '20',
    ...env,
  })
