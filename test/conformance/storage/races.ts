import { expect, it } from 'vitest'
import type { Storage } from '../../../src/index.ts'
import { dueDeliveries, minutes, type Starter, t0 } from './harness.ts'
import {
  applied,
  claimOne,
  commit,
  guard,
  newReminder,
  nextPlan,
  organizationId,
  planOne,
  planRow,
  reminderWork,
  sendIntent,
  settleCommand,
  startsAt,
} from './rows.ts'

const cancelAll = (appointmentId = 100) =>
  nextPlan(1, {
    plan: planRow({ appointmentId, status: 'cancelled', cancelReason: 'appointment_cancelled', revision: 2 }),
    reminders: [],
    supersededBy: 'appointment_cancelled',
  })

const moved = (appointmentId = 100) => {
  const start = minutes(60, startsAt)
  return nextPlan(1, {
    plan: planRow({ appointmentId, startsAt: start, revision: 2 }),
    reminders: [newReminder({ startsAt: start })],
    supersededBy: 'appointment_moved',
  })
}

/** A generator of the same numbers every time: a failing order can be run again. */
function dice(seed: number) {
  let state = seed
  return (sides: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * sides)
  }
}

/** Either the cancel came first and nothing is sent, or it was told of the one in flight. */
async function oneWinner(storage: Storage, appointmentId: number, cancelled: number, inFlight: number, won: boolean) {
  expect(cancelled + inFlight).toBe(1)
  expect(won).toBe(inFlight === 1)
  const rows = await storage.reminders.list(organizationId, appointmentId)
  const old = rows.find((row) => row.startsAt.getTime() === startsAt.getTime())
  expect(old?.status).toBe(won ? 'PENDING' : 'CANCELLED')
  expect(old?.notificationId === null).toBe(!won)
}

export function races({ migrated }: Starter): void {
  for (const [what, change] of Object.entries({ cancel: cancelAll, move: moved })) {
    it(`a ${what} before the intent defeats it`, async () => {
      const { storage } = await migrated()
      const id = await planOne(storage)
      const [outcome] = await storage.plans.apply([change()])
      const row = await commit(storage, sendIntent(reminderWork(id)))
      await oneWinner(storage, 100, applied(outcome).cancelled.length, applied(outcome).inFlight, row !== null)
      expect(row).toBeNull()
    })

    it(`a ${what} after the intent is told of it, and leaves it`, async () => {
      const { storage } = await migrated()
      const held = await claimOne(storage)
      const [outcome] = await storage.plans.apply([change()])
      await oneWinner(storage, 100, applied(outcome).cancelled.length, applied(outcome).inFlight, true)
      expect(await storage.deliveries.settle([settleCommand(held)])).toEqual([true])
      expect(await storage.reminders.get(held.reminderId ?? 0)).toMatchObject({ status: 'SENT', sentAt: minutes(1) })
    })

    it(`a ${what} withdraws a delivery that waits for its retry`, async () => {
      const { storage } = await migrated()
      const held = await claimOne(storage)
      const retry = {
        kind: 'retry',
        dueAt: minutes(5),
        code: 'c',
        message: 'm',
        countAttempt: true,
        unknown: false,
      } as const
      await storage.deliveries.settle([settleCommand(held, retry)])
      const [outcome] = await storage.plans.apply([change()])
      expect(applied(outcome)).toMatchObject({ inFlight: 0, cancelled: [{ status: 'CANCELLED' }] })
      expect(await storage.deliveries.get(held.id)).toMatchObject({ state: 'cancelled', status: null, dueAt: null })
      expect((await dueDeliveries(storage, minutes(10_000), 10)).map((row) => row.id)).not.toContain(held.id)
    })
  }

  it('a cancel, a move and intents at once have one winner each time, whoever comes first', async () => {
    const { storage, another } = await migrated()
    const connections = [storage, await another(), await another()]
    const roll = dice(20_310_310)
    const pick = () => connections[roll(connections.length)] ?? storage
    const count = 60
    const ids = await Promise.all(
      Array.from({ length: count }, (_, index) => planOne(storage, { plan: planRow({ appointmentId: index + 1 }) })),
    )
    const games = ids.map((id, index) => {
      const appointmentId = index + 1
      const claim = () =>
        sendIntent(reminderWork(id), { guard: guard({ plan: { organizationId, appointmentId, revision: 1 } }) })
      const plays = [
        async () => ({ won: (await commit(pick(), claim(), t0)) !== null }),
        async () => ({ won: (await commit(pick(), claim(), t0)) !== null }),
        async () => ({ plan: (await pick().plans.apply([cancelAll(appointmentId)]))[0] }),
        async () => ({ plan: (await pick().plans.apply([moved(appointmentId)]))[0] }),
      ]
      const order = plays.map((play) => ({ play, turn: roll(1000) })).sort((a, b) => a.turn - b.turn)
      return { appointmentId, order: order.map(({ play }) => play) }
    })
    await Promise.all(
      games.map(async ({ appointmentId, order }) => {
        const results = await Promise.all(order.map((play) => play()))
        const wins = results.filter((result) => 'won' in result && result.won).length
        expect(wins).toBeLessThanOrEqual(1)
        const plans = results.flatMap((result) =>
          'plan' in result && result.plan?.status === 'applied' ? [result.plan] : [],
        )
        expect(plans).toHaveLength(1)
        const [plan] = plans
        await oneWinner(storage, appointmentId, plan?.cancelled.length ?? 0, plan?.inFlight ?? 0, wins === 1)
      }),
    )
  })

  it('of plans made at once from one revision, one is applied', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    const first = await Promise.all([storage, other, storage, other].map((one) => one.plans.apply([moved()])))
    expect(first.flat().map((outcome) => outcome.status)).toEqual(Array(4).fill('conflict'))
    const made = await Promise.all(
      [storage, other, storage, other].map((one) => one.plans.apply([{ ...cancelAll(), expectedRevision: null }])),
    )
    expect(made.flat().filter((outcome) => outcome.status === 'applied')).toHaveLength(1)
  })
}
