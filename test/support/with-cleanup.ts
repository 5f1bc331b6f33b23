/**
 * Runs `work`. Every step that it defers is taken afterwards, the last first, whether or not the work or another step fails.
 *
 * @throws what the work throws, or the step that fails; an AggregateError where several do.
 */
export async function withCleanup<T>(work: (defer: (step: () => unknown) => void) => Promise<T>): Promise<T> {
  const steps: (() => unknown)[] = []
  const [outcome] = await Promise.allSettled([work((step) => steps.push(step))])
  const failures: unknown[] = outcome.status === 'rejected' ? [outcome.reason] : []
  for (const step of steps.reverse()) {
    try {
      await step()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 1) throw new AggregateError(failures, failures.map(String).join('; '))
  if (outcome.status === 'rejected' || failures.length > 0) throw failures[0]
  return outcome.value
}
