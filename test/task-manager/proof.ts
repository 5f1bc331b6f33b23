/**
 * The trial of the two services at any size: `npm run proof:task-manager -- --reminders 10000 --rate 30 --seed 7`. TaskManager is killed,
 * unreachable, answers 500 and not at all, loses tasks, and calls back repeatedly, shuffled and through a forger; the scheduling
 * service is killed, too. `--small` is over in seconds. Prints what happened; exits with 1 where a promise was broken, and leaves
 * the evidence. `--break lost` breaks one.
 */
import { existsSync, rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { appointmentOf } from '../crash/host-table.ts'
import { breakage, count, countOrNone, prove } from '../support/proof.ts'
import { runTrial, smallTrial, type Trial } from './trial.ts'
import { judge } from './verdict.ts'

const { values } = parseArgs({
  options: {
    reminders: { type: 'string' },
    /** How many fall due in a second: more than the machine bears is late, and proves something else. */
    rate: { type: 'string', default: '30' },
    /** How often each of the two services is killed. */
    kills: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** Nothing takes longer than it must to go wrong. */
    small: { type: 'boolean', default: false },
    break: { type: 'string' },
  },
})

const fullTrial: typeof smallTrial = {
  ...smallTrial,
  reminders: 10_000,
  leadMs: 10_000,
  beforeStartMs: 1_200_000,
  faults: { ...smallTrial.faults, hangs: 0.002, hangMs: 30_000, spreadMs: 10_000 },
  kills: 8,
  darkMs: 20_000,
  overdueAfterMs: 60_000,
  checkBeforeMs: 10_000,
  timeoutMs: 5000,
  concurrency: 50,
  restMs: 900_000,
}
const size = values.small ? smallTrial : fullTrial
const { reminders, rate, kills, seed } = z
  .object({
    reminders: count.default(size.reminders),
    rate: count,
    kills: countOrNone.default(size.kills),
    seed: countOrNone,
  })
  .parse(values)

const spoil = breakage<Trial>(values.break, {
  /** The mails of an appointment that its reminder says was told. */
  lost(trial) {
    const sent = trial.evidence.reminders.find(({ status }) => status === 'SENT')
    return { ...trial, mails: trial.mails.filter(({ to }) => appointmentOf(to) !== sent?.appointmentId) }
  },
})

await prove([
  async () => {
    const trial = await runTrial({
      ...size,
      seed,
      reminders,
      spreadMs: Math.max(size.spreadMs, (1000 * reminders) / rate),
      cancels: Math.round(reminders / 20),
      kills,
      ownKills: kills,
    })
    try {
      const { violations, summary } = judge(spoil(trial))
      console.log(JSON.stringify(summary, null, 2))
      if (violations.length === 0) rmSync(trial.directory, { recursive: true })
      return violations
    } finally {
      if (existsSync(trial.directory)) console.error(`Evidence: ${trial.directory}`)
    }
  },
])
