/**
 * The same trial at any size, for the long run: `node test/crash/proof.ts --reminders 20000 --kills 200 --seed 7`, on
 * PostgreSQL with `--storage postgres`.
 * Prints what happened; exits with 1 where a promise was broken, and leaves the evidence.
 */
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { judge } from './judge.ts'
import { runCrash, smallPlan } from './run.ts'
import { storageKinds } from './storages.ts'

const { values } = parseArgs({
  options: {
    reminders: { type: 'string', default: '20000' },
    kills: { type: 'string', default: '200' },
    workers: { type: 'string', default: '2' },
    storage: { type: 'string', default: 'sqlite' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const [reminders, kills, workers] = [Number(values.reminders), Number(values.kills), Number(values.workers)]
const times = reminders / smallPlan.reminders

const run = await runCrash({
  ...smallPlan,
  storage: z.enum(storageKinds).parse(values.storage),
  seed: Number(values.seed),
  reminders,
  kills,
  workers,
  cancels: Math.round(smallPlan.cancels * times),
  changes: Math.round(smallPlan.changes * times),
  spreadMs: Math.round(smallPlan.spreadMs * times),
  leadMs: smallPlan.leadMs + reminders,
  restMs: smallPlan.restMs + kills * 500,
})
const { violations, summary } = judge(run)
console.log(JSON.stringify(summary, null, 2))
for (const violation of violations) console.error(violation)
if (violations.length > 0) {
  console.error(`Evidence: ${run.directory}`)
  process.exitCode = 1
} else {
  rmSync(run.directory, { recursive: true })
}
