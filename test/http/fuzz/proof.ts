/**
 * `npm run proof:http`: thousands of requests a row, made from the API description, over a real server.
 * `FUZZ_SEED` and `FUZZ_REQUESTS` repeat a run; `FUZZ_ROW` asks one row only.
 */
import { faultOf } from './floors.ts'
import { fuzzRows } from './runner.ts'

const { FUZZ_SEED, FUZZ_REQUESTS, FUZZ_ROW } = process.env
const seed = Number(FUZZ_SEED ?? Date.now() % 2 ** 31)
const requests = Number(FUZZ_REQUESTS ?? 5000)
const stray: unknown[] = []
process.on('unhandledRejection', (reason) => stray.push(reason))

console.log(`seed ${seed}, ${requests} requests a row\n`)
console.log('row                          requests   valid  understood  slowest ms  statuses')
const began = performance.now()
const reports = await fuzzRows(
  requests,
  seed,
  ({ id, requests: asked, valid, understood, slowestMs, byStatus }) => {
    const share = valid === 0 ? '-' : `${((100 * understood) / valid).toFixed(1)} %`
    const numbers = [
      String(asked).padStart(9),
      String(valid).padStart(8),
      share.padStart(12),
      slowestMs.toFixed(0).padStart(12),
    ]
    const statuses = Object.entries(byStatus).map(([status, count]) => `${status}:${count}`)
    console.log(`${id.padEnd(28)}${numbers.join('')}  ${statuses.join(' ')}`)
  },
  FUZZ_ROW,
)
const total = reports.reduce((sum, { requests: asked }) => sum + asked, 0)
const faults = reports.flatMap((report) => {
  const fault = faultOf(report)
  return fault === null ? [] : [`${report.id}: ${fault}`]
})
console.log(
  `\n${total} requests in ${Math.round((performance.now() - began) / 1000)} s, ${faults.length} rows with faults`,
)
for (const fault of [...faults, ...stray.map((reason) => `unhandled rejection: ${String(reason)}`)])
  console.error(`\n${fault}`)
process.exitCode = faults.length + stray.length === 0 ? 0 : 1
