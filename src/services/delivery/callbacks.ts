import { z } from 'zod'
import { NotificationError } from '../../errors.ts'
import type { DeliveryRow } from '../../ports/storage.ts'
import { failureCode, parseField, parseInput, rowId } from '../../schemas/common.ts'
import { instantInput } from '../../schemas/instant.ts'
import { taskManagerProvider } from '../../schemas/task-manager.ts'
import type { DeliveryStatus, ReminderStatus } from '../../schemas/vocabulary.ts'
import { createTokenSigner, type TokenPurpose, type TokenSigner } from '../../security/signed-token.ts'
import type { Context } from '../shared/context.ts'
import { notificationNotFound, reminderNotFound } from '../shared/not-found.ts'
import { emitEnding } from './delivery-events.ts'
import { hasArrived, nextReportedTry, notAfter, noteFailure, recordReport, scrub } from './reports.ts'

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

const receipt = z.strictObject({
  outcome: z.enum(['sent', 'delivered', 'failed', 'bounced']),
  /** When it was delivered. Default: now. */
  deliveredAt: instantInput.optional(),
  /** Why it failed; shortened, and addresses in it are taken out before it is stored. */
  error: z.string().max(10_000).nullable().optional(),
  /** Why it failed, as a short word without contact data, such as `twilio_30006`. Default `reported`. */
  code: failureCode.optional(),
  /** The provider's id of the message: a failure of an earlier attempt changes nothing then. */
  messageId: z.string().min(1).max(1000).nullable().optional(),
  /** True: it failed for the moment. It is tried again, at most twice, while it is of use. Default false. */
  transient: z.boolean().optional(),
})
/** What a provider reports of a message. */
export type DeliveryReceipt = z.infer<typeof receipt>

/** Details of a failure, if the report has them. */
type Why = Pick<DeliveryReceipt, 'code' | 'transient'>

/** `updated` is false if the report changed nothing, such as one that came before. */
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

  constructor(context: Context) {
    this.#context = context
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
   * twice changes nothing, and a status only changes to a later one: SENT, FAILED, DELIVERED, BOUNCED.
   * @throws NotificationError `invalid_input`, `notification_not_found`.
   */
  async recordReceipt(notificationId: number, given: DeliveryReceipt): Promise<ReportResult> {
    const id = parseField(rowId, notificationId, 'notificationId')
    const { outcome, deliveredAt, error = null, messageId = null, ...why } = parseInput(receipt, given, 'receipt')
    const report = {
      outcome: outcome === 'sent' || outcome === 'delivered' ? 'success' : outcome,
      deliveredAt: outcome === 'delivered' ? (deliveredAt ?? this.#context.options.clock.now()) : null,
      error,
      messageId,
      taskId: null,
      executionId: null,
    } as const
    return this.recordNotification(id, report, why)
  }

  /** @throws NotificationError `notification_not_found`. */
  async recordNotification(id: number, report: DeliveryReport, why: Why = {}): Promise<ReportResult> {
    const { storage } = this.#context.options
    const row = await storage.deliveries.get(id)
    if (row === null) throw notificationNotFound(id)
    const updated = await this.#record(row, report, why)
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
    const updated = row !== null && (await this.#record(row, report))
    // Read again even if the report changed nothing: another process may have recorded the same a moment before.
    const now = row === null ? reminder : await storage.reminders.get(id)
    return { id, status: now?.status ?? reminder.status, updated }
  }

  async #record(
    row: DeliveryRow,
    report: DeliveryReport,
    { code = 'reported', transient }: Why = {},
  ): Promise<boolean> {
    const status = statusOf(report)
    if (status === null) return false
    const { storage, clock, taskManager } = this.#context.options
    const isOpen = row.state === 'handed_over'
    if (isOpen && taskManager !== null && status === 'FAILED') {
      // It may not be final: TaskManager is queried whether it tries again, but later, since it waits for our response now.
      await noteFailure(this.#context, row, report)
      return false
    }
    if (isOpen || row.taskManagerTaskId !== null || row.provider === taskManagerProvider) {
      return recordReport(this.#context, row, { ...report, status })
    }
    const now = clock.now()
    const isFault = !hasArrived(status)
    const retryAt = status === 'FAILED' && transient === true ? await nextReportedTry(this.#context, row, now) : null
    const updated = await storage.deliveries.recordReceipt({
      id: row.id,
      providerMessageId: report.messageId,
      retryAt,
      status,
      at: notAfter(now, report.deliveredAt),
      errorCode: isFault ? code : null,
      errorMessage: isFault ? scrub(report.error) : null,
    })
    if (!updated) return false
    if (retryAt !== null) {
      const became = await storage.deliveries.get(row.id)
      if (became?.state === 'queued') {
        // Like any other retry, it emits no event.
        this.#context.dueAt(retryAt)
        return true
      }
    }
    // The report changed the reminder too. For an unknown outcome, `reminder.failed` was emitted before.
    const changesReminder = row.state !== 'settled' || hasArrived(row.status) === isFault
    const isAnnounced = changesReminder && !(isFault && row.state === 'unknown')
    const reminder = isAnnounced && row.reminderId !== null ? await storage.reminders.get(row.reminderId) : null
    const { providerMessageId } = row
    if (isFault) emitEnding(this.#context, row, reminder, { kind: 'failed', code })
    else if (status === 'SENT') emitEnding(this.#context, row, reminder, { kind: 'sent', providerMessageId })
    else emitEnding(this.#context, row, reminder, { kind: 'delivered' })
    return true
  }
}

function statusOf({ outcome, deliveredAt }: DeliveryReport): DeliveryStatus | null {
  if (outcome === 'pending') return null
  if (outcome === 'success') return deliveredAt === null ? 'SENT' : 'DELIVERED'
  return outcome === 'bounced' ? 'BOUNCED' : 'FAILED'
}
