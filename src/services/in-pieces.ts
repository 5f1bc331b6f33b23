import { isNotificationError, type NotificationError } from '../errors.ts'

/**
 * Runs a batch; where the database refuses it, each command on its own, so that one that cannot be written stops nobody
 * else. A busy or closed database rejects the whole: there, every command would fare alike.
 */
export async function inPieces<Command, Outcome>(
  commands: readonly Command[],
  run: (batch: readonly Command[]) => Promise<readonly Outcome[]>,
): Promise<readonly (Outcome | NotificationError)[]> {
  if (commands.length === 0) return []
  try {
    return await run(commands)
  } catch (error) {
    if (!refused(error)) throw error
    if (commands.length === 1) return [error]
    const outcomes: (Outcome | NotificationError)[] = []
    for (const command of commands) outcomes.push(...(await inPieces([command], run)))
    return outcomes
  }
}

const refused = (error: unknown): error is NotificationError =>
  isNotificationError(error) && (error.code === 'storage_failed' || error.code === 'invalid_input')
