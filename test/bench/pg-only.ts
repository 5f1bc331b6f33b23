import { capture } from 'appointment-notifications/capture'
import { everybody, idsFrom } from './clinic.ts'
import { firstOfFour, firstOfOne, remindersEach } from './contest.ts'
import { prepare } from './dispatching.ts'
import { timed, timedCalls } from './measure.ts'
import { ours } from './ours.ts'
import { serverStore } from './stores.ts'

const url = process.argv[2] ?? ''
const store = serverStore({ postgresUrl: url, redis: null })
const out: Record<string, [number, number]> = {}
const put = (name: string, s: { perSecond: number; cpuUs: number }) => {
  out[name] = [s.perSecond, s.cpuUs]
}
function* circling(ids: readonly number[]) {
  for (;;) yield* ids
}
const contest = await ours(store).open()
const n = 5000
const bulk = await timed(n, () => contest.planMany(idsFrom(1, n)))
put('bulk', { perSecond: bulk.perSecond * remindersEach, cpuUs: bulk.cpuUs / remindersEach })
const many = 1_000_000
put('one', await timedCalls(idsFrom(firstOfOne, 1500), 10, 60000, contest.planOne))
put('four', await timedCalls(idsFrom(firstOfFour, 1500), 10, 60000, contest.plan))
put('moved', await timedCalls(idsFrom(1, 1500), 10, 60000, contest.move))
put('cancelled', await timedCalls(idsFrom(1, 1500), 10, 60000, contest.cancel))
await contest.close()
const place = await store.make()
const outbox = capture()
const due = n * 2
const { plan, sendAll } = prepare({ place, appointments: n, due, transport: outbox, hasPhone: everybody })
await plan()
const { sample } = await sendAll()
put('dispatch', sample)
await place.drop()
process.send?.(out, () => process.disconnect())
if (process.send === undefined) console.log(out)
