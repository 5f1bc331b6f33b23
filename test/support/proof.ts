/** What the proofs and the bench have in common: how a broken promise is reported, and how one is broken on purpose. */
import { inspect } from 'node:util'
import { z } from 'zod'

/** A part of a proof: resolves with a sentence for each promise that was broken. */
export type Part = () => Promise<readonly string[]>

/** A number of the command line. */
export const count = z.coerce.number().int().positive()
export const countOrNone = z.coerce.number().int().nonnegative()

/** Twenty are enough to find the cause. */
const shown = 20

function report(breaches: readonly string[]): void {
  for (const breach of breaches.slice(0, shown)) console.error(`BROKEN: ${breach}`)
  if (breaches.length > shown) console.error(`BROKEN: ${breaches.length - shown} more`)
  if (breaches.length > 0) process.exitCode = 1
}

/**
 * Runs the parts one after another and prints what was broken. The process ends with 1 if anything was: a promise, a part that
 * threw (the others are run all the same), a promise of JavaScript that was rejected unheard, or if there was no part to run.
 */
export async function prove(parts: readonly Part[]): Promise<void> {
  let strays = 0
  process.on('unhandledRejection', (reason) => {
    process.exitCode = 1
    strays += 1
    if (strays <= shown) report([`unhandled rejection: ${inspect(reason)}`])
  })
  if (parts.length === 0) report(['nothing was asked for, so nothing was proved'])
  for (const part of parts) {
    try {
      report(await part())
    } catch (error) {
      report([`ended half-way: ${inspect(error)}`])
    }
  }
}

/**
 * What `--break NAME` does to the evidence before it is judged, so that a test sees the script fail. Every proof has `error`,
 * by which the judging throws, and `stray`, by which a rejection goes unheard beside it. Without a name: nothing.
 *
 * @throws for a name that is not known.
 */
export function breakage<Evidence>(
  name: string | undefined,
  own: Readonly<Record<string, (evidence: Evidence) => Evidence>>,
): (evidence: Evidence) => Evidence {
  const breakages: typeof own = {
    ...own,
    error() {
      throw new Error('broken on purpose')
    },
    stray(evidence) {
      void Promise.reject(new Error('rejected on purpose'))
      return evidence
    },
  }
  if (name === undefined) return (evidence) => evidence
  const found = breakages[name]
  if (found === undefined) throw new Error(`nothing to break is called ${name}: ${Object.keys(breakages).join(', ')}`)
  return found
}
