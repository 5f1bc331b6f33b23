import { isNotificationError } from '../../../src/errors.ts'
import { isLockTimeout } from './errors.ts'

/**
 * How much a command waits for what others have: as long as its limits allow, over several attempts; in one attempt; or hardly
 * at all. In the last two it rejects with `storage_busy` at once.
 */
export type Pace = 'patient' | 'once' | 'hasty'

const isLocked = (error: unknown): boolean =>
  isNotificationError(error) && error.code === 'storage_busy' && isLockTimeout(error.cause)

/**
 * Carries out a batch in one transaction; where somebody has rows of it for long, in smaller and smaller ones, until only the
 * commands are left that need those rows: their outcome is `held`. One command alone waits for its rows.
 */
export async function inParts<Command, Outcome>(
  commands: readonly Command[],
  run: (part: readonly Command[], pace: Pace) => Promise<readonly Outcome[]>,
  held: Outcome,
): Promise<Outcome[]> {
  async function halves(part: readonly Command[]): Promise<Outcome[]> {
    const middle = Math.ceil(part.length / 2)
    return [...(await tried(part.slice(0, middle))), ...(await tried(part.slice(middle)))]
  }

  /** Never rejects for what the database says: what other parts became must not be lost with it. */
  async function tried(part: readonly Command[]): Promise<readonly Outcome[]> {
    try {
      return await run(part, 'hasty')
    } catch (error) {
      if (!isNotificationError(error)) throw error
      return part.length > 1 && isLocked(error) ? halves(part) : part.map(() => held)
    }
  }

  if (commands.length <= 1) return [...(await run(commands, 'patient'))]
  try {
    return [...(await run(commands, 'once'))]
  } catch (error) {
    if (!isLocked(error)) throw error
    return halves(commands)
  }
}
