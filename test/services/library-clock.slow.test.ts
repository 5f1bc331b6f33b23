import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postgres } from '../../adapters/storage/postgres.ts'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { capture } from '../../adapters/transport/capture.ts'
import { createNotifications } from '../../src/index.ts'
import { LibraryClock } from '../../src/services/shared/library-clock.ts'
import { ask } from '../conformance/http/world.ts'
import { ada, HostData, LogBook, testKey } from '../support/clinic.ts'
import { MachineClock, ManualClock, turns } from '../support/manual-clock.ts'
import { OffsetClock } from '../support/offset-clock.ts'
import { openPostgres, type PostgresServer } from '../support/postgres-server.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute

/** A machine and a database server, each with a clock of its own, and how often the server was asked for its. */
async function apart(offMs: number) {
  const noon = new Date('2031-03-10T12:00:00Z')
  const own = new MachineClock(noon)
  const log = new LogBook()
  let asked = 0
  let theirsMs = noon.getTime() - offMs - own.elapsedMs()
  let isAway = false
  const storage = {
    now: async () => {
      asked += 1
      if (isAway) throw new Error('away')
      return new Date(theirsMs + own.elapsedMs())
    },
  }
  const clock = new LibraryClock(own, storage, log)
  await clock.follow()
  return {
    own,
    log,
    clock,
    asked: () => asked,
    theirs: () => theirsMs + own.elapsedMs(),
    setTheirs: (ms: number) => {
      theirsMs += ms
    },
    setAway: (away: boolean) => {
      isAway = away
    },
  }
}

describe('the clock that the library goes by', () => {
  it("is the database's, asked once a minute, and measured in between", async () => {
    const { clock, own, theirs, asked } = await apart(65 * second)
    for (let count = 0; count < 590; count += 1) {
      await own.advance(second)
      expect(clock.now().getTime()).toBe(theirs())
    }
    expect(asked()).toBe(10)
  })

  it.each([120 * second, 8 * hour, 48 * hour, -hour])(
    'goes on where the clock of the machine is set by %i ms',
    async (ms) => {
      const { clock, own, theirs } = await apart(0)
      await own.advance(10 * second)
      own.step(ms)
      expect(clock.now().getTime()).toBe(theirs())
      await own.advance(10 * second)
      expect(clock.now().getTime()).toBe(theirs())
      expect(clock.offMs).toBe(ms)
    },
  )

  it('finds out within a moment that the machine slept', async () => {
    const { clock, own, theirs, setTheirs } = await apart(0)
    await own.advance(10 * second)
    // Eight hours for everybody but this process, which measures only the time that it was awake.
    own.step(8 * hour)
    setTheirs(8 * hour)
    clock.now()
    await turns()
    expect(clock.now().getTime()).toBe(theirs())
  })

  it('rings by it, also after it was set', async () => {
    const { clock, own, setTheirs } = await apart(65 * second)
    const rung: number[] = []
    const at = clock.now().getTime() + 10 * minute
    clock.setTimer(new Date(at), () => rung.push(clock.now().getTime() - at))
    await own.advance(8 * minute)
    setTheirs(-5 * minute)
    await own.advance(3 * minute)
    expect(rung).toEqual([])
    await own.advance(4 * minute)
    expect(rung).toEqual([0])
  })

  it('goes on, and is asked again soon, where the database is away', async () => {
    const { clock, own, theirs, asked, setAway } = await apart(-65 * second)
    setAway(true)
    for (let count = 0; count < 90; count += 1) {
      await own.advance(second)
      expect(clock.now().getTime()).toBe(theirs())
    }
    expect(asked()).toBe(8)
    setAway(false)
    await own.advance(5 * second)
    clock.now()
    await own.advance(minute - second)
    clock.now()
    expect(asked()).toBe(9)
  })

  it('says once that the clock of the process is off, and once that it is right again', async () => {
    const { clock, own, log, setTheirs } = await apart(3 * second)
    expect(clock.isOff).toBe(true)
    const pass = async () => {
      for (let count = 0; count < 4; count += 1) {
        await own.advance(minute)
        clock.now()
      }
      await turns()
    }
    await pass()
    expect(log.lines).toEqual([expect.stringMatching(/differs from that of the database.*"offMs":3000/)])
    setTheirs(2 * second)
    await pass()
    expect(clock.isOff).toBe(false)
    expect(log.lines).toHaveLength(2)
  })

  it.each(['machine', 'database'] as const)(
    'of the %s is believed at once where it is set a little, or back, and after a minute where it leaps ahead',
    async (whose) => {
      const world = await apart(0)
      const alone = new LibraryClock(world.own, {}, world.log)
      const clock = whose === 'machine' ? alone : world.clock
      const set = (ms: number) => (whose === 'machine' ? world.own.step(ms) : world.setTheirs(ms))
      /** How far what is believed is from what the time was before it was set. */
      let steadyMs = clock.now().getTime() - world.own.elapsedMs()
      const movedMs = () => clock.now().getTime() - world.own.elapsedMs() - steadyMs
      const pass = async (ms: number) => {
        for (let passed = 0; passed < ms; passed += second) {
          await world.own.advance(second)
          clock.now()
        }
        await turns()
      }
      for (const ms of [120 * second, -120 * second, -hour]) {
        set(ms)
        await pass(61 * second)
        expect(movedMs()).toBe(ms)
        steadyMs += ms
      }
      set(48 * hour)
      await pass(50 * second)
      expect(movedMs()).toBe(0)
      set(-48 * hour)
      await pass(61 * second)
      expect(movedMs()).toBe(0)
      set(8 * hour)
      await pass(130 * second)
      expect(movedMs()).toBe(8 * hour)
      // A database is asked once a minute, and so may be wrong for a moment unnoticed.
      const told = world.log.lines.filter((line) => line.includes('jumped forward')).length
      expect(told).toBeGreaterThanOrEqual(whose === 'machine' ? 2 : 1)
    },
  )

  it('is the own one where the storage has none, or where a test drives it', async () => {
    const own = new MachineClock('2031-03-10T12:00:00Z')
    const log = new LogBook()
    expect(new LibraryClock(own, {}, log).now()).toEqual(own.now())
    const driven = new ManualClock('2031-03-10T12:00:00Z')
    const never = { now: () => Promise.reject(new Error('asked')) }
    expect(new LibraryClock(driven, never, log).now()).toEqual(driven.now())
    expect(new LibraryClock(own, {}, log).offMs).toBeNull()
  })
})

describe('a process on Postgres whose clock is off', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await openPostgres()
  })
  afterAll(() => server.stop())

  it.each([65_000, -65_000])(
    'by %i ms: it sends when the database says that it is time, and health says so',
    async (offMs) => {
      const host = new HostData()
      const outbox = capture()
      const log = new LogBook()
      const library = createNotifications({
        storage: postgres({ url: server.url, schema: `off_${process.pid}_${offMs > 0 ? 'ahead' : 'behind'}` }),
        transports: [outbox],
        directory: host,
        encryptionKey: testKey,
        env: {},
        logger: log,
        clock: new OffsetClock(offMs),
        authenticate: () => ({ kind: 'service', id: 'operator' }),
        reconcileMs: false,
      })
      await library.migrate()
      await library.start()
      const due = Date.now() + 2500
      host.book({ id: 1, startsAt: new Date(due + hour), timeZone: 'UTC', recipients: [{ ...ada, phone: null }] })
      await library.notifications.scheduleReminders(1, { customReminders: [1] })
      const sent = new Promise<number>((resolve) => library.events.on('reminder.sent', () => resolve(Date.now())))
      const lateMs = (await sent) - due
      expect(lateMs).toBeGreaterThan(-100)
      expect(lateMs).toBeLessThan(2000)
      const { status, answer } = await ask(library, { method: 'GET', path: '/health', caller: null })
      expect(status).toBe(200)
      expect(answer).toMatchObject({ clock: { status: 'off', off_ms: expect.closeTo(offMs, -3) } })
      expect(log.lines.filter((line) => line.includes('differs from that of the database'))).toHaveLength(1)
      await library.stop()
    },
  )
})

it('a process on SQLite has no other clock', async () => {
  const storage = sqlite(':memory:')
  expect(storage.now).toBeUndefined()
  await storage.close()
})
