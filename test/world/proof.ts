/**
 * What the world does to the library, at full size: `npm run proof:world`, or `-- --small`, or a part of it with
 * `-- --trial 'database network: silence'`. Prints a line for each trial and a closing table; exits with 1 where a promise was
 * broken. `--break lost` breaks one.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startPostgres } from '../support/postgres-server.ts'
import { breakage, prove } from '../support/proof.ts'
import { trialsOf } from './trials.ts'
import { judge, type Verdict } from './world.ts'

const { values } = parseArgs({
  options: {
    small: { type: 'boolean', default: false },
    trial: { type: 'string', multiple: true },
    break: { type: 'string' },
  },
})

const spoil = breakage<Verdict>(values.break, {
  lost: (verdict) => ({ ...verdict, facts: { ...verdict.facts, sent: verdict.facts.sent - 1 } }),
})

const directory = mkdtempSync(join(tmpdir(), 'world-'))
const server = await startPostgres()
const verdicts: Verdict[] = []
try {
  const trials = trialsOf({ url: server.url, directory, small: values.small })
  const chosen = Object.entries(trials).filter(([name]) => values.trial === undefined || values.trial.includes(name))
  await prove(
    chosen.map(([name, run]) => async () => {
      const verdict = spoil(await run())
      verdicts.push(verdict)
      const breaches = judge(verdict)
      console.log(`${breaches.length === 0 ? 'kept  ' : 'broken'} ${name} ${JSON.stringify(verdict.facts)}`)
      return breaches
    }),
  )
  console.table(Object.fromEntries(verdicts.map(({ name, facts }) => [name, facts])))
} finally {
  await server.stop()
  rmSync(directory, { recursive: true, force: true })
}
