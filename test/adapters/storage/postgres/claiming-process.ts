/** A worker in a process of its own, to be stopped in the middle of a claim: claims these reminders, and says what came of it. */

import { t0 } from '../../../conformance/storage/harness.ts'
import { guard, organizationId, reminderWork, sendIntent } from '../../../conformance/storage/rows.ts'
import { postgres } from '../../../support/stores.ts'

export type Claim = {
  readonly url: string
  readonly schema: string
  readonly works: readonly { readonly id: number; readonly appointmentId: number }[]
}

process.once('message', async ({ url, schema, works }: Claim) => {
  // Longer than a test has for what it does while this one is stopped.
  const storage = postgres({ url, schema, idleTimeoutMs: 3000, lockTimeoutMs: 60_000, commandTimeoutMs: 60_000 })
  const intents = works.map(({ id, appointmentId }) =>
    sendIntent(reminderWork(id), { guard: guard({ plan: { organizationId, appointmentId, revision: 1 } }) }),
  )
  const outcomes = await storage.deliveries.commitIntents(intents, t0)
  await storage.close()
  process.send?.(outcomes.map(({ status }) => status))
  process.disconnect()
})
process.send?.('ready')
