import { keys, type Part } from '../ports/rows/keys.ts'
import { type Command, each, read } from '../ports/rows/rows.ts'
import { type Claim, leaseChallengeMs, type RenewCommand } from '../ports/storage/deliveries.ts'

type Lease = Part<'notification_history', 'delivery_state' | 'fence' | 'due_at'>

/** The row, where it is still being sent under this fence. */
const isSent = (row: Lease | undefined, { fence }: Pick<Claim, 'fence'>): row is Lease =>
  row?.fence === fence && row.delivery_state === 'sending'

/** `DeliveryStore.renew`. */
export const renewals: Command<RenewCommand, boolean | 'held'> = {
  stages: [({ id }) => [read(keys.lease, { id })]],
  run: each((rows, { id, leaseUntil, at, ...command }) => {
    if (!isSent(rows.get(keys.lease, { id }), command)) return false
    rows.update('notification_history', id, { due_at: leaseUntil.getTime(), updated_at: at.getTime() })
    return true
  }),
  held: { outcome: 'held', wait: 'never' },
}

/**
 * `DeliveryStore.challenge`: the smallest change that nobody can miss. Whoever has locked a row is doing something about it, or is looked
 * at again.
 */
export const challenges: Command<Claim, boolean> = {
  stages: [({ id }) => [read(keys.lease, { id })]],
  run: each((rows, { id, until, ...claim }) => {
    const row = rows.get(keys.lease, { id })
    if (!isSent(row, claim) || row.due_at !== until.getTime()) return false
    rows.update('notification_history', id, { due_at: row.due_at + leaseChallengeMs })
    return true
  }),
  held: { outcome: false, wait: 'never' },
}
