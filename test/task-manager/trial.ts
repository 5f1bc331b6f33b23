import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { createNotifications } from '../../src/index.ts'
import { chanceFrom } from '../crash/chance.ts'
import { HostTable, hostDirectory } from '../crash/host-table.ts'
import { type Cancel, Upheaval } from '../crash/upheaval.ts'
import { freePort } from '../support/free-port.ts'
import { withCleanup } from '../support/with-cleanup.ts'
import { type Evidence, readEvidence } from './evidence.ts'
import { calm, type Faults } from './faults.ts'
import { type FaultyTaskManager, startFaultyTaskManager } from './faulty-task-manager.ts'
import { type LoggedMail, readMailLog, startMailLog } from './mail-log.ts'
import { type SchedulingSpec, schedulingOptions } from './scheduling.ts'

export type TrialPlan = {
  readonly seed: number
  readonly reminders: number
  /** The reminders fall due evenly over this time. */
  readonly spreadMs: number
  /** From the end of planning to the first due time, at least. */
  readonly leadMs: number
  /** From a reminder to its appointment: what is in doubt by then is held. */
  readonly beforeStartMs: number
  readonly cancels: number
  readonly faults: Faults
  /** How often TaskManager is killed, and the scheduling service. */
  readonly kills: number
  readonly ownKills: number
  readonly darkMs: number
  readonly overdueAfterMs: number
  readonly checkBeforeMs: number
  readonly timeoutMs: number
  readonly concurrency: number
  /** How long after the last due time everything must have come to rest. */
  readonly restMs: number
}

export const smallTrial: Omit<TrialPlan, 'seed'> = {
  reminders: 300,
  spreadMs: 4000,
  leadMs: 2500,
  beforeStartMs: 60_000,
  cancels: 20,
  faults: {
    ...calm,
    errors: 0.05,
    hangs: 0.005,
    hangMs: 3000,
    drops: 0.03,
    lostTasks: 0.01,
    copies: [1, 5],
    spreadMs: 1500,
    lostCallbacks: 0.01,
    forged: 0.2,
  },
  kills: 1,
  ownKills: 1,
  darkMs: 1500,
  overdueAfterMs: 2000,
  checkBeforeMs: 1000,
  timeoutMs: 600,
  concurrency: 20,
  restMs: 60_000,
}

/** Everything there is to judge by. */
export type Trial = {
  readonly plan: TrialPlan
  readonly mails: readonly LoggedMail[]
  readonly cancels: readonly Cancel[]
  readonly dueOf: ReadonlyMap<number, number>
  readonly evidence: Evidence
  readonly counts: FaultyTaskManager['counts']
  /** What planning all of them took with TaskManager and without, in ms. */
  readonly planning: { readonly withMs: number; readonly withoutMs: number }
  readonly restedAfterMs: number | null
  /** What should not have happened: the scheduling service ended on its own. */
  readonly faults: readonly string[]
  readonly directory: string
}

/** The evidence stays in `directory`, unless the trial does not come to its end. */
export async function runTrial(plan: TrialPlan): Promise<Trial> {
  const directory = mkdtempSync(join(tmpdir(), 'task-manager-'))
  try {
    return await withCleanup((defer) => runIn(directory, plan, defer))
  } catch (error) {
    rmSync(directory, { recursive: true, force: true })
    throw error
  }
}

async function runIn(directory: string, plan: TrialPlan, defer: (step: () => unknown) => void): Promise<Trial> {
  const chance = chanceFrom(plan.seed)
  const logPath = join(directory, 'mails.log')
  const mail = await startMailLog(logPath)
  defer(() => mail.close())
  const faulty = await startFaultyTaskManager({
    folder: directory,
    smtpPort: mail.port,
    seed: plan.seed,
    faults: plan.faults,
  })
  defer(() => faulty.stop())
  const spec: SchedulingSpec = {
    port: await freePort(),
    location: join(directory, 'library.sqlite'),
    hostPath: join(directory, 'host.sqlite'),
    smtpPort: mail.port,
    taskManagerUrl: faulty.url,
    overdueAfterMs: plan.overdueAfterMs,
    checkBeforeMs: plan.checkBeforeMs,
    timeoutMs: plan.timeoutMs,
    concurrency: plan.concurrency,
  }
  const host = new HostTable(spec.hostPath)
  defer(() => host.close())
  const ids = Array.from({ length: plan.reminders }, (_, index) => index + 1)
  // This process is one of the host's too: it plans and cancels, and neither hands over nor sends.
  const library = createNotifications(schedulingOptions(spec))
  defer(() => library.stop())
  await library.migrate()
  const scheduling = new Scheduling(spec)
  defer(() => scheduling.stop())
  await scheduling.start()
  // So that also the slowest machine has planned the last one before the first is due.
  const firstDue = Date.now() + plan.leadMs + 4 * plan.reminders
  const dueOf = new Map(ids.map((id) => [id, firstDue + Math.floor(((id - 1) * plan.spreadMs) / plan.reminders)]))
  const startOf = new Map([...dueOf].map(([id, due]) => [id, due + plan.beforeStartMs]))
  host.book([...startOf].map(([id, start]) => ({ id, startsAt: new Date(start) })))
  const withoutMs = await planWithout(plan, ids, spec)
  const beganAt = performance.now()
  const planned = await library.notifications.scheduleMany(ids, { customReminders: [offsetOf(plan)] })
  const withMs = performance.now() - beganAt
  const unplanned = planned.find((one) => 'error' in one || one.planned !== 1)
  if (unplanned !== undefined) throw new Error(`not planned in time: ${JSON.stringify(unplanned)}`)
  const upheaval = new Upheaval({
    ...plan,
    changes: 0,
    chance,
    host,
    notifications: library.notifications,
    dueOf,
    startOf,
  })
  const lastDue = firstDue + plan.spreadMs
  await Promise.all([upheaval.run(), disturb(plan, faulty, scheduling, firstDue)])
  await wait(Math.max(0, lastDue - Date.now()))
  const restedAfterMs = await rest(lastDue, plan.restMs, () => readEvidence(spec.location).open === 0)
  // Where the service is gone, or the library is still at it, this would take for ever.
  if (restedAfterMs !== null && scheduling.faults.length === 0) await faulty.settled()
  // Reports that come after all is over change nothing more.
  await wait(500)
  const evidence = readEvidence(spec.location)
  const mails = readMailLog(logPath)
  const planning = { withMs, withoutMs }
  const [{ cancels }, { counts }, { faults }] = [upheaval, faulty, scheduling]
  return { plan, mails, cancels, dueOf, evidence, counts, planning, restedAfterMs, faults, directory }
}

const offsetOf = ({ beforeStartMs }: TrialPlan) => `${beforeStartMs / 60_000}m`

/** The same planning by a library that knows no TaskManager. */
async function planWithout(plan: TrialPlan, ids: readonly number[], spec: SchedulingSpec): Promise<number> {
  const { taskManager: _none, ...options } = schedulingOptions(spec)
  const directory = hostDirectory(spec.hostPath)
  const library = createNotifications({ ...options, directory, storage: sqlite(`${spec.location}.without`) })
  await library.migrate()
  const beganAt = performance.now()
  await library.notifications.scheduleMany(ids, { customReminders: [offsetOf(plan)] })
  const tookMs = performance.now() - beganAt
  await library.stop()
  return tookMs
}

/** Kills both services again and again while reminders are due, and takes the way between them away for a while. */
async function disturb(
  plan: TrialPlan,
  faulty: FaultyTaskManager,
  scheduling: Scheduling,
  from: number,
): Promise<void> {
  const { kills, ownKills, darkMs, spreadMs } = plan
  const steps = [
    ...Array.from({ length: ownKills }, () => () => scheduling.kill()),
    ...Array.from({ length: kills }, () => async () => {
      await faulty.kill()
      await wait(darkMs / 3)
      await faulty.restart()
    }),
    async () => {
      await faulty.goDark()
      await wait(darkMs)
      await faulty.comeBack()
    },
  ]
  for (const [index, step] of steps.entries()) {
    await wait(Math.max(0, from + (spreadMs * (index + 0.5)) / steps.length - Date.now()))
    await step()
  }
}

/** The scheduling service, which is killed and comes back. */
class Scheduling {
  readonly faults: string[] = []
  readonly #spec: SchedulingSpec
  #child: ChildProcess | null = null

  constructor(spec: SchedulingSpec) {
    this.#spec = spec
  }

  async start(): Promise<void> {
    const child = fork(join(import.meta.dirname, 'scheduling.ts'), [JSON.stringify(this.#spec)], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    this.#child = child
    child.once('exit', (code, signal) => {
      if (this.#child === child) this.faults.push(`the scheduling service ended on its own: ${signal ?? code}`)
    })
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve())
      child.once('exit', () => reject(new Error('the scheduling service ended before it was ready')))
    })
  }

  async kill(): Promise<void> {
    await this.#end((child) => child.kill('SIGKILL'))
    await this.start()
  }

  stop(): Promise<void> {
    return this.#end((child) => child.send('stop'))
  }

  async #end(end: (child: ChildProcess) => void): Promise<void> {
    const child = this.#child
    this.#child = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    end(child)
    await ended
  }
}

async function rest(lastDue: number, restMs: number, rested: () => boolean): Promise<number | null> {
  while (Date.now() < lastDue + restMs) {
    if (rested()) return Date.now() - lastDue
    await wait(200)
  }
  return null
}
