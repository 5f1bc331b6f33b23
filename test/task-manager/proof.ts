/**
 * The trial of the two services at any size: `npm run proof:task-manager -- --reminders 10000 --rate 30 --seed 7`. TaskManager is killed,
 * unreachable, answers 500 and not at all, loses tasks, and calls back repeatedly, shuffled and through a forger; the scheduling
 * service is killed, too. Prints what happened; exits with 1 where a promise was broken, and leaves the evidence.
 */
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { runTrial, smallTrial } from './trial.ts'
import { judge } from './verdict.ts'

const { values } = parseArgs({
  options: {
    reminders: { type: 'string', default: '10000' },
    /** How many fall due in a second: more than the machine bears is late, and proves something else. */
    rate: { type: 'string', default: '30' },
    /** How often each of the two services is killed. */
    kills: { type: 'string', default: '8' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const reminders = Number(values.reminders)

const trial = await runTrial({
  ...smallTrial,
  seed: Number(values.seed),
  reminders,
  spreadMs: Math.max(smallTrial.spreadMs, (1000 * reminders) / Number(values.rate)),
  leadMs: 10_000,
  beforeStartMs: 1_200_000,
  cancels: Math.round(reminders / 20),
  faults: { ...smallTrial.faults, hangs: 0.002, hangMs: 30_000, spreadMs: 10_000 },
  kills: Number(values.kills),
  ownKills: Number(values.kills),
  darkMs: 20_000,
  overdueAfterMs: 60_000,
  checkBeforeMs: 10_000,
  timeoutMs: 5000,
  concurrency: 50,
  restMs: 900_000,
})
const { violations, summary } = judge(trial)
console.log(JSON.stringify(summary, null, 2))
for (const violation of violations) console.error(violation)
if (violations.length > 0) {
  console.error(`Evidence: ${trial.directory}`)
  process.exitCode = 1
} else {
  rmSync(trial.directory, { recursive: true })
}
