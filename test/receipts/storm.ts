import { createHmac } from 'node:crypto'
import { capture } from '../../adapters/transport/capture.ts'
import { standardWebhooks } from '../../adapters/transport/receipts.ts'
import {
  createNotifications,
  type Notifications,
  type SettleCommand,
  silentLogger,
  systemClock,
  type Transport,
} from '../../src/index.ts'
import type { Store } from '../../src/records/store.ts'
import { batched } from '../../src/services/shared/batched.ts'
import { minutes, t0 } from '../conformance/storage/harness.ts'
import { guard, planCommand, planRow, reminderWork, sendIntent, settleCommand } from '../conformance/storage/rows.ts'
import { HostData } from '../support/host-data.ts'
import { keyOf } from '../support/keys.ts'
import { ManualClock } from '../support/manual-clock.ts'
import type { Report, Step } from './lives.ts'

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const key = Buffer.alloc(32, 7)
/** After all reports. */
const now = minutes(24 * 60)
const sentAt = minutes(1)
/** Messages made in one command, and requests under way at a time. */
const [atOnce, underWay] = [500, 64]

/** A message that is being sent. */
type Claimed = { readonly id: number; readonly fence: number }

/** Reminders that are claimed by a worker, whose provider has not answered yet. */
async function claimed(storage: Store, count: number): Promise<Claimed[]> {
  const made: Claimed[] = []
  for (let first = 0; first < count; first += atOnce) {
    const ids = Array.from({ length: Math.min(atOnce, count - first) }, (_, place) => first + place + 1)
    const planned = await storage.plans.apply(
      ids.map((appointmentId) => planCommand({ plan: planRow({ appointmentId }) })),
    )
    const reminders = planned.flatMap((outcome) => (outcome.status === 'applied' ? outcome.created : []))
    const intents = reminders.map(({ id, appointmentId, organizationId }) =>
      sendIntent(reminderWork(id), {
        provider: 'gateway',
        guard: guard({ plan: { organizationId, appointmentId, revision: 1 } }),
      }),
    )
    const outcomes = await storage.deliveries.commitIntents(intents, t0)
    for (const outcome of outcomes) {
      if (outcome.status !== 'committed' || outcome.delivery === null) throw new Error('expected every claim to win')
      made.push({ id: outcome.delivery.id, fence: outcome.delivery.fence })
    }
  }
  return made
}

const gateway: Transport = { ...capture({ receipts: standardWebhooks({ secrets: [secret] }) }), name: 'gateway' }

/** The library on this storage, with a webhook that takes signed reports. */
const libraryOn = (storage: Store): Notifications =>
  createNotifications({
    storage,
    transports: [gateway],
    directory: new HostData(),
    encryptionKey: keyOf(7),
    env: {},
    logger: silentLogger,
    clock: new ManualClock(now.toISOString()),
    reconcileMs: false,
  })

/** A report as its provider signs and posts it. */
async function post(library: Notifications, { id }: Claimed, { state, at }: Report): Promise<void> {
  const body = JSON.stringify({
    notification_id: id,
    message_id: `m${id}`,
    outcome: state.toLowerCase(),
    at: new Date(sentAt.getTime() + at).toISOString(),
    code: `code_${state.toLowerCase()}`,
  })
  const timestamp = String(now.getTime() / 1000)
  const mac = createHmac('sha256', key).update(`r.${timestamp}.${body}`).digest('base64')
  const headers = { 'webhook-id': 'r', 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` }
  const { status } = await library.handle({
    ...{ method: 'POST', path: '/webhooks/gateway/email', query: '', native: null, headers },
    readBody: async () => ({ kind: 'bytes', bytes: Buffer.from(body) }),
  })
  if (status !== 200) throw new Error(`a report was answered with ${status}`)
}

export type Passed = { readonly reports: number; readonly seconds: number }

/** Carries out steps, in their order or, with more than one at a time, about in their order. */
export async function pass(
  storage: Store,
  messages: number,
  steps: readonly Step[],
  lanes = underWay,
): Promise<Passed> {
  const claims = await claimed(storage, messages)
  const library = libraryOn(storage)
  // As workers settle: what is answered at about the same time is one command.
  const answered = batched({
    clock: systemClock,
    run: (commands: readonly SettleCommand[]) => storage.deliveries.settle(commands),
    keyOf: ({ id }) => id,
  })
  let next = 0
  let reports = 0
  const began = performance.now()
  const lane = async () => {
    for (let step = steps[next]; step !== undefined; step = steps[next]) {
      next += 1
      const claim = claims[step.message]
      if (claim === undefined) throw new Error('there is no such message')
      if (step.state === 'answer') {
        const result = { kind: 'sent', providerMessageId: `m${claim.id}`, lateMs: 60_000 } as const
        await answered(settleCommand(claim, result, { at: sentAt }))
      } else {
        await post(library, claim, step)
        reports += 1
      }
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return { reports, seconds: (performance.now() - began) / 1000 }
}

/** All that the steps leave behind, but for what differs by chance: rows of messages and reminders, and what is counted. */
export const leavings = {
  tables: ['notification_history', 'appointment_reminders', 'notification_counters'],
  byChance: ['fence', 'idempotency_key'],
} as const

export type Row = Readonly<Record<string, unknown>>
export type Left = Readonly<Record<string, readonly Row[]>>

/** What differs between two databases, in words. */
export function differences(one: Left, other: Left): string[] {
  return leavings.tables.flatMap((table) => {
    const [ours, theirs] = [one[table] ?? [], other[table] ?? []].map((rows) => rows.map(textOf).sort())
    if (ours === undefined || theirs === undefined) return []
    const theirsToo = new Set(theirs)
    const [first] = ours.filter((row) => !theirsToo.has(row))
    if (first !== undefined) return [`${table}: in order there is no row ${first}`]
    return ours.length === theirs.length ? [] : [`${table}: ${ours.length} rows, and ${theirs.length} in order`]
  })
}

/** A counter that went down to nothing counts as none. */
const textOf = (row: Row): string => {
  const entries = Object.entries(row).filter(([name]) => !leavings.byChance.some((one) => one === name))
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}
