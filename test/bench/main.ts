/** `npm run bench`, or `npm run bench -- dispatch mail` for some sections; `lateness` and `idle` need `pending` before. */
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { type Line, lineSchema } from './measure.ts'
import { machine, table } from './report.ts'
import type { SectionName } from './section.ts'

const all = [
  'planning',
  'dispatch',
  'mail',
  'pending',
  'lateness',
  'idle',
  'router',
  'statistics',
] as const satisfies readonly SectionName[]

/** @throws when the section ends without its figures. */
async function run(section: string, directory: string): Promise<Line[]> {
  const child = fork(fileURLToPath(new URL('section.ts', import.meta.url)), [section, directory])
  const answer = Promise.withResolvers<Line[]>()
  child.once('message', (message) => answer.resolve(z.array(lineSchema).parse(message)))
  child.once('error', answer.reject)
  child.once('exit', (code) => answer.reject(new Error(`section ${section} ended with ${code}`)))
  return answer.promise
}

const asked = process.argv.slice(2)
const directory = mkdtempSync(join(tmpdir(), 'appointment-notifications-bench-'))
const began = performance.now()
try {
  console.log(`${machine()}\n`)
  const lines: Line[] = []
  for (const section of asked.length === 0 ? all : asked) {
    process.stderr.write(`${section} ...\n`)
    lines.push(...(await run(section, directory)))
  }
  console.log(table(lines))
  console.log(`\nran ${Math.round((performance.now() - began) / 1000)} s`)
} finally {
  rmSync(directory, { recursive: true, force: true })
}
