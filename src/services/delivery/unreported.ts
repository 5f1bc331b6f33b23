import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { type Channel, channelOf, channels } from '../../channels/index.ts'
import type { DeliveryRow, SilentQuery } from '../../ports/storage.ts'
import { accountKeyOfId } from '../shared/accounts/account-ids.ts'
import type { Context } from '../shared/context.ts'
import { aboutOf } from '../shared/events.ts'
import { RecurringJob } from '../shared/recurring-job.ts'
import { notificationOf } from './delivery-events.ts'

const hourMs = 3_600_000
const pageSize = 500
const jobName = 'unreported'
/** How long a page may take before another process may go on in its place. */
const pageMs = 10 * 60_000

const placeSchema = z.object({ at: z.number(), id: z.number() })
const progressSchema = z.record(z.string(), placeSchema)
type Progress = Readonly<Record<string, z.infer<typeof placeSchema>>>

/**
 * Notes, once an hour, which messages were never reported on: their account reports which messages arrive, and the time that this may
 * take on the channel is over. Each message is looked at once, when its time is over, in the order in which they were made.
 */
export function unreportedMessages(context: Context): RecurringJob {
  return new RecurringJob(context, {
    name: 'unreported_messages',
    everyMs: hourMs,
    firstAfterMs: 5 * 60_000,
    run: (isOn) => new Look(context, isOn).run(),
  })
}

/** Whether messages are reported on, as counted: looked up once for each account. */
export class ReportingAccounts {
  readonly #context: Context
  readonly #known = new Map<string, boolean>()

  constructor(context: Context) {
    this.#context = context
  }

  /**
   * Whether other messages of the account were reported as delivered at about that time: of the host application's, those of any
   * organization. A transport without accounts is judged by the organization's messages through it.
   */
  async reportsOn({ organizationId, channel, provider, accountId }: DeliveryRow, now: Date): Promise<boolean> {
    if (provider === null) return false
    await this.#context.hostAccounts.load()
    const isHosts = accountId !== null && accountKeyOfId(accountId) === this.#context.providers.hostKey
    const among = isHosts ? { channel, provider } : { organizationId, channel, provider }
    const key = JSON.stringify([among, accountId])
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const windowMs = channelOf(channel).receipts.withinHours * hourMs
    const from = new Date(now.getTime() - 2 * windowMs).toISOString().slice(0, 10)
    const counts = await this.#context.options.storage.statistics.counts({ ...among, from })
    const [wanted, of] = accountId === null ? (['DELIVERED', ''] as const) : (['CONFIRMED', accountId] as const)
    const reports = counts.some(({ measure, detail, count }) => measure === wanted && detail === of && count > 0)
    this.#known.set(key, reports)
    return reports
  }
}

/** One run over all channels. */
class Look {
  readonly #context: Context
  readonly #isOn: () => boolean
  readonly #holder = randomUUID()
  readonly #accounts: ReportingAccounts

  constructor(context: Context, isOn: () => boolean) {
    this.#context = context
    this.#isOn = isOn
    this.#accounts = new ReportingAccounts(context)
  }

  async run(): Promise<void> {
    const { storage } = this.#context.options
    for (const channel of channels) if (!(await this.#channel(channel))) break
    await storage.jobs.release(jobName, this.#holder)
  }

  /** False: somebody else does it by now, or this process stops. */
  async #channel(channel: Channel): Promise<boolean> {
    const { storage, clock } = this.#context.options
    const windowMs = channelOf(channel).receipts.withinHours * hourMs
    while (this.#isOn()) {
      const now = clock.now()
      if (!(await storage.jobs.acquire(jobName, this.#holder, now, new Date(now.getTime() + pageMs)))) return false
      const until = new Date(now.getTime() - windowMs)
      const progress = readProgress(await storage.jobs.progress(jobName))
      // What was sent before the library kept an eye on it is not judged, but for the last day.
      const { at, id } = progress[channel] ?? { at: until.getTime() - 24 * hourMs, id: 0 }
      const after: SilentQuery['after'] = { createdAt: new Date(at), id }
      const page = await storage.deliveries.silent({ channel, after, until, limit: pageSize })
      const over = page.findIndex(({ sentAt }) => sentAt !== null && sentAt > until)
      const ripe = over === -1 ? page : page.slice(0, over)
      await this.#mark(ripe, now)
      const last = ripe.at(-1)
      if (last === undefined) return true
      const place = { at: last.createdAt.getTime(), id: last.id }
      const kept = JSON.stringify({ ...progress, [channel]: place } satisfies Progress)
      if (!(await storage.jobs.keepProgress(jobName, this.#holder, kept))) return false
      if (ripe.length < pageSize) return true
    }
    return false
  }

  async #mark(rows: readonly DeliveryRow[], now: Date): Promise<void> {
    const silent: DeliveryRow[] = []
    for (const row of rows) if (await this.#accounts.reportsOn(row, now)) silent.push(row)
    if (silent.length === 0) return
    const { storage } = this.#context.options
    const marked = await storage.deliveries.markUnreported(
      silent.map(({ id }) => id),
      now,
    )
    for (const [index, row] of silent.entries()) {
      if (marked[index] !== true) continue
      this.#context.events.emit('notification.unreported', { ...aboutOf(row, now), ...notificationOf(row) })
    }
  }
}

function readProgress(kept: { readonly progress: string } | null): Progress {
  if (kept === null) return {}
  const found = progressSchema.safeParse(JSON.parse(kept.progress))
  return found.success ? found.data : {}
}
