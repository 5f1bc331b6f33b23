/** One section in a process of its own: no section pays for the garbage of another. */
import type { Line } from './measure.ts'
import { dispatch } from './sections/dispatch.ts'
import { mail } from './sections/mail.ts'
import { idle, lateness, pendingFile } from './sections/pending.ts'
import { planning } from './sections/planning.ts'
import { router } from './sections/router.ts'
import { statistics } from './sections/statistics.ts'

export type SectionName = 'planning' | 'dispatch' | 'mail' | 'pending' | 'lateness' | 'idle' | 'router' | 'statistics'

const sections: Readonly<Record<string, (directory: string) => Promise<Line[]>>> = {
  planning,
  dispatch,
  mail,
  pending: pendingFile,
  lateness,
  idle,
  router,
  statistics,
} satisfies Record<SectionName, unknown>

const [name = '', directory = ''] = process.argv.slice(2)
const run = sections[name]
if (run === undefined) throw new Error(`no section ${name}`)
const lines = await run(directory)
// Without a parent (under a profiler, say) they are printed.
if (process.send === undefined) console.log(lines)
else process.send(lines, () => process.disconnect())
