import { setImmediate } from 'node:timers'
import { NotificationError } from '../../../errors.ts'
import type { Alarm, AlarmEngine, Scheduler, SchedulerContext } from '../../../ports/scheduler.ts'
import { faultOf } from '../../shared/fault-log.ts'
import { withTimeout } from '../../shared/with-timeout.ts'
import { embeddedScheduler } from './embedded-scheduler.ts'

/** Options of `engineScheduler()`. */
export type EngineSchedulerOptions = {
  /** How far ahead `feed` receives due times, in ms. Default 300000 (5 minutes), 10000 to 86400000 (a day). */
  readonly windowMs?: number
}

/**
 * What becomes due within a tenth of a second shares an alarm: a storm of retries costs an engine ten alarms a second.
 */
const gridMs = 100
/** If the engine takes longer than this, its alarms are set as timers of this process instead. */
const answerWithinMs = 2000
const openWithinMs = 10_000
const [leastWindowMs, mostWindowMs] = [10_000, 86_400_000]

/**
 * A scheduler on top of an engine outside this process. The engine is given the due times of the next `windowMs`, and
 * new ones within that window at once; the process in which an alarm rings wakes up. This process sets its own timers
 * only for what is already due, what the engine rang for too early, and alarms the engine did not take. So if the
 * engine is down, nothing is lost but the help of the other processes.
 * @throws NotificationError `options_invalid` for a `windowMs` out of range.
 */
export function engineScheduler(
  engine: AlarmEngine,
  { windowMs = 5 * 60_000 }: EngineSchedulerOptions = {},
): Scheduler & { feed(times: readonly Date[]): Promise<void> } {
  if (!(windowMs >= leastWindowMs && windowMs <= mostWindowMs)) {
    throw new NotificationError(
      'options_invalid',
      `${engine.name}: windowMs must be ${leastWindowMs} to ${mostWindowMs}.`,
      { field: 'windowMs' },
    )
  }
  const called = `The scheduler "${engine.name}"`
  const timer = embeddedScheduler()
  let context: SchedulerContext | null = null
  let opening: Promise<void> | null = null
  let handing = false
  let failing = false
  const waiting = new Map<string, Alarm>()

  /** Opened where it is not; another try where the last one failed. */
  function open({ wake, clock, logger }: SchedulerContext): Promise<void> {
    const ring = (at: Date) => {
      if (context === null) return
      // Its clock is not ours; a time that is still to come here is waited for here.
      if (at > clock.now()) timer.wakeAt(at)
      else wake()
    }
    opening ??= engine.open({ ring, clock, logger }).catch((error) => {
      opening = null
      throw error
    })
    return opening
  }

  async function set(given: SchedulerContext, alarms: readonly Alarm[]): Promise<void> {
    const done = open(given).then(() => (alarms.length === 0 ? undefined : engine.set(alarms)))
    await withTimeout(
      given.clock,
      answerWithinMs,
      done,
      failed(`${called} did not respond within ${answerWithinMs} ms.`),
    )
    if (failing) given.logger.info('scheduler responds again', { scheduler: engine.name })
    failing = false
  }

  async function handOver(given: SchedulerContext): Promise<void> {
    handing = true
    while (waiting.size > 0) {
      // What is asked for in the same turn goes over together.
      await new Promise((resolve) => setImmediate(resolve))
      const alarms = [...waiting.values()]
      waiting.clear()
      if (context === null) break
      try {
        await set(given, alarms)
      } catch (error) {
        if (context === null) break
        given.logger.warn('scheduler not reached', { scheduler: engine.name, fault: faultOf(error) })
        failing = true
        for (const { at } of alarms) timer.wakeAt(at)
      }
    }
    handing = false
  }

  return {
    name: engine.name,
    windowMs,

    async start(given) {
      context = given
      await timer.start(given)
      const opened = withTimeout(given.clock, openWithinMs, open(given), failed(`${called} did not open.`))
      await opened.catch((error) => {
        const code = error instanceof NotificationError ? error.code : null
        if (code === 'dependency_missing' || code === 'options_invalid') throw error
        // It is tried again with the next feeding; until then this process times what is due.
        given.logger.warn('opening the scheduler failed', { scheduler: engine.name, fault: faultOf(error) })
      })
    },

    wakeAt(at) {
      const now = context?.clock.now().getTime() ?? Number.POSITIVE_INFINITY
      if (context === null || at.getTime() <= now) return timer.wakeAt(at)
      // The feeder brings it when it is near.
      if (at.getTime() > now + windowMs) return
      const alarm = alarmAt(at)
      waiting.set(alarm.key, alarm)
      if (!handing) void handOver(context)
    },

    /** Without times too: whether the engine is there is to be known before it is needed. */
    async feed(times) {
      if (context === null) return
      const alarms = new Map(times.map(alarmAt).map((alarm) => [alarm.key, alarm]))
      await set(context, [...alarms.values()])
    },

    async stop() {
      const given = context
      context = null
      waiting.clear()
      await timer.stop()
      if (given === null || opening === null) return
      const closed = opening.then(() => engine.close())
      opening = null
      await withTimeout(given.clock, answerWithinMs, closed, failed(`${called} did not close.`)).catch((error) =>
        given.logger.warn('closing the scheduler failed', { scheduler: engine.name, fault: faultOf(error) }),
      )
    },
  }
}

const failed = (message: string) => (): never => {
  throw new NotificationError('scheduler_failed', message)
}

function alarmAt(time: Date): Alarm {
  const at = Math.ceil(time.getTime() / gridMs) * gridMs
  return { key: `alarm-${at}`, at: new Date(at) }
}
