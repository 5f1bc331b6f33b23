import { expect, it } from 'vitest'
import type { PlanCommand } from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'
import { dueDeliveries, minutes, type Starter, t0 } from './harness.ts'
import {
  applied,
  claimOne,
  client,
  commit,
  guard,
  newDelivery,
  newReminder,
  nextPlan,
  noPreferences,
  noSettings,
  organizationId,
  patient,
  planCommand,
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

const smsOff = { smsEnabled: false }

/** What a plan was chosen by: the revisions of the settings, of the patient's preferences and of the client's. */
const chosenBy = (settings: number, ofPatient: number, ofClient: number): PlanCommand['guard'] => ({
  settings: { organizationId, revision: settings },
  preferences: [
    { recipient: patient, revision: ofPatient },
    { recipient: client, revision: ofClient },
    { recipient: { type: 'PRACTITIONER', id: 12 }, revision: 0 },
  ],
})

/** A generator of the same numbers every time: a failing order can be run again. */
function dice(seed: number) {
  let state = seed
  return (sides: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * sides)
  }
}

/** Either the cancel came first and nothing is sent, or it was told of the one in flight. */
async function oneWinner(storage: Store, appointmentId: number, cancelled: number, inFlight: number, won: boolean) {
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

  const changes = {
    'settings that were made': [0, 0, 0, (storage) => storage.settings.create(organizationId, noSettings, null, t0)],
    'settings that changed': [1, 0, 0, (storage) => storage.settings.update(organizationId, smsOff, null, t0)],
    'preferences that were made': [
      0,
      0,
      0,
      (storage) => storage.preferences.create(organizationId, client, noPreferences, null, t0),
    ],
    'preferences that changed': [0, 1, 1, (storage) => storage.preferences.update(patient, smsOff, null, t0)],
    'preferences that were deleted': [0, 1, 1, (storage) => storage.plans.forgetRecipient(client, t0)],
  } as const satisfies Record<string, readonly [number, number, number, (storage: Store) => Promise<unknown>]>
  for (const [what, [settings, ofPatient, ofClient, change]] of Object.entries(changes)) {
    it(`${what} defeat a plan that was chosen before, and not one that was chosen since`, async () => {
      const { storage } = await migrated()
      if (settings > 0) await storage.settings.create(organizationId, noSettings, null, t0)
      if (ofPatient > 0) await storage.preferences.create(organizationId, patient, noPreferences, null, t0)
      if (ofClient > 0) await storage.preferences.create(organizationId, client, noPreferences, null, t0)
      const old = chosenBy(settings, ofPatient, ofClient)
      await planOne(storage, { guard: old })
      await change(storage)
      const stored = async () => [
        await storage.plans.find([100, 101]),
        await storage.reminders.list(organizationId, 100),
        await storage.decisions.list(organizationId, 100),
        await storage.deliveries.list({ limit: 10, offset: 0 }),
      ]
      const before = await stored()
      const commands = (guard: PlanCommand['guard']) => [
        { ...moved(), guard, notifications: [newDelivery()] },
        planCommand({ plan: planRow({ appointmentId: 101 }), guard }),
      ]
      expect(await storage.plans.apply(commands(old))).toEqual([{ status: 'conflict' }, { status: 'conflict' }])
      expect(await stored()).toEqual(before)
      const [ofOrganization] = await storage.settings.get([organizationId])
      const wishes = await storage.preferences.get([patient, client])
      const revisionOf = ({ type }: typeof patient | typeof client) =>
        wishes.find(({ recipient }) => recipient.type === type)?.revision ?? 0
      const now = chosenBy(ofOrganization?.revision ?? 0, revisionOf(patient), revisionOf(client))
      const outcomes = await storage.plans.apply(commands(now))
      expect(outcomes.map(({ status }) => status)).toEqual(['applied', 'applied'])
    })
  }

  it('a plan that nobody chose by settings and preferences stands whatever became of them', async () => {
    const { storage } = await migrated()
    await planOne(storage, { guard: chosenBy(0, 0, 0) })
    await storage.settings.create(organizationId, noSettings, null, t0)
    await storage.preferences.create(organizationId, patient, noPreferences, null, t0)
    const outcomes = await storage.plans.apply([
      nextPlan(1, { guard: chosenBy(0, 0, 0) }),
      { ...cancelAll(), guard: null },
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['conflict', 'applied'])
  })

  for (const made of [false, true]) {
    const happen = made ? 'change' : 'are made'
    it(`preferences that ${happen} while plans are written come after what was chosen by the ones before, or defeat it`, async () => {
      const { storage, another } = await migrated()
      const connections = [storage, await another(), await another()]
      const roll = dice(20_260_301)
      const pick = () => connections[roll(connections.length)] ?? storage
      const games = Array.from({ length: 60 }, (_, index) => ({ type: 'PATIENT', id: index + 1 }) as const)
      for (const recipient of games) {
        await planOne(storage, { plan: planRow({ appointmentId: recipient.id, recipients: [recipient] }) })
        if (made) await storage.preferences.create(organizationId, recipient, noPreferences, null, t0)
      }
      const plan = (recipients: typeof games) =>
        pick().plans.apply(
          recipients.map((recipient) => ({
            ...moved(recipient.id),
            guard: {
              settings: { organizationId, revision: 0 },
              preferences: [{ recipient, revision: made ? 1 : 0 }],
            },
          })),
        )
      /** The revision that a re-plan because of the change would find. */
      const change = async (recipient: (typeof games)[number]) => {
        if (made) await pick().preferences.update(recipient, smsOff, null, t0)
        else await pick().preferences.create(organizationId, recipient, noPreferences, null, t0)
        return (await pick().plans.get(organizationId, recipient.id))?.revision
      }
      // Many in one command: it takes longer than a change, so that some come in its middle.
      const planning = [0, 20, 40].map((first) => plan(games.slice(first, first + 20)))
      const found = await Promise.all(games.map(change))
      const outcomes = (await Promise.all(planning)).flat()
      expect(found).toEqual(outcomes.map(({ status }) => (status === 'applied' ? 2 : 1)))
    })
  }
}
