import { isNotificationError, type NotificationError } from '../../errors.ts'

/**
 * Runs a batch; if the database refuses it, runs each command on its own, so that one that cannot be written does not stop
 * the others. A single command is also repeated: the response to its commit may have been lost, and commands can be repeated. A
 * busy or closed database rejects the whole batch, since every command would fail.
 */
export async function batchOrEach<Command, Outcome>(
  commands: readonly Command[],
  run: (batch: readonly Command[]) => Promise<readonly Outcome[]>,
): Promise<readonly (Outcome | NotificationError)[]> {
  if (commands.length === 0) return []
  try {
    return await run(commands)
  } catch (error) {
    if (!isRefusal(error)) throw error
  }
  const outcomes: (Outcome | NotificationError)[] = []
  for (const command of commands) {
    try {
      outcomes.push(...(await run([command])))
    } catch (error) {
      // Even if the database is busy by now: earlier commands are written, and their outcomes must be returned.
      if (!isNotificationError(error)) throw error
      outcomes.push(error)
    }
  }
  return outcomes
}

const isRefusal = (error: unknown): boolean =>
  isNotificationError(error) && (error.code === 'storage_failed' || error.code === 'invalid_input')
