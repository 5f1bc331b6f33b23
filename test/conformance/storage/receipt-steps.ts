import type { ReceiptCommand, ReportedState } from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'
import { minutes, t0 } from './harness.ts'
import { claimOne, planRow, settleCommand, took } from './rows.ts'

/** A report of a message, in minutes; or the provider's answer to its send. */
export type Step = { readonly state: ReportedState; readonly at: number } | 'answer'

/** Different reports of the same state have causes of their own. */
const receipt = (id: number, { state, at }: Exclude<Step, 'answer'>): ReceiptCommand => {
  const cause = state === 'FAILED' || state === 'BOUNCED' ? `${state} at ${at}` : null
  return { id, status: state, at: minutes(at), errorCode: cause, errorMessage: cause, providerMessageId: 'p' }
}

const tallies = async (storage: Store) =>
  new Map(
    (await storage.statistics.counts({})).map(({ count, ...what }) => [
      JSON.stringify(Object.entries(what).sort()),
      count,
    ]),
  )

function difference(now: ReadonlyMap<string, number>, before: ReadonlyMap<string, number>): Record<string, number> {
  const changes = [...new Set([...now.keys(), ...before.keys()])].map(
    (key) => [key, (now.get(key) ?? 0) - (before.get(key) ?? 0)] as const,
  )
  return Object.fromEntries(changes.filter(([, change]) => change !== 0))
}

/** In the midst of the reports: a provider's clock may be behind ours. */
const answeredAt = minutes(10).getTime()

/** The first appointment is the one that guards of claims are about. */
const lastOf = new WeakMap<Store, number>()

/** All that a new message leaves behind after these steps, but for ids and its story: its row, its reminder, what is counted. */
export async function leftBy(storage: Store, steps: readonly Step[]) {
  const appointmentId = (lastOf.get(storage) ?? 99) + 1
  lastOf.set(storage, appointmentId)
  const held = await claimOne(storage, { plan: planRow({ appointmentId }) })
  const before = await tallies(storage)
  for (const step of steps) {
    if (step === 'answer') {
      const result = { kind: 'sent', providerMessageId: 'p', lateMs: answeredAt - t0.getTime() } as const
      await storage.deliveries.settle([settleCommand(held, result, { at: new Date(answeredAt) })])
    } else await took(storage, receipt(held.id, step))
  }
  const row = await storage.deliveries.get(held.id)
  const reminder = await storage.reminders.get(held.reminderId ?? 0)
  const ids = { id: 0, appointmentId: 0, reminderId: 0, notificationId: 0, fence: 0, idempotencyKey: '' }
  const counted = difference(await tallies(storage), before)
  return { delivery: { ...row, ...ids }, reminder: { ...reminder, ...ids }, counted }
}
