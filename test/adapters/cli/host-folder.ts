import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { onTestFinished } from 'vitest'
import { runCli } from '../../../adapters/cli/cli.ts'

export const root = fileURLToPath(new URL('../../..', import.meta.url))
/** The command as it is in `bin`. */
export const program = join(root, 'adapters/cli/bin/appointment-notifications.ts')
/** Of a source, for an import in a file elsewhere. */
export const url = (path: string) => JSON.stringify(pathToFileURL(join(root, path)).href)

export async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cli-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A host's module, as a README would have it, in a folder of its own. */
export async function hostFolder({
  env = "{ DEFAULT_SMTP_HOST: 'localhost', DEFAULT_EMAIL_FROM_ADDRESS: 'clinic@example.org' }",
} = {}) {
  const folder = await emptyFolder()
  await writeFile(
    join(folder, 'notifications.mts'),
    `import { createNotifications } from ${url('src/index.ts')}
import { sqlite } from ${url('adapters/storage/sqlite.ts')}
import { smtp } from ${url('adapters/transport/smtp.ts')}
const recipients = [{ type: 'PATIENT', id: 7, name: 'Ada Byron', email: 'ada@example.org' }] as const
export default () => createNotifications({
  storage: sqlite({ path: ${JSON.stringify(join(folder, 'rows.sqlite'))}, busyTimeoutMs: 500 }),
  transports: [smtp()],
  directory: {
    appointments: (ids) => ids.map((id) => ({ id, organizationId: 'clinic', startsAt: new Date(Date.now() + 9 * 86_400_000), timeZone: 'Europe/Berlin', recipients: [...recipients] })),
    organizations: (ids) => ids.map((id) => ({ id, name: 'Clinic' })),
    upcoming: () => ({ ids: [42], cursor: null }),
  },
  env: ${env},
})
`,
  )
  return folder
}

export async function run(folder: string, ...args: string[]) {
  const out: string[] = []
  const err: string[] = []
  const code = await runCli(args, { folder, out: (text) => out.push(text), err: (text) => err.push(text) })
  return { code, out: out.join('\n'), err: err.join('\n') }
}
