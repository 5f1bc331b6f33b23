/**
 * Retention and erasure at a million messages: `npm run proof:privacy`, `-- --rows 100000` for another number, `-- --storage SQLite` for one
 * storage alone. For a quiet machine, to whose disk nobody else writes. A step is one call of the storage; where that is SQLite, it holds
 * the event loop for as long. Prints how long the steps took: `look` and `blank` of retention, `messages`, `shared` addresses and `erase` of
 * an erasure, `relieve` between them. Exits with 1 where steps took longer than is promised, or something was left. `--break slow` and
 * `--break left` break a promise.
 */
import { parseArgs } from 'node:util'
import { createNotifications, silentLogger } from '../../src/index.ts'
import { type Store, storeOn } from '../../src/records/store.ts'
import { HostData } from '../support/host-data.ts'
import { keyOf } from '../support/keys.ts'
import { breakage, count, prove } from '../support/proof.ts'
import { promisedMs } from './measure.ts'
import { messagesOnPostgres, messagesOnSqlite, type PersonalPlace } from './personal-rows.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    storage: { type: 'string', multiple: true },
    break: { type: 'string' },
  },
})
const rows = count.parse(values.rows ?? 1_000_000)
/** The practitioner who is erased got so many of the messages. */
const ofOne = Math.floor(rows / 50)
/** Others use the machine too: of a thousand steps one may take longer, and is shown. */
const allowedShare = 0.001

type Measured = {
  readonly what: string
  readonly steps: ReadonlyMap<string, readonly number[]>
  /** What was to be done and was done, in rows. */
  readonly wanted: number
  readonly done: number
}

const spoil = breakage<Measured>(values.break, {
  slow: (measured) => ({
    ...measured,
    steps: new Map([...measured.steps].map(([name, times]) => [name, times.map((ms) => ms + 1000)])),
  }),
  left: (measured) => ({ ...measured, done: measured.done - 1 }),
})

/** The same storage, each call of which is timed. */
function timed(store: Store, steps: Map<string, number[]>): Store {
  const around =
    <Args extends readonly unknown[], T>(name: string, call: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> => {
      const began = performance.now()
      const answer = await call(...args)
      const times = steps.get(name) ?? []
      steps.set(name, times)
      times.push(performance.now() - began)
      return answer
    }
  const { personal, plans, relieve, scrub } = store
  return {
    ...store,
    ...(relieve === undefined ? {} : { relieve: around('relieve', relieve) }),
    ...(scrub === undefined ? {} : { scrub: around('scrub', scrub) }),
    plans: { ...plans, forgetRecipient: around('forget', plans.forgetRecipient) },
    personal: {
      ...personal,
      aging: around('look', personal.aging),
      retain: around('blank', personal.retain),
      erase: around('erase', personal.erase),
      messages: around('messages', personal.messages),
      plansOf: around('plans', personal.plansOf),
      sharedAddresses: around('shared', personal.sharedAddresses),
      answers: around('responses', personal.answers),
    },
  }
}

const quantile = (times: readonly number[], share: number): number =>
  times.toSorted((one, other) => one - other)[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0

function judge(storage: PersonalPlace['name'], { what, steps, wanted, done }: Measured): string[] {
  const promised = promisedMs[storage]
  const slow = [...steps].flatMap(([name, times]) => {
    const over = times.filter((ms) => ms > promised).length
    const longest = quantile(times, 1).toFixed(1)
    return over > Math.ceil(times.length * allowedShare)
      ? [
          `${storage}, ${what}: ${over} of ${times.length} steps "${name}" took more than ${promised} ms, up to ${longest}`,
        ]
      : []
  })
  return done === wanted ? slow : [...slow, `${storage}, ${what}: ${done} rows where ${wanted} were to be done`]
}

async function measure(make: () => Promise<PersonalPlace>): Promise<readonly string[]> {
  await using place = await make()
  const { name } = place
  const steps = new Map<string, number[]>()
  const library = createNotifications({
    storage: timed(storeOn(place.storage), steps),
    directory: new HostData(),
    transports: [],
    encryptionKey: keyOf(7),
    env: {},
    logger: silentLogger,
  })
  const { privacy } = library
  const breaches: string[] = []
  const run = async (what: string, wanted: number, work: () => Promise<number>) => {
    steps.clear()
    const began = performance.now()
    const done = await work()
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    const measured = spoil({ what, steps, wanted, done })
    console.log(`${name}, ${what}: ${done} rows in ${seconds} s`)
    for (const [step, times] of measured.steps) {
      const [median, most, longest] = [0.5, 0.99, 1].map((share) => quantile(times, share).toFixed(1))
      const over = times.filter((ms) => ms > promisedMs[name]).length
      console.log(
        `  ${step.padEnd(10)}${String(times.length).padStart(7)} steps, median ${median}, 99 % ${most}, longest ${longest} ms; ${over} over ${promisedMs[name]}`,
      )
    }
    breaches.push(...judge(name, measured))
  }
  const erased = async (type: 'PRACTITIONER' | 'PATIENT', id: number) =>
    (await privacy.eraseRecipient({ type, id })).messages
  await run('dry run of retention', rows, async () => (await privacy.retentionDryRun()).texts)
  await run('erasure of a practitioner', ofOne, () => erased('PRACTITIONER', 1))
  await run('erasure of a patient', 4, () => erased('PATIENT', 3))
  await run('retention', rows - ofOne - 4, async () => (await privacy.applyRetention())?.texts ?? 0)
  await run('retention with nothing to do', 0, async () => (await privacy.applyRetention())?.texts ?? 0)
  await library.stop()
  return breaches
}

const storages = {
  SQLite: () => measure(() => messagesOnSqlite(rows)),
  Postgres: () => measure(() => messagesOnPostgres(rows)),
}
const chosen = Object.entries(storages).filter(
  ([name]) => values.storage === undefined || values.storage.includes(name),
)
await prove(chosen.map(([, part]) => part))
