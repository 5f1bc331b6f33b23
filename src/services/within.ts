import { NotificationError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'

/** What `work` comes to, or `scheduler_failed` with this message where it takes longer. The work goes on all the same. */
export async function within<T>(clock: Clock, ms: number, work: Promise<T>, message: string): Promise<T> {
  const late = Promise.withResolvers<never>()
  const disarm = clock.setTimer(new Date(clock.now().getTime() + ms), () =>
    late.reject(new NotificationError('scheduler_failed', message)),
  )
  try {
    return await Promise.race([work, late.promise])
  } finally {
    disarm()
  }
}
