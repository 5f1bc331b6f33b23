import { isNotificationError, type NotificationError } from '../../errors.ts'

/**
 * Runs a batch; where the database refuses it, each command on its own, so that one that cannot be written stops nobody
 * else. A single one is run once more too: the answer to its commit may have been lost, and commands bear to be repeated. A
 * busy or closed database rejects the whole: there, every command would fare alike.
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
      // Also where the database is busy by now: those before are written, and their outcomes must be told.
      if (!isNotificationError(error)) throw error
      outcomes.push(error)
    }
  }
  return outcomes
}

const isRefusal = (error: unknown): boolean =>
  isNotificationError(error) && (error.code === 'storage_failed' || error.code === 'invalid_input')
