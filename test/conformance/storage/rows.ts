import type {
  AddressNews,
  AddressRef,
  AddressReport,
  DecisionEntry,
  DeliveryContent,
  DeliveryRow,
  EntityId,
  IntentCommand,
  IntentGuard,
  NewDelivery,
  NewReminder,
  PlanCommand,
  PlanOutcome,
  PlanRow,
  ReceiptCommand,
  RecipientRef,
  SettleCommand,
  SettleResult,
  Work,
} from '../../../src/index.ts'
import { emptyPreferences, emptySettings } from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'
import { minutes, t0 } from './harness.ts'

export const organizationId = '7f3d2a10-5b1e-4c7a-9a52-0c6f5a1d9b11'
export const patient = { type: 'PATIENT', id: 12 } as const satisfies RecipientRef
export const client = { type: 'CLIENT', id: 12 } as const satisfies RecipientRef
export const startsAt = minutes(24 * 60)

export const planRow = (change: Partial<PlanRow> = {}): PlanRow => ({
  organizationId,
  appointmentId: 100,
  startsAt,
  localStart: '2031-03-11T08:00:00',
  timeZone: 'America/New_York',
  customReminders: null,
  status: 'active',
  cancelReason: null,
  recipients: [patient],
  tzVersion: '2031a',
  revision: 1,
  lifecycleRevision: 1,
  ...change,
})

export const newReminder = (change: Partial<NewReminder> = {}): NewReminder => ({
  recipient: patient,
  channel: 'EMAIL',
  offset: '24h',
  startsAt,
  reminderTime: t0,
  hoursBefore: 24,
  ...change,
})

export const planned: DecisionEntry = { action: 'planned', rule: 'due_by_offset', category: 'REMINDER' }

export const planCommand = (change: Partial<PlanCommand> = {}): PlanCommand => ({
  expectedRevision: null,
  guard: null,
  plan: planRow(),
  reminders: [newReminder()],
  supersededBy: 'replanned',
  notifications: [],
  decision: [planned],
  at: t0,
  ...change,
})

/** Moves, cancels or re-plans what `planCommand` planned: the next revision of it. */
export const nextPlan = (revision: number, change: Partial<PlanCommand> = {}): PlanCommand =>
  planCommand({
    expectedRevision: revision,
    plan: planRow({ revision: revision + 1, lifecycleRevision: revision + 1 }),
    at: minutes(1),
    ...change,
  })

export function applied(outcome: PlanOutcome | undefined): Extract<PlanOutcome, { status: 'applied' }> {
  if (outcome?.status !== 'applied') throw new Error(`expected the plan to be applied: ${outcome?.status}`)
  return outcome
}

/** Plans one appointment with one reminder due at `t0`, and gives the reminder's id. */
export async function planOne(storage: Store, change: Partial<PlanCommand> = {}): Promise<number> {
  const [outcome] = await storage.plans.apply([planCommand(change)])
  const id = applied(outcome).created[0]?.id
  if (id === undefined) throw new Error('expected a reminder')
  return id
}

export const content = (change: Partial<DeliveryContent> = {}): DeliveryContent => ({
  recipientEmail: 'ada@example.org',
  recipientPhone: null,
  recipientAddress: 'ada@example.org',
  subject: 'Appointment reminder',
  message: 'You have an appointment.',
  templateRevision: 'default:1',
  ...change,
})

export const guard = (change: Partial<IntentGuard> = {}): IntentGuard => ({
  plan: { organizationId, appointmentId: 100, revision: 1 },
  settings: { organizationId, revision: 0 },
  preferences: [{ recipient: patient, revision: 0 }],
  address: null,
  ...change,
})

export const about = (entries: readonly DecisionEntry[] = [], appointmentId: EntityId | null = 100) => ({
  organizationId,
  appointmentId,
  waitlistEntryId: null,
  entries,
})

export const sendEntry: DecisionEntry = { action: 'send', rule: 'allowed', category: 'REMINDER' }

type Send = Extract<IntentCommand, { kind: 'send' }>
let claims = 0
export const sendIntent = (work: Work, change: Partial<Send> = {}): Send => ({
  kind: 'send',
  limit: null,
  work,
  decision: about([sendEntry]),
  guard: guard(),
  content: content(),
  provider: 'smtp',
  idempotencyKey: `key-${work.kind}-${work.id}`,
  // As the dispatcher does it: larger, and another one for each claim.
  fence: fenceAfter(work.kind === 'reminder' ? 0 : work.fence),
  leaseUntil: minutes(2),
  merged: [],
  cap: null,
  ...change,
})

function fenceAfter(fence: number): number {
  claims += 1
  return fence + claims
}

export const reminderWork = (id: number): Work => ({ kind: 'reminder', id })
/** As it was read: one that is being sent, with the end of its lease. */
export const deliveryWork = (
  row: Pick<DeliveryRow, 'id' | 'fence'> & Partial<Pick<DeliveryRow, 'state' | 'dueAt'>>,
): Work => ({
  kind: 'delivery',
  id: row.id,
  fence: row.fence,
  ...(row.state === 'sending' && row.dueAt ? { heldUntil: row.dueAt } : {}),
})

/** Commits one intent; the delivery, or null where it lost or made none. */
export async function commit(storage: Store, command: IntentCommand, now: Date = t0): Promise<DeliveryRow | null> {
  const [outcome] = await storage.deliveries.commitIntents([command], now)
  return outcome?.status === 'committed' ? outcome.delivery : null
}

/** Plans one reminder and claims it: the delivery, being sent until `minutes(2)`. */
export async function claimOne(storage: Store, change: Partial<PlanCommand> = {}): Promise<DeliveryRow> {
  const delivery = await commit(storage, sendIntent(reminderWork(await planOne(storage, change))))
  if (delivery === null) throw new Error('expected the claim to win')
  return delivery
}

export const settleCommand = (
  row: Pick<DeliveryRow, 'id' | 'fence'>,
  result: SettleResult = { kind: 'sent', providerMessageId: 'provider-1' },
  change: Partial<SettleCommand> = {},
): SettleCommand => ({ id: row.id, fence: row.fence, at: minutes(1), result, entries: [], address: null, ...change })

export const ada: AddressRef = { organizationId, channel: 'EMAIL', address: 'ada@example.org' }

/** What an attempt says of an address: by the organization's own account, unless `isShared`. */
export const addressReport = (news: AddressNews, change: Partial<AddressReport> = {}): AddressReport => ({
  ...ada,
  isShared: false,
  news,
  ...change,
})

export const failure = { code: 'smtp_550', message: 'refused' } as const

export const queuedEntry: DecisionEntry = { action: 'queued', rule: 'asked_for', category: 'CONFIRMATION' }

export const newDelivery = (change: Partial<NewDelivery> = {}): NewDelivery => ({
  ...content({ subject: 'Confirmed', message: 'Your appointment is confirmed.' }),
  organizationId,
  appointmentId: 100,
  waitlistEntryId: null,
  recipient: patient,
  channel: 'EMAIL',
  category: 'CONFIRMATION',
  idempotencyKey: 'notice',
  dedupeKey: null,
  snapshot: '{"at":"noon"}',
  dueAt: t0,
  entry: queuedEntry,
  ...change,
})

/** Queues these and gives the rows inserted. */
export const queue = (storage: Store, deliveries: readonly NewDelivery[], at: Date = t0): Promise<DeliveryRow[]> =>
  storage.deliveries.enqueue(deliveries, about(), at)

export const noSettings = emptySettings
export const noPreferences = emptyPreferences

/** Whether a receipt made the delivery another state, or queued it again. */
export async function took(storage: Store, command: ReceiptCommand): Promise<boolean> {
  const [outcome] = await storage.deliveries.recordReceipts([command])
  return outcome === 'changed' || outcome === 'ended' || outcome === 'queued'
}
