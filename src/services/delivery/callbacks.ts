import { NotificationError } from '../../errors.ts'
import type { DeliveryRow } from '../../ports/storage.ts'
import { parseField, parseInput, rowId } from '../../schemas/common.ts'
import { type DeliveryReceipt, deliveryReceipt } from '../../schemas/receipt.ts'
import { taskManagerProvider } from '../../schemas/task-manager.ts'
import type { DeliveryStatus, ReminderStatus } from '../../schemas/vocabulary.ts'
import { createTokenSigner, type TokenPurpose, type TokenSigner } from '../../security/signed-token.ts'
import type { Context } from '../shared/context.ts'
import { notificationNotFound, reminderNotFound } from '../shared/not-found.ts'
import { Receipts } from './receipts.ts'
import { noteFailure, type Report, recordReport } from './reports.ts'

/** What an outside service reports of a message. */
export type DeliveryReport = {
  /** `pending`: nothing is known yet, and nothing changes. */
  readonly outcome: 'success' | 'failed' | 'bounced' | 'pending'
  readonly deliveredAt: Date | null
  /** Why it failed; shortened, and addresses in it are taken out before it is stored. */
  readonly error: string | null
  readonly messageId: string | null
  readonly taskId: string | null
  readonly executionId: string | null
}

/** Why it failed, as a word, if the report has one. */
type Why = Pick<DeliveryReceipt, 'code'>

/**
 * Result of a report. `status` is the present one; `updated` is false if the report changed nothing, for example because it
 * came before.
 */
export type ReportResult = {
  readonly id: number
  readonly status: DeliveryStatus | ReminderStatus | null
  readonly updated: boolean
}

const purposeOf = {
  notification: 'notification-callback',
  reminder: 'reminder-callback',
} as const satisfies Record<string, TokenPurpose>

const pathOf = { notification: 'callback', reminder: 'reminder-callback' } as const

/** How long a callback URL stays good after the reminder's time: seven days. */
const gracePeriodMs = 7 * 24 * 60 * 60 * 1000

/** Signs the URLs that outside services report to, and records what they report. */
export class Callbacks {
  readonly #context: Context
  readonly #signer: TokenSigner | null
  readonly #receipts: Receipts

  constructor(context: Context) {
    this.#context = context
    this.#receipts = new Receipts(context)
    const { encryptionKeys } = context.options
    this.#signer = encryptionKeys.length === 0 ? null : createTokenSigner(encryptionKeys)
  }

  /**
   * Where TaskManager reports on a notification or reminder; good until seven days after `time`, its time of sending.
   * @throws NotificationError `options_invalid` without the option `publicUrl`, `encryption_key_missing` without a key.
   */
  url(kind: keyof typeof purposeOf, id: number, time: Date): string {
    const { publicUrl } = this.#context.options
    if (publicUrl === null) {
      throw new NotificationError('options_invalid', 'Callback URLs need the option "publicUrl".', {
        field: 'publicUrl',
      })
    }
    if (this.#signer === null) {
      throw new NotificationError(
        'encryption_key_missing',
        'Callback URLs are signed: set NOTIFICATIONS_ENCRYPTION_KEY or the option "encryptionKey".',
      )
    }
    const expiresAt = new Date(time.getTime() + gracePeriodMs)
    const token = this.#signer.sign({ purpose: purposeOf[kind], id }, expiresAt)
    return `${publicUrl}/${pathOf[kind]}/${id}?token=${token}`
  }

  /** @throws NotificationError `token_invalid`: missing, forged, for something else, or expired. */
  requireToken(token: string, purpose: TokenPurpose, id: number | string): void {
    const { clock } = this.#context.options
    const result = this.#signer?.verify(token, { purpose, id }, clock.now()) ?? 'invalid'
    if (result === 'valid') return
    const message = result === 'expired' ? 'The token has expired.' : 'The token is missing, or belongs to another URL.'
    throw new NotificationError('token_invalid', message, { field: 'token' })
  }

  /**
   * Records what a provider reported to a webhook of the host, which has verified that it was the provider. Reporting the same
   * twice changes nothing, and what is shown only changes to something later: sent, failed, delivered, read, bounced, complained.
   * @throws NotificationError `invalid_input`, `notification_not_found`.
   */
  async recordReceipt(notificationId: number, given: DeliveryReceipt): Promise<ReportResult> {
    const id = parseField(rowId, notificationId, 'notificationId')
    const receipt = parseInput(deliveryReceipt, given, 'receipt')
    return this.#reported(id, (row) => this.#receive(row, receipt))
  }

  /** @throws NotificationError `notification_not_found`. */
  recordNotification(id: number, report: DeliveryReport, why: Why = {}): Promise<ReportResult> {
    return this.#reported(id, (row) => this.#record(row, report, why))
  }

  async #reported(id: number, record: (row: DeliveryRow) => Promise<boolean>): Promise<ReportResult> {
    const { storage } = this.#context.options
    const row = await storage.deliveries.get(id)
    if (row === null) throw notificationNotFound(id)
    const updated = await record(row)
    const now = await storage.deliveries.get(id)
    return { id, status: (now ?? row).status, updated }
  }

  /** @throws NotificationError `reminder_not_found`. */
  async recordReminder(id: number, report: DeliveryReport): Promise<ReportResult> {
    const { storage } = this.#context.options
    const reminder = await storage.reminders.get(id)
    if (reminder === null) throw reminderNotFound(id)
    const row = reminder.notificationId === null ? null : await storage.deliveries.get(reminder.notificationId)
    // An alarm of the mode `trigger`: whatever it reports, look for due work.
    if (row === null && reminder.status === 'PENDING' && reminder.dueAt !== null) this.#context.dueAt(reminder.dueAt)
    // One that rings late or again says nothing of a message that the library sends itself.
    const isAlarm = row !== null && reminder.taskManagerTaskId !== null && !isTaskManagers(row)
    const updated = row !== null && !isAlarm && (await this.#record(row, report))
    // Read again even if the report changed nothing: another process may have recorded the same a moment before.
    const now = row === null ? reminder : await storage.reminders.get(id)
    return { id, status: now?.status ?? reminder.status, updated }
  }

  async #record(row: DeliveryRow, report: DeliveryReport, why: Why = {}): Promise<boolean> {
    const status = statusOf(report)
    if (status === null) return false
    if (isTaskManagers(row)) return this.#recordTask(row, { ...report, status })
    const { deliveredAt, error, messageId } = report
    const at = deliveredAt ?? this.#context.options.clock.now()
    return this.#receive(row, { ...why, outcome: outcomeOf[status], at, error, messageId })
  }

  async #receive(row: DeliveryRow, receipt: DeliveryReceipt): Promise<boolean> {
    const { outcome, at, error = null, messageId = null } = receipt
    const isBeyond = outcome === 'read' || outcome === 'complained'
    if (isTaskManagers(row) && !(isBeyond && row.state === 'settled')) {
      const deliveredAt = outcome === 'delivered' || isBeyond ? (at ?? this.#context.options.clock.now()) : null
      const result = outcome === 'failed' || outcome === 'bounced' ? outcome : 'success'
      return this.#record(row, { outcome: result, deliveredAt, error, messageId, taskId: null, executionId: null })
    }
    const [recorded] = await this.#receipts.record([{ row, receipt }])
    return recorded !== undefined && recorded !== 'ignored' && recorded !== 'noted'
  }

  async #recordTask(row: DeliveryRow, report: Report): Promise<boolean> {
    const isOpen = row.state === 'handed_over'
    if (isOpen && this.#context.options.taskManager !== null && report.status === 'FAILED') {
      // It may not be final: TaskManager is queried whether it tries again, but later, since it waits for our response now.
      await noteFailure(this.#context, row, report)
      return false
    }
    return recordReport(this.#context, row, report)
  }
}

/** TaskManager sends it, or did. */
const isTaskManagers = ({ state, taskManagerTaskId, provider }: DeliveryRow): boolean =>
  state === 'handed_over' || taskManagerTaskId !== null || provider === taskManagerProvider

const outcomeOf = { SENT: 'sent', DELIVERED: 'delivered', FAILED: 'failed', BOUNCED: 'bounced' } as const

function statusOf({ outcome, deliveredAt }: DeliveryReport): DeliveryStatus | null {
  if (outcome === 'pending') return null
  if (outcome === 'success') return deliveredAt === null ? 'SENT' : 'DELIVERED'
  return outcome === 'bounced' ? 'BOUNCED' : 'FAILED'
}
