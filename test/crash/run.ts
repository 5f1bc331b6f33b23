import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { smtp } from '../../adapters/transport/smtp.ts'
import { createNotifications } from '../../src/index.ts'
import { startSmtpServer } from '../support/smtp-server.ts'
import { withCleanup } from '../support/with-cleanup.ts'
import { type Chance, chanceFrom } from './chance.ts'
import { Crew, type Kill, type Order, pauseMs } from './crew.ts'
import { appointmentOf, HostTable, hostDirectory } from './host-table.ts'
import { pointNames } from './points.ts'
import { type Engine, type SchedulerKind, schedulers } from './schedulers.ts'
import {
  type Count,
  type DecisionFact,
  type DeliveryFact,
  type ReminderFact,
  type StorageKind,
  storages,
} from './storages.ts'
import { type Cancel, type Change, Upheaval } from './upheaval.ts'

export type CrashPlan = {
  readonly seed: number
  readonly storage: StorageKind
  readonly reminders: number
  readonly kills: number
  readonly scheduler: SchedulerKind
  readonly workers: number
  /** Workers beside them that nothing happens to. */
  readonly bystanders: number
  /** Workers that stand still past their leases and go on, beside those that are killed. */
  readonly pauses: number
  /** How often the scheduler's engine loses everything it holds while the reminders fall due. */
  readonly empties: number
  /** At chosen times; beside them, one of the open sends is cancelled at every kill. */
  readonly cancels: number
  readonly changes: number
  /** The reminders fall due evenly over this time. */
  readonly spreadMs: number
  /** From the start of planning to the first due time. */
  readonly leadMs: number
  readonly leaseMs: number
  /** How long after the last due time everything must have come to rest. */
  readonly restMs: number
}

/** The size that fits into `npm test`. Retries and leases are as short as they may be, so that every consequence shows. */
export const smallPlan: Omit<CrashPlan, 'seed'> = {
  storage: 'sqlite',
  reminders: 1000,
  kills: 20,
  scheduler: 'embedded',
  workers: 2,
  bystanders: 0,
  pauses: 0,
  empties: 0,
  cancels: 50,
  changes: 30,
  spreadMs: 10_000,
  leadMs: 4000,
  leaseMs: 5000,
  restMs: 60_000,
}

/** A mail as the receiving side wrote it down before it confirmed it. */
const mailLine = z.object({ at: z.number(), to: z.string(), messageId: z.string().nullable() })
export type Mail = z.infer<typeof mailLine> & { readonly appointmentId: number }

/** A settlement as the worker that asked for it saw it. One that is killed meanwhile notes none. */
const settleLine = z.object({
  id: z.number(),
  fence: z.number(),
  kind: z.string(),
  counted: z.boolean(),
  applied: z.boolean(),
})
export type Settlement = z.infer<typeof settleLine>

/** Everything there is to judge by. */
export type CrashRun = {
  readonly plan: CrashPlan
  readonly mails: readonly Mail[]
  readonly settlements: readonly Settlement[]
  readonly kills: readonly Kill[]
  readonly cancels: readonly Cancel[]
  readonly changes: readonly Change[]
  readonly dueOf: ReadonlyMap<number, number>
  readonly reminders: readonly ReminderFact[]
  readonly deliveries: readonly DeliveryFact[]
  readonly decisions: readonly DecisionFact[]
  readonly counts: readonly Count[]
  readonly health: string
  readonly faults: readonly string[]
  readonly said: readonly string[]
  /** From the last due time until everything had come to rest; null: it did not. */
  readonly restedAfterMs: number | null
  readonly directory: string
}

/** An hour, as every reminder lies before its appointment. */
const offsetMs = 3_600_000
export const sweepMs = 500

type Defer = (step: () => unknown) => void

/** The evidence stays in `directory`, unless the run does not come to its end. */
export async function runCrash(plan: CrashPlan): Promise<CrashRun> {
  const directory = mkdtempSync(join(tmpdir(), 'crash-'))
  try {
    return await withCleanup((defer) => runIn(directory, plan, defer))
  } catch (error) {
    rmSync(directory, { recursive: true, force: true })
    throw error
  }
}

async function runIn(directory: string, plan: CrashPlan, defer: Defer): Promise<CrashRun> {
  const chance = chanceFrom(plan.seed)
  const hostPath = join(directory, 'host.sqlite')
  const logPath = join(directory, 'mails.log')
  const settlesPath = join(directory, 'settles.log')
  const compileCache = join(directory, 'compiled')
  const { location, dispose } = await storages[plan.storage].prepare(directory)
  defer(() => dispose())
  const engine = await schedulers[plan.scheduler].prepare(location)
  defer(() => engine.dispose())
  mkdirSync(compileCache)
  for (const path of [logPath, settlesPath]) writeFileSync(path, '')
  const server = await startSmtpServer({
    parse: false,
    // Written before the confirmation: what a killed worker never heard of is in the log all the same.
    onMail: ({ to: [to = ''], messageId }) =>
      appendFileSync(logPath, `${JSON.stringify({ at: Date.now(), to, messageId })}\n`),
  })
  defer(() => server.close())
  const host = new HostTable(hostPath)
  defer(() => host.close())
  const firstDue = Date.now() + Math.ceil(plan.leadMs)
  const dueOf = new Map<number, number>()
  for (let id = 1; id <= plan.reminders; id++) {
    dueOf.set(id, firstDue + Math.floor(((id - 1) * plan.spreadMs) / plan.reminders))
  }
  const startOf = new Map([...dueOf].map(([id, due]) => [id, due + offsetMs]))
  host.book([...startOf].map(([id, start]) => ({ id, startsAt: new Date(start) })))

  // This process is one of the host's too: it plans and cancels, and sends nothing. On SQLite a worker that stands still within a
  // commit has the only write lock for longer than a call waits by default; so may the next.
  const library = createNotifications({
    storage: storages[plan.storage].storage(location, 6 * pauseMs(plan.leaseMs, sweepMs)),
    transports: [smtp()],
    directory: hostDirectory(hostPath),
    env: {
      DEFAULT_SMTP_HOST: '127.0.0.1',
      DEFAULT_SMTP_PORT: String(server.port),
      DEFAULT_EMAIL_FROM_ADDRESS: 'clinic@example.com',
    },
  })
  defer(() => library.stop())
  await library.migrate()
  const evidence = storages[plan.storage].evidence(location)
  defer(() => evidence.close())
  const { notifications } = library
  const upheaval = new Upheaval({ ...plan, chance, host, notifications, dueOf, startOf })
  const crew = new Crew({
    spec: {
      storage: plan.storage,
      location,
      scheduler: plan.scheduler,
      engineLocation: engine.location,
      hostPath,
      settlesPath,
      smtpPort: server.port,
      leaseMs: plan.leaseMs,
      sweepMs,
      retryMs: 500,
    },
    size: plan.workers,
    bystanders: plan.bystanders,
    orders: ordersOf(plan, chance),
    sending: () => evidence.sending(),
    onKill: ({ holds }) => upheaval.cancelOneOf(holds),
    compileCache,
  })
  defer(() => crew.stop())
  const ready = crew.start()
  const planned = await notifications.scheduleMany([...dueOf.keys()], { customReminders: ['1h'] })
  const unplanned = planned.filter((one) => 'error' in one || one.planned !== 1)
  if (unplanned.length > 0) {
    throw new Error(
      `${unplanned.length} reminders were not planned before their time; raise leadMs: ${JSON.stringify(unplanned[0])}`,
    )
  }
  await Promise.all([upheaval.run(), ready, emptyAgainAndAgain(engine, plan, firstDue)])
  const lastDue = firstDue + plan.spreadMs
  const restedAfterMs = await rest(lastDue, plan.restMs, async () => crew.done && (await evidence.open(lastDue)) === 0)
  await upheaval.settled()
  await crew.stop()
  return {
    plan,
    mails: readMails(logPath),
    settlements: linesOf(settlesPath).map((line) => settleLine.parse(line)),
    kills: crew.kills,
    cancels: upheaval.cancels,
    changes: upheaval.changes,
    dueOf,
    reminders: await evidence.reminders(),
    deliveries: await evidence.deliveries(),
    decisions: await evidence.decisions(),
    counts: await evidence.counts(),
    health: await evidence.health(),
    faults: crew.faults,
    said: crew.said,
    restedAfterMs,
    directory,
  }
}

/**
 * Points are counted in work done, not in time, and all of them together ask for less work than there is: every worker
 * reaches its point on a slow machine too. Each point comes once before any comes twice.
 */
function ordersOf({ reminders, kills, pauses, cancels, changes }: CrashPlan, chance: Chance): Order[] {
  const most = Math.max(1, Math.floor((0.8 * (reminders - cancels - changes)) / (kills + pauses)))
  const point = (name: (typeof pointNames)[number], how: 'kill' | 'pause' = 'kill') => {
    // Many are sent by one commit, and while one stands still the other does its work.
    const few = how === 'pause' || name.endsWith('commit')
    return { name, count: chance.between(1, few ? Math.min(most, 5) : most), how }
  }
  const random = () => ({ afterMs: chance.between(10, 250) })
  const first = chance.shuffle(pointNames).map((name) => point(name))
  const rest = Array.from({ length: Math.max(0, kills - first.length) }, (_, index) => {
    const name = pointNames[index % (pointNames.length + 3)]
    return name === undefined ? random() : point(name)
  })
  const places = chance.shuffle(pointNames)
  const still = Array.from({ length: pauses }, (_, index) =>
    point(places[index % places.length] ?? 'before_send', 'pause'),
  )
  return [...first.slice(0, kills), ...chance.shuffle([...rest, ...still])]
}

async function emptyAgainAndAgain(engine: Engine, { empties, spreadMs }: CrashPlan, firstDue: number): Promise<void> {
  for (let round = 1; round <= empties; round += 1) {
    await wait(Math.max(0, firstDue + (round * spreadMs) / (empties + 1) - Date.now()))
    await engine.empty()
  }
}

async function rest(lastDue: number, restMs: number, rested: () => Promise<boolean>): Promise<number | null> {
  while (Date.now() < lastDue + restMs) {
    if (Date.now() > lastDue && (await rested())) return Date.now() - lastDue
    await wait(100)
  }
  return null
}

const linesOf = (path: string): unknown[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

const readMails = (path: string): Mail[] =>
  linesOf(path)
    .map((line) => mailLine.parse(line))
    .map((mail) => ({ ...mail, appointmentId: appointmentOf(mail.to) }))
