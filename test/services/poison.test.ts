import { describe, expect, it } from 'vitest'
import { NotificationError } from '../../src/index.ts'
import type { Store } from '../../src/records/store.ts'
import { ada, openClinic } from '../support/clinic.ts'
import { sqlite } from '../support/stores.ts'

const start = new Date('2026-03-20T15:00:00Z')
const hour = 3_600_000

/** SQLite that refuses what is about one appointment, as a broken row or a bug of ours would make it. */
function refusing(poisoned: number, command: 'apply' | 'commitIntents' | 'settle'): Store {
  const storage = sqlite(':memory:')
  const refuse = (is: boolean) => {
    if (is) throw new NotificationError('storage_failed', 'The database refused a row.')
  }
  const poisonedDeliveries = new Set<number>()
  return {
    ...storage,
    plans: {
      ...storage.plans,
      async apply(commands) {
        refuse(command === 'apply' && commands.some((one) => one.plan.appointmentId === poisoned))
        return storage.plans.apply(commands)
      },
    },
    deliveries: {
      ...storage.deliveries,
      async commitIntents(commands, now) {
        refuse(command === 'commitIntents' && commands.some((one) => one.decision.appointmentId === poisoned))
        const outcomes = await storage.deliveries.commitIntents(commands, now)
        for (const [index, outcome] of outcomes.entries()) {
          if (outcome.status !== 'committed' || outcome.delivery === null) continue
          if (commands[index]?.decision.appointmentId === poisoned) poisonedDeliveries.add(outcome.delivery.id)
        }
        return outcomes
      },
      async settle(commands) {
        refuse(command === 'settle' && commands.some((one) => poisonedDeliveries.has(one.id)))
        return storage.deliveries.settle(commands)
      },
    },
  }
}

describe('a row the database refuses', () => {
  it.each(['apply', 'commitIntents', 'settle'] as const)('stops nobody else: %s', async (command) => {
    await using clinic = await openClinic('2026-03-19T14:59:00Z', { storage: refusing(2, command) })
    for (const id of [1, 2, 3]) {
      clinic.host.book({ id, startsAt: start, recipients: [{ ...ada, id, phone: null, email: `p${id}@example.org` }] })
    }
    const planned = await clinic.notifications.scheduleMany([1, 2, 3], { customReminders: [24] })
    expect(planned.map((result) => 'error' in result)).toEqual([false, command === 'apply', false])
    await clinic.start()
    await clinic.clock.advance(30 * 60_000)
    const status = async (id: number) => (await clinic.notifications.getReminders(id))[0]?.status
    expect([await status(1), await status(3)]).toEqual(['SENT', 'SENT'])
    expect(await status(2)).not.toBe('SENT')
    const sentTwice = clinic.outbox.sent.length - new Set(clinic.outbox.sent.map((message) => message.to)).size
    // What was sent and could not be recorded is not begun again: this process knows better than its row.
    expect(clinic.sentTo().filter((to) => to === 'EMAIL p2@example.org')).toHaveLength(command === 'settle' ? 1 : 0)
    expect(sentTwice).toBe(0)
    await clinic.clock.advance(hour)
    expect(clinic.log.lines.filter((line) => line.includes('outcomes not written')).length).toBeLessThan(100)
  })
})
