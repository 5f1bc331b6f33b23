import { emptyOf, plainOf } from '../by-hand/all.ts'
import { idsFrom, overAMonth } from '../clinic.ts'
import type { Contest, Contestant } from '../contest.ts'
import { floorOf } from '../floor.ts'
import { expectCount, type Figure, type Sample, Samples, timed, timedCalls } from '../measure.ts'
import { measures } from '../measures.ts'
import { ours } from '../ours.ts'
import { fileStore, type Place, type Store, serverStore } from '../stores.ts'
import { planOnly } from '../transports.ts'
import type { World } from '../world.ts'

const each = 4
/** Appointments that the library itself plans in one commit. */
const bulkSize = 500

type Step = { readonly measure: string; readonly note: string; readonly atOnce: number; readonly run: Run }
type Run = (contest: Contest) => Promise<Sample>

const perReminder = ({ count, perSecond, cpuUs }: Sample): Sample => ({
  count,
  perSecond: perSecond * each,
  cpuUs: cpuUs / each,
})

/** What a host asks for, one after another. The calls are as many as fit, and each is about another appointment. */
function stepsOf(appointments: number): readonly Step[] {
  const forMs = Math.min(1500, appointments / 2)
  const bulk = idsFrom(1, appointments)
  const calls =
    (atOnce: number, first: number): Run =>
    (contest) =>
      timedCalls(idsFrom(first, appointments * 2), atOnce, forMs, contest.plan)
  const note = `for ${forMs / 1000} s; four reminders each; floor: the rows of as many appointments a commit`
  return [
    {
      measure: measures.bulk,
      note: `${appointments} appointments, four reminders each; floor: the rows of ${bulkSize} appointments a commit`,
      atOnce: bulkSize,
      run: async (contest) => perReminder(await timed(appointments, () => contest.planMany(bulk))),
    },
    { measure: measures.ten, note, atOnce: 10, run: calls(10, appointments + 1) },
    { measure: measures.fifty, note, atOnce: 50, run: calls(50, appointments * 3 + 1) },
    {
      measure: measures.moved,
      note,
      atOnce: 10,
      run: async (contest) => {
        await contest.postpone(bulk, 5)
        await contest.settle()
        return timedCalls(bulk, 10, forMs, contest.move)
      },
    },
    { measure: measures.cancelled, note, atOnce: 10, run: (contest) => timedCalls(bulk, 10, forMs, contest.cancel) },
  ]
}

type After = (step: Step, sample: Sample) => Promise<void>

/** Storing, moving and cancelling, by everybody in turn, round by round. */
export async function planning({ directory, servers, size: { rounds, appointments } }: World): Promise<Figure[]> {
  const samples = new Samples()
  const steps = stepsOf(appointments)
  const startOf = overAMonth(Date.now())
  const opening = { ids: idsFrom(1, appointments * 5), startOf, phones: true, outlet: planOnly }

  async function round<C extends Contest>(one: Contestant<C>, before: (contest: C) => Promise<After>): Promise<void> {
    const contest = await one.open(opening)
    await contest.settle()
    const after = await before(contest)
    for (const step of steps) {
      const sample = await step.run(contest)
      samples.add(step.measure, one, step.note, sample)
      if (step.measure === measures.bulk)
        expectCount(`reminders planned by ${one.name}`, await contest.pending(), appointments * each)
      await after(step, sample)
    }
    await contest.close()
  }
  const follow = async (store: Store, place: Place): Promise<After> => {
    const floor = await floorOf(store, place)
    const by = { name: store.bare, durability: store.durability }
    return async ({ measure, atOnce, note }, { count }) => {
      const sample = await floor.follow(count, atOnce)
      samples.add(measure, by, note, measure === measures.bulk ? perReminder(sample) : sample)
      if (measure === measures.cancelled) await floor.close()
    }
  }
  const nothing = async () => async () => {}
  for (let count = 0; count < rounds; count += 1) {
    for (const store of [fileStore(directory), serverStore(servers)])
      await round(ours(store), ({ place }) => follow(store, place))
    for (const one of [...plainOf(servers), ...emptyOf(servers)]) await round(one, nothing)
  }
  return samples.figures()
}
