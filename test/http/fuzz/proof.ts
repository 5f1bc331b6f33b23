/**
 * `npm run proof:http`: thousands of requests a row, made from the API description, over a real server. `-- --seed 7
 * --requests 100` repeats a run, and `--row health` asks one row only. Exits with 1 where a promise was broken; `--break
 * status` breaks one.
 */
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { breakage, count, countOrNone, prove } from '../../support/proof.ts'
import { faultOf } from './floors.ts'
import { type Answer, fuzzRows, type RowReport } from './runner.ts'

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '5000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    row: { type: 'string' },
    break: { type: 'string' },
  },
})
const { requests, seed } = z.object({ requests: count, seed: countOrNone }).parse(values)

const distort = breakage<Answer>(values.break, {
  /** One that no row has. */
  status: (answer) => ({ ...answer, status: 299 }),
})

const print = ({ id, requests: asked, valid, understood, slowestMs, byStatus }: RowReport): void => {
  const share = valid === 0 ? '-' : `${((100 * understood) / valid).toFixed(1)} %`
  const numbers = [
    String(asked).padStart(9),
    String(valid).padStart(8),
    share.padStart(12),
    slowestMs.toFixed(0).padStart(12),
  ]
  const statuses = Object.entries(byStatus).map(([status, count]) => `${status}:${count}`)
  console.log(`${id.padEnd(28)}${numbers.join('')}  ${statuses.join(' ')}`)
}

await prove([
  async () => {
    console.log(`seed ${seed}, ${requests} requests a row\n`)
    console.log('row                          requests   valid  understood  slowest ms  statuses')
    const began = performance.now()
    const reports = await fuzzRows(requests, seed, { tell: print, only: values.row, distort })
    const total = reports.reduce((sum, { requests: asked }) => sum + asked, 0)
    const faults = reports.flatMap((report) => {
      const fault = faultOf(report)
      return fault === null ? [] : [`${report.id}: ${fault}`]
    })
    console.log(
      `\n${total} requests in ${Math.round((performance.now() - began) / 1000)} s, ${faults.length} rows with faults`,
    )
    return faults
  },
])
