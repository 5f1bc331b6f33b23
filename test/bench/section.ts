/** One section in a process of its own: no section pays for the garbage of another. */
import type { Figure } from './measure.ts'
import { accounts } from './sections/accounts.ts'
import { calendarFiles } from './sections/calendar.ts'
import { lateness, pendingRows } from './sections/lateness.ts'
import { idleOnPostgres, idleOnSqlite, million } from './sections/million.ts'
import { planning } from './sections/planning.ts'
import { receipts } from './sections/receipts.ts'
import { router } from './sections/router.ts'
import { dispatch, mail } from './sections/sending.ts'
import { start } from './sections/start.ts'
import { statistics } from './sections/statistics.ts'
import type { SectionName } from './steps.ts'
import { type World, worldSchema } from './world.ts'

const sections: Readonly<Record<SectionName, (world: World) => Promise<Figure[]>>> = {
  planning,
  dispatch,
  mail,
  pending: pendingRows,
  lateness,
  million,
  'idle-sqlite': idleOnSqlite,
  'idle-postgres': idleOnPostgres,
  router,
  statistics,
  receipts,
  accounts,
  calendar: calendarFiles,
  start,
}

const isSection = (name: string): name is SectionName => Object.hasOwn(sections, name)

const [name = '', world = ''] = process.argv.slice(2)
if (!isSection(name)) throw new Error(`no section ${name}`)
const figures = await sections[name](worldSchema.parse(JSON.parse(world)))
// Without a parent (under a profiler, say) they are printed.
if (process.send === undefined) console.log(figures)
else process.send(figures, () => process.disconnect())
