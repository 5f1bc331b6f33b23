import type { Clock } from '../../ports/clock.ts'

/** The result of `work`, or of `late` (which may throw) if it takes longer by this clock. The work continues in any case. */
export async function withTimeout<T, L>(
  clock: Pick<Clock, 'after'>,
  ms: number,
  work: Promise<T>,
  late: () => L,
): Promise<T | L> {
  const end = Promise.withResolvers<void>()
  const disarm = clock.after(ms, end.resolve)
  try {
    return await Promise.race([work, end.promise.then(late)])
  } finally {
    disarm()
  }
}
