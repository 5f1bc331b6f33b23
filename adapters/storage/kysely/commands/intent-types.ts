import type { IntentCommand } from '../../../../src/index.ts'
import type { RecordOf } from '../query.ts'
import type { Tally } from './counters.ts'
import type { GuardCheck } from './guard.ts'
import type { Meter } from './meter.ts'
import type { Tx } from './tx.ts'

export type Reminder = RecordOf<'appointment_reminders'>
export type Delivery = RecordOf<'notification_history'>
export type Intent<K extends IntentCommand['kind']> = Extract<IntentCommand, { kind: K }>
export type IntentTx = {
  readonly tx: Tx
  readonly at: Date
  readonly tally: Tally
  readonly guard: GuardCheck
  readonly meter: Meter
}
