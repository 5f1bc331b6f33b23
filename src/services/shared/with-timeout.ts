import type { Clock } from '../../ports/clock.ts'

/** What `work` comes to, or what `late` says (or throws) where it takes longer by this clock. The work goes on all the same. */
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
