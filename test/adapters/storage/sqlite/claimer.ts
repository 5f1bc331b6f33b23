/** One process of `processes.slow.test.ts`: claims what it can of the reminders due, and prints how many it won. */
import { randomInt } from 'node:crypto'
import type { IntentCommand } from '../../../../src/index.ts'
import { dueReminders } from '../../../conformance/storage/harness.ts'
import { sqlite } from '../../../support/stores.ts'

const [path = '', now = '0'] = process.argv.slice(2)
const storage = sqlite(path)
const at = new Date(Number(now))
let won = 0
for (;;) {
  const due = await dueReminders(storage, at, 20)
  if (due.length === 0) break
  const commands = due.map(
    ({ id, organizationId, appointmentId, recipient }): IntentCommand => ({
      kind: 'send',
      limit: null,
      work: { kind: 'reminder', id },
      decision: { organizationId, appointmentId, waitlistEntryId: null, entries: [] },
      guard: {
        plan: { organizationId, appointmentId, revision: 1 },
        settings: { organizationId, revision: 0 },
        preferences: [{ recipient, revision: 0 }],
        address: null,
      },
      content: {
        recipientEmail: 'a@b.c',
        recipientPhone: null,
        recipientAddress: 'ada@example.org',
        subject: 's',
        message: 'm',
        templateRevision: 'd',
      },
      provider: 'smtp',
      idempotencyKey: `key-${id}`,
      fence: randomInt(1, 2 ** 40),
      leaseUntil: new Date(at.getTime() + 60_000),
      merged: [],
      cap: null,
    }),
  )
  // One command each, so that the processes have as many occasions to meet as there are reminders.
  const outcomes = await Promise.all(commands.map((command) => storage.deliveries.commitIntents([command], at)))
  const claimed = outcomes.flat().flatMap((outcome) => (outcome.status === 'committed' ? [outcome.delivery] : []))
  won += claimed.length
  await storage.deliveries.settle(
    claimed.flatMap((row) =>
      row === null
        ? []
        : {
            id: row.id,
            fence: row.fence,
            at,
            result: { kind: 'sent', providerMessageId: null },
            entries: [],
            address: null,
          },
    ),
  )
}
await storage.close()
console.log(JSON.stringify({ won }))
