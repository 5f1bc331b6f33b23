import type { AddressReport, DeliveryRow, ReceiptCommand, ReceiptOutcome, SettingsRow } from '../../ports/storage.ts'
import type { DeliveryReceipt } from '../../schemas/receipt.ts'
import type { ReportedState } from '../../schemas/vocabulary.ts'
import { batched } from '../shared/batched.ts'
import type { Context } from '../shared/context.ts'
import type { OwnAddress } from '../shared/known-addresses.ts'
import { whoGot } from '../shared/people.ts'
import { emitEnding } from './delivery-events.ts'
import { newsOfUnknown } from './failed-attempt.ts'
import { reportedFallback } from './fallbacks.ts'
import { concernedBy, isRefusedOnAnotherDay, sentTo } from './refused-again.ts'
import { nextReportedTry, notAfter, scrub } from './reports.ts'

/** A report, and the delivery that it is about as it was read. */
export type Received = {
  readonly row: DeliveryRow
  readonly receipt: DeliveryReceipt
  /** It is about the message in which this one went out. Default false. */
  readonly isAlong?: boolean
}

const states = {
  sent: 'SENT',
  delivered: 'DELIVERED',
  read: 'READ',
  failed: 'FAILED',
  bounced: 'BOUNCED',
  complained: 'COMPLAINED',
} as const satisfies Record<DeliveryReceipt['outcome'], ReportedState>

/** Records reports of providers, whoever verified them, and emits what they change. */
export class Receipts {
  readonly #context: Context
  /** Providers report on many messages at once: what comes together is one commit. */
  readonly #recorded: (command: ReceiptCommand) => Promise<ReceiptOutcome>

  constructor(context: Context) {
    this.#context = context
    const { storage, clock } = context.options
    this.#recorded = batched({
      clock,
      run: (commands: readonly ReceiptCommand[]) => storage.deliveries.recordReceipts(commands),
      keyOf: ({ id }) => id,
    })
  }

  /** Each by itself, those on the same message in the order given. */
  async record(reported: readonly Received[]): Promise<ReceiptOutcome[]> {
    if (reported.length === 0) return []
    const received = [...reported, ...(await this.#sentAlong(reported))]
    const now = this.#context.options.clock.now()
    const settings = await this.#settingsOf(received)
    const commands: ReceiptCommand[] = []
    /** What went out in one message is tried again at once. */
    const retries = new Map<number, Date | null>()
    for (const one of received) {
      const command = await this.#commandOf(one, settings, now)
      const { sentWith } = one.row
      const retryAt = sentWith === null || command.retryAt == null ? null : (retries.get(sentWith) ?? null)
      commands.push(retryAt === null ? command : { ...command, retryAt })
      if (sentWith !== null && !retries.has(sentWith)) retries.set(sentWith, command.retryAt ?? null)
    }
    const recorded = await Promise.all(commands.map((command) => this.#recorded(command)))
    for (const [index, one] of received.entries()) {
      const command = commands[index]
      const outcome = recorded[index]
      if (command !== undefined && outcome !== undefined) await this.#announce(one.row, command, outcome)
    }
    return recorded.slice(0, reported.length)
  }

  /**
   * The same of other reminders that went out in these messages, by the same attempt: one that waits by itself since then was not in it. What
   * it says of their address is said once.
   */
  async #sentAlong(reported: readonly Received[]): Promise<Received[]> {
    const shared = reported.filter(({ row }) => row.sentWith !== null)
    if (shared.length === 0) return []
    const ids = [...new Set(shared.flatMap(({ row }) => row.sentWith ?? []))]
    const rows = await this.#context.options.storage.deliveries.sentWith(ids)
    return shared.flatMap(({ row, receipt }) =>
      rows
        .filter(({ id, sentWith, fence }) => id !== row.id && sentWith === row.sentWith && fence === row.fence)
        .map((other) => ({ row: other, receipt, isAlong: true })),
    )
  }

  async #commandOf(
    { row, receipt, isAlong = false }: Received,
    settings: ReadonlyMap<string, SettingsRow>,
    now: Date,
  ): Promise<ReceiptCommand> {
    const status = states[receipt.outcome]
    const isFault = status === 'FAILED' || status === 'BOUNCED'
    const { code = 'reported', error = null, messageId: providerMessageId = null, transient = false } = receipt
    const retryAt = status === 'FAILED' && transient ? await nextReportedTry(this.#context, row, now) : null
    const fallback = isFault && retryAt === null ? await reportedFallback(this.#context, row) : null
    return {
      id: row.id,
      providerMessageId,
      retryAt,
      fallback,
      status,
      at: notAfter(now, receipt.at ?? null),
      errorCode: isFault ? code : null,
      errorMessage: isFault ? scrub(error) : null,
      address: isAlong ? null : await this.#addressReport(row, receipt, settings.get(row.organizationId) ?? null, now),
    }
  }

  /** What a report shows about the address; null: nothing. */
  async #addressReport(
    row: DeliveryRow,
    { outcome, code = 'reported', optedOut = false, addressUnknown = false }: DeliveryReceipt,
    settings: SettingsRow | null,
    now: Date,
  ): Promise<AddressReport | null> {
    const { recipientAddress } = row
    if (recipientAddress === null && row.erasedAt === null) return null
    // That of an erased person is in its row, as a hash.
    const address = await sentTo(this.#context, row, recipientAddress ?? '', settings)
    const refused = async (cause: 'complaint' | 'stop') =>
      ({ ...address, news: { kind: 'suppressed', cause, code, person: await whoGot(this.#context, row) } }) as const
    if (outcome === 'complained') return refused('complaint')
    if (outcome !== 'failed' && outcome !== 'bounced') return null
    if (optedOut) return refused('stop')
    if (!addressUnknown || recipientAddress === null) return null
    const news = await newsOfUnknown(this.#context, address, code, now)
    const isAgain = news.kind === 'suppressed' || (await isBouncedAgain(this.#context, row, code, address))
    return { ...address, news: isAgain ? { kind: 'suppressed', cause: 'invalid', code } : news }
  }

  /** Of the organizations whose addresses something is said about. */
  async #settingsOf(received: readonly Received[]): Promise<ReadonlyMap<string, SettingsRow>> {
    const concerned = received.filter(
      ({ receipt: { outcome, optedOut, addressUnknown } }) => outcome === 'complained' || optedOut || addressUnknown,
    )
    const ids = [...new Set(concerned.map(({ row }) => row.organizationId))]
    const rows = ids.length === 0 ? [] : await this.#context.options.storage.settings.get(ids)
    return new Map(rows.map((row) => [row.organizationId, row]))
  }

  async #announce(row: DeliveryRow, { status, retryAt, errorCode, fallback }: ReceiptCommand, outcome: ReceiptOutcome) {
    if (outcome === 'ignored' || outcome === 'noted') return
    if (outcome === 'queued') {
      // Like any other retry, it emits no event.
      if (retryAt) this.#context.dueAt(retryAt)
      return
    }
    const isFault = status === 'FAILED' || status === 'BOUNCED'
    if (outcome === 'ended' && fallback) this.#context.dueAt(this.#context.options.clock.now())
    // For an unknown outcome, `reminder.failed` was emitted before.
    const isNews = outcome === 'ended' && !(isFault && row.state === 'unknown')
    const { storage } = this.#context.options
    const reminder = isNews && row.reminderId !== null ? await storage.reminders.get(row.reminderId) : null
    const { providerMessageId } = row
    if (isFault) emitEnding(this.#context, row, reminder, { kind: 'failed', code: errorCode ?? 'reported' })
    else if (status === 'SENT') emitEnding(this.#context, row, reminder, { kind: 'sent', providerMessageId })
    else emitEnding(this.#context, row, reminder, { kind: endings[status] })
  }
}

/** Each message was accepted at first, which makes the address look well in between. */
async function isBouncedAgain(context: Context, row: DeliveryRow, code: string, address: OwnAddress): Promise<boolean> {
  const found = await concernedBy(context, row, address)
  return found !== null && isRefusedOnAnotherDay(context, row, code, found)
}

const endings = { DELIVERED: 'delivered', READ: 'read', COMPLAINED: 'complained' } as const
