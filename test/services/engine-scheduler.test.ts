import Database from 'better-sqlite3'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { capture } from '../../adapters/transport/capture.ts'
import { type AlarmEngine, engineScheduler, type Storage, type Transport } from '../../src/index.ts'
import { ada, HostData, LogBook, openClinic } from '../support/clinic.ts'
import { ManualClock, turns } from '../support/manual-clock.ts'
import { MemoryEngine } from '../support/memory-engine.ts'

const noon = '2031-03-10T12:00:00Z'
const second = 1000
const minute = 60 * second
const day = 24 * 60 * minute

async function started() {
  const clock = new ManualClock(noon)
  const engine = new MemoryEngine(clock)
  const logger = new LogBook()
  const scheduler = engineScheduler(engine.side(), { windowMs: minute })
  const rung: number[] = []
  const from = clock.now().getTime()
  await scheduler.start({ wake: () => void rung.push(clock.now().getTime() - from), clock, logger })
  onTestFinished(() => scheduler.stop())
  return { clock, engine, logger, scheduler, rung, in: (ms: number) => new Date(clock.now().getTime() + ms) }
}

describe('a scheduler over an engine', () => {
  it('hands over what is asked for in one turn together, and what is near in time as one alarm', async () => {
    const { engine, scheduler, rung, clock, in: at } = await started()
    for (let ms = 1; ms <= 1000; ms += 1) scheduler.wakeAt(at(10 * second + ms))
    await turns()
    expect(engine.handOvers).toEqual([10])
    await clock.advance(30 * second)
    expect(rung).toHaveLength(10)
    expect(rung[0]).toBe(10_100)
  })

  it('leaves to the feeder what is farther away than the window', async () => {
    const { engine, scheduler, in: at } = await started()
    scheduler.wakeAt(at(minute + 1))
    await turns()
    expect(engine.handOvers).toEqual([])
  })

  it.each(['fails', 'hangs'] as const)(
    'pain 10: times by itself what it could not hand over because the engine %s',
    async (how) => {
      const { engine, scheduler, rung, clock, logger, in: at } = await started()
      engine.fault = how
      scheduler.wakeAt(at(10 * second))
      await clock.advance(20 * second)
      expect(rung).toEqual([10_000])
      scheduler.wakeAt(at(10 * second))
      await clock.advance(20 * second)
      expect(rung).toHaveLength(2)
      // The library's logger writes one a minute of them.
      expect(logger.lines.filter((line) => line.includes('scheduler not reached'))).toHaveLength(2)
      engine.fault = 'none'
      scheduler.wakeAt(at(10 * second))
      await turns()
      expect(engine.size).toBe(1)
      expect(logger.lines.at(-1)).toContain('scheduler responds again')
    },
  )

  it('waits by itself for what the engine rings too early', async () => {
    const { scheduler, rung, clock, in: at } = await started()
    scheduler.wakeAt(at(10 * second))
    await turns()
    clock.jump(at(-5 * second))
    // The engine's own time went on, which here is a timer that fires at its time on the clock that was set back.
    await clock.advance(15 * second)
    expect(rung).toEqual([10_000])
  })

  it('starts although the engine is away, and opens it when it is asked again', async () => {
    const clock = new ManualClock(noon)
    const engine = new MemoryEngine(clock)
    engine.fault = 'fails'
    const logger = new LogBook()
    const scheduler = engineScheduler(engine.side())
    await scheduler.start({ wake: () => {}, clock, logger })
    expect(logger.lines.join()).toContain('opening the scheduler failed')
    await expect(scheduler.feed([new Date(clock.now().getTime() + second)])).rejects.toThrow('away')
    engine.fault = 'none'
    await scheduler.feed([new Date(clock.now().getTime() + second)])
    expect(engine.size).toBe(1)
    await scheduler.stop()
  })

  it('rejects a feeding that the engine does not answer, so that it comes again', async () => {
    const { engine, scheduler, clock, in: at } = await started()
    engine.fault = 'hangs'
    const fed = expect(scheduler.feed([at(second)])).rejects.toMatchObject({ code: 'scheduler_failed' })
    await clock.advance(3 * second)
    await fed
  })
})

/** Two processes of one host with one database; nobody hears of the other's writes. */
async function openPair(windowMs = minute) {
  const database = new Database(':memory:')
  const clock = new ManualClock(noon)
  const engine = new MemoryEngine(clock)
  const one = async () => {
    const { onForeignChange: _unheard, ...storage } = sqlite({ database })
    const scheduler = engineScheduler(engine.side(), { windowMs })
    const clinic = await openClinic(noon, { storage, clock, scheduler, sweepMs: day })
    onTestFinished(async () => void (await clinic.stop()))
    return clinic
  }
  const pair = [await one(), await one()] as const
  const [{ host }] = pair
  const plan = async (ids: readonly number[], at: Date) => {
    for (const clinic of pair) {
      for (const id of ids) {
        const recipients = [{ ...ada, id, email: `a${id}@example.org`, phone: null }]
        clinic.host.book({ id, startsAt: new Date(at.getTime() + minute), recipients })
      }
    }
    await pair[0].notifications.scheduleMany(ids, { customReminders: ['1m'] })
  }
  return { clock, engine, pair, plan, host, sent: () => pair.flatMap(({ outbox }) => outbox.sent) }
}

describe('the near window', () => {
  it('is fed as time goes: what is planned for later is one alarm when it is near, however many reminders it is', async () => {
    const { clock, engine, pair, plan, sent } = await openPair()
    for (const { start } of pair) await start()
    const due = new Date(clock.now().getTime() + 10 * minute)
    await plan(
      Array.from({ length: 500 }, (_, index) => index + 1),
      due,
    )
    await clock.advance(8 * minute)
    expect(engine.handOvers).toEqual([])
    await clock.advance(2 * minute - 1)
    expect(sent()).toHaveLength(0)
    expect(engine.size).toBe(1)
    await clock.advance(1)
    expect(sent()).toHaveLength(500)
  })

  it('is fed by one process at a time, and by the other when that one is gone', async () => {
    const { clock, engine, pair, plan, sent } = await openPair()
    await plan([1, 2], new Date(clock.now().getTime() + 20 * minute))
    for (const { start } of pair) await start()
    await clock.advanceTo(new Date(clock.now().getTime() + 19.6 * minute))
    // Fed twice in a window by one, not by both.
    const fed = engine.handOvers.length
    expect(fed).toBeLessThanOrEqual(2)
    await pair[0].stop()
    await clock.advance(minute)
    expect(sent()).toHaveLength(2)
  })

  it('gets what another process plans inside it at once', async () => {
    const { clock, engine, pair, plan, sent } = await openPair()
    for (const { start } of pair) await start()
    await clock.advance(second)
    await plan([1], new Date(clock.now().getTime() + 5 * second))
    await turns()
    expect(engine.size).toBe(1)
    // The process that planned it is gone; the engine rings in the other.
    await pair[0].stop()
    await clock.advance(6 * second)
    expect(sent()).toHaveLength(1)
  })

  it('is fed again after the engine lost it', async () => {
    const { clock, engine, pair, plan, sent } = await openPair()
    for (const { start } of pair) await start()
    await plan([1], new Date(clock.now().getTime() + 50 * second))
    await turns()
    engine.empty()
    await clock.advance(50 * second)
    expect(sent()).toHaveLength(1)
  })

  it('waits for the engine where the feeding failed, and loses nothing', async () => {
    const { clock, engine, pair, plan, sent } = await openPair()
    for (const { start } of pair) await start()
    await plan([1], new Date(clock.now().getTime() + 100 * second))
    engine.fault = 'fails'
    await clock.advance(70 * second)
    engine.fault = 'none'
    await clock.advance(30 * second)
    expect(sent()).toHaveLength(1)
    expect(pair.flatMap(({ log }) => log.lines).join()).toContain('background job postponed')
  })
})

it('rings at the end of a lease, in a process that heard nothing of the one that died', async () => {
  const leaseMs = 30 * second
  const database = new Database(':memory:')
  const clock = new ManualClock(noon)
  const engine = new MemoryEngine(clock)
  const host = new HostData()
  let isDead = false
  /** Of a process that may die: from then on it writes nothing. */
  const mortal = (storage: Storage): Storage => ({
    ...storage,
    carry: (command, items) => (isDead ? Promise.reject(new Error('dead')) : storage.carry(command, items)),
  })
  const open = async (side: AlarmEngine, transport: Transport, isMortal: boolean) => {
    const { onForeignChange: _unheard, ...whole } = sqlite({ database })
    const storage = isMortal ? mortal(whole) : whole
    const scheduler = engineScheduler(side, { windowMs: minute })
    const options = { storage, clock, scheduler, directory: host, transports: [transport], leaseMs, sweepMs: day }
    const clinic = await openClinic(noon, options)
    if (!isMortal) onTestFinished(async () => void (await clinic.stop()))
    await clinic.start()
    return clinic
  }
  const [lost, sent] = [capture(), capture()]
  const [side, other] = [engine.side(), engine.side()]
  const hanging: Transport = {
    ...lost,
    send: async (message, context) => {
      await lost.send(message, context)
      return new Promise((_, reject) => context.signal.addEventListener('abort', () => reject(new Error('aborted'))))
    },
  }
  const { notifications } = await open(side, hanging, true)
  await open(other, sent, false)
  host.book({
    id: 1,
    startsAt: new Date(clock.now().getTime() + day + 10 * second),
    recipients: [{ ...ada, phone: null }],
  })
  await notifications.scheduleMany([1], { customReminders: [24] })
  await clock.advance(11 * second)
  expect(lost.sent).toHaveLength(1)
  isDead = true
  await side.close()
  await clock.advance(2 * leaseMs)
  expect(sent.sent.map(({ idempotencyKey }) => idempotencyKey)).toEqual(lost.sent.map((one) => one.idempotencyKey))
})
