import type { Scheduler, SchedulerContext } from '../../../ports/scheduler.ts'

/** The default scheduler: one timer in this process, set to the earliest time requested. It never polls. */
export function embeddedScheduler(): Scheduler {
  let context: SchedulerContext | null = null
  let wanted: Date | null = null
  let disarm = () => {}

  const arm = () => {
    disarm()
    if (context === null || wanted === null) return
    disarm = context.clock.setTimer(wanted, () => {
      wanted = null
      context?.wake()
    })
  }

  return {
    name: 'embedded',
    async start(given) {
      context = given
      arm()
    },
    wakeAt(at) {
      if (wanted !== null && wanted.getTime() <= at.getTime()) return
      wanted = at
      arm()
    },
    async stop() {
      disarm()
      context = null
      wanted = null
    },
  }
}
