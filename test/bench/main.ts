/**
 * `npm run bench`, or `npm run bench -- planning mail` for some of its steps. Fails where a promise is broken. `--appointments
 * 500` and `--rounds 1` make less of it, `--deliveries 10000` shortens the history of the statistics, `--promise 'due
 * reminders dispatched=0.5'` holds this run to another promise, and `--leeway 0.5` to half of each.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { breakage, count, prove } from '../support/proof.ts'
import { withCleanup } from '../support/with-cleanup.ts'
import { type Figure, figureSchema } from './measure.ts'
import { figureTable, machine, verdictTable } from './report.ts'
import { startServers } from './servers.ts'
import { type SectionName, steps } from './steps.ts'
import { breachesOf, judge, promisesOf, unjudged } from './targets.ts'
import type { World } from './world.ts'

const { values, positionals: asked } = parseArgs({
  allowPositionals: true,
  options: {
    deliveries: { type: 'string', default: '1000000' },
    appointments: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '3' },
    promise: { type: 'string', multiple: true, default: [] },
    leeway: { type: 'string', default: '1' },
    break: { type: 'string' },
  },
})
const deliveries = count.parse(values.deliveries)
const size = { rounds: count.parse(values.rounds), appointments: count.parse(values.appointments) }
const promises = promisesOf(values.promise, z.coerce.number().positive().max(1).parse(values.leeway))
const spoil = breakage<readonly Figure[]>(values.break, {})
const unknown = asked.filter((name) => steps[name] === undefined)
if (unknown.length > 0) throw new Error(`there is no ${unknown.join(', ')}; there are ${Object.keys(steps).join(', ')}`)

/** @throws when the section ends without its figures, or badly after it gave them. */
async function run(section: SectionName, world: World): Promise<Figure[]> {
  process.stderr.write(`${section} ...\n`)
  const child = fork(fileURLToPath(new URL('section.ts', import.meta.url)), [section, JSON.stringify(world)])
  let told: unknown
  child.once('message', (message) => {
    told = message
  })
  const [[code, signal]] = await Promise.all([once(child, 'exit'), once(child, 'disconnect')])
  if (code !== 0) throw new Error(`section ${section} ended with ${signal ?? code}`)
  return z.array(figureSchema).parse(told)
}

/** One that fails takes its own figures with it, and no others. */
async function runTogether(sections: readonly SectionName[], world: World) {
  const outcomes = await Promise.allSettled(sections.map((section) => run(section, world)))
  return {
    figures: outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : [])),
    faults: outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [String(outcome.reason)] : [])),
  }
}

async function bench(defer: (step: () => unknown) => void): Promise<readonly string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'appointment-notifications-bench-'))
  defer(() => rmSync(directory, { recursive: true, force: true }))
  const began = performance.now()
  const servers = await startServers(directory, defer)
  console.log(`${machine(size.rounds)}\n`)
  if (servers.redis === null) console.log('REDIS IS MISSING: no redis-server on this machine, so BullMQ is left out.\n')
  const [figures, faults]: [Figure[], string[]] = [[], []]
  for (const name of asked.length === 0 ? Object.keys(steps) : asked) {
    for (const sections of steps[name] ?? []) {
      const found = await runTogether(sections, { directory, servers, deliveries, size })
      figures.push(...found.figures)
      faults.push(...found.faults)
      if (found.figures.length > 0) console.log(`${figureTable(found.figures)}\n`)
    }
  }
  const verdicts = judge(spoil(figures), promises)
  console.log(verdictTable(verdicts))
  console.log(`\nran ${Math.round((performance.now() - began) / 1000)} s`)
  const left = asked.length === 0 ? unjudged(verdicts) : []
  return [...faults, ...breachesOf(verdicts), ...left]
}

await withCleanup((defer) => prove([() => bench(defer)]))
