const root = process.argv[2]!
const { ours } = await import(root + '/test/bench/ours.ts')
const { fileStore } = await import(root + '/test/bench/stores.ts')
const { idsFrom } = await import(root + '/test/bench/clinic.ts')

import { mkdtempSync } from 'node:fs'

const dir = mkdtempSync('/tmp/pp-')
const store = fileStore(dir)
const contest = await ours(store).open()
await contest.planMany(idsFrom(1, 2000))
for (let r = 0; r < 3; r += 1) {
  const c = process.cpuUsage(),
    t = performance.now()
  await contest.planMany(idsFrom(10000 + r * 20000, 5000))
  const u = process.cpuUsage(c)
  console.log(
    'cpu us per appointment',
    ((u.user + u.system) / 5000).toFixed(0),
    'wall/s',
    ((5000 / (performance.now() - t)) * 1000).toFixed(0),
  )
}
await contest.close()
process.exit(0)
