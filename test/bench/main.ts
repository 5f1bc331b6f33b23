/** `npm run bench`, or `npm run bench -- planning mail` for some of its steps. Fails where a promise is broken. */
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { type Figure, figureSchema } from './measure.ts'
import { figureTable, machine, verdictTable } from './report.ts'
import { startServers } from './servers.ts'
import { type SectionName, steps } from './steps.ts'
import { judge } from './targets.ts'
import type { World } from './world.ts'

/** @throws when the section ends without its figures. */
async function run(section: SectionName, world: World): Promise<Figure[]> {
  process.stderr.write(`${section} ...\n`)
  const child = fork(fileURLToPath(new URL('section.ts', import.meta.url)), [section, JSON.stringify(world)])
  const answer = Promise.withResolvers<Figure[]>()
  child.once('message', (message) => answer.resolve(z.array(figureSchema).parse(message)))
  child.once('error', answer.reject)
  child.once('exit', (code) => answer.reject(new Error(`section ${section} ended with ${code}`)))
  return answer.promise
}

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => steps[name] === undefined)
if (unknown.length > 0) throw new Error(`there is no ${unknown.join(', ')}; there are ${Object.keys(steps).join(', ')}`)

const directory = mkdtempSync(join(tmpdir(), 'appointment-notifications-bench-'))
const began = performance.now()
const { stop, ...servers } = await startServers(directory)
try {
  console.log(`${machine()}\n`)
  if (servers.redis === null)
    console.log('REDIS IS MISSING: no redis-server on this machine, so BullMQ on Redis is left out.\n')
  const figures: Figure[] = []
  for (const name of asked.length === 0 ? Object.keys(steps) : asked) {
    for (const sections of steps[name] ?? []) {
      const found = await Promise.all(sections.map((section) => run(section, { directory, servers })))
      figures.push(...found.flat())
      if (found.flat().length > 0) console.log(`${figureTable(found.flat())}\n`)
    }
  }
  const verdicts = judge(figures)
  console.log(verdictTable(verdicts))
  console.log(`\nran ${Math.round((performance.now() - began) / 1000)} s`)
  const broken = verdicts.filter(({ kept }) => !kept)
  for (const { measure, ours, value, promised } of broken) {
    console.error(`BROKEN PROMISE: ${measure}, ${ours}: ${value.toFixed(2)} where ${promised} is promised`)
  }
  if (broken.length > 0) process.exitCode = 1
} finally {
  await stop()
  rmSync(directory, { recursive: true, force: true })
}
