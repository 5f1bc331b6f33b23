import type { Dispatcher } from '../delivery/dispatcher.ts'
import type { Restore } from '../delivery/restore.ts'
import type { GuardedScheduler } from '../delivery/scheduling/guarded-scheduler.ts'
import type { WebhookStatus, Webhooks } from '../delivery/webhooks.ts'
import { reconcileJob, statusOf } from '../planning/reconcile-progress.ts'
import { retentionJob, retentionStatus } from '../privacy/retention.ts'
import { type KeyReport, keyReport } from '../privacy/rotation.ts'
import type { Context } from '../shared/context.ts'
import type { FaultLog, RecentFault } from '../shared/fault-log.ts'
import { faultOf } from '../shared/fault-log.ts'
import type { LibraryClock } from '../shared/library-clock.ts'
import { withTimeout } from '../shared/with-timeout.ts'
import type { TaskManagerIntegration } from '../task-manager/integration.ts'
import {
  type CheckStatus,
  type HealthReport,
  type LoggedFault,
  lessened,
  ofChannels,
  type ProviderHealth,
  worstOf,
} from './health-report.ts'
import { ProviderChecks } from './provider-checks.ts'
import { maxShown, schedulerHealth } from './scheduler-health.ts'

export type HealthParts = {
  readonly context: Context
  readonly taskManager: TaskManagerIntegration | null
  readonly dispatcher: Pick<Dispatcher, 'isRunning' | 'knowsWhyItWaits' | 'storageFault'>
  readonly scheduler: Pick<GuardedScheduler, 'fault'>
  readonly clock: LibraryClock
  readonly restore: Pick<Restore, 'count'>
  readonly log: Pick<FaultLog, 'recent'>
  readonly webhooks: Pick<Webhooks, 'heard'>
}

export type HealthQuestion = {
  /** Connect to providers whose last verification is older than a minute. Otherwise the last result is shown. */
  readonly verify: boolean
  /** How long is waited for that, in ms. Default 2000. */
  readonly verifyMs?: number
  /** The organization whose staff asks: nothing about others is shown. Null: everything is shown. */
  readonly organizationId: string | null
}

const heldLimit = 100
/** For so long a count of secrets by their keys is good. */
const keysFreshMs = 60_000
/** How long a check may take, in ms; the result of a slower one is unknown. */
const patienceMs = 2000
/** The longest text of a line's fields. */
const maxDetailsLength = 500

/** Reports whether the library can do its work. Never throws, takes about two seconds at most unless asked for more, reveals no secrets. */
export class Health {
  readonly #parts: HealthParts
  readonly #providers: ProviderChecks
  #asking: Promise<string | null> | null = null
  #counting: Promise<KeyReport> | null = null
  #keyReport: KeyReport | null = null
  #keysFreshUntil = 0
  /** The result of the storage's last check. */
  #storageFault: string | null = null

  constructor(parts: HealthParts) {
    this.#parts = parts
    this.#providers = new ProviderChecks(parts.context)
  }

  async check({ verify, verifyMs = patienceMs, organizationId }: HealthQuestion): Promise<HealthReport> {
    const { context, taskManager: integration, restore } = this.#parts
    const [accounts, storage, scheduler, own, taskManager, held, settings, reconciliation, hooks, retention, keys] =
      await Promise.all([
        this.#accounts(organizationId),
        this.#storage(),
        schedulerHealth(this.#parts, organizationId, (work) => this.#within(work)),
        this.#providers.check(verify ? verifyMs : null),
        integration === null ? null : this.#within(integration.health({ verify })),
        organizationId === null ? this.#within(restore.count(heldLimit)) : null,
        this.#settings(organizationId),
        this.#reconciliation(),
        this.#hooks(organizationId),
        organizationId === null ? this.#retention() : null,
        organizationId === null ? this.#keys() : null,
      ])
    const directory = context.host.status(organizationId)
    const providers = settings?.someWork === false ? withoutAny(own) : own
    const status = worstOf([
      storage.status,
      directory.status,
      scheduler.status,
      ofChannels(providers),
      // The host application's own accounts are already among its providers.
      accounts === null || accounts.count === 0 ? 'ok' : 'degraded',
      settings === null || settings.count === 0 ? 'ok' : 'degraded',
      hooks === null || hooks.count === 0 ? 'ok' : 'degraded',
      // In the mode "trigger" the library does the work; without alarms its sweep finds what is due.
      taskManager?.mode === 'trigger' ? lessened(taskManager.status) : (taskManager?.status ?? 'ok'),
    ])
    const { isOff, offMs } = this.#parts.clock
    const clock = { status: isOff ? 'off' : 'ok', offMs } as const
    const log = this.#log(organizationId)
    const webhooks = this.#webhooks(organizationId)
    return {
      ...{
        status,
        storage,
        clock,
        directory,
        scheduler,
        held,
        providers,
        accounts,
        taskManager,
        reconciliation,
        retention,
        keys,
        webhooks,
        hooks,
        log,
      },
      settings: settings === null ? null : shownSettings(settings),
    }
  }

  async #storage(): Promise<HealthReport['storage']> {
    const { context, dispatcher } = this.#parts
    const { clock, logger } = context.options
    const late = () => this.#storageFault ?? dispatcher.storageFault ?? `no answer within ${patienceMs} ms`
    this.#asking ??= this.#ask()
    const fault = (await withTimeout(clock, patienceMs, this.#asking, late)) ?? dispatcher.storageFault
    if (fault === null) return { status: 'ok', fault }
    logger.warn('health check failed', { part: 'storage', fault })
    return { status: 'failing', fault }
  }

  /** A response that comes too late for one check is shown by the next. */
  async #ask(): Promise<string | null> {
    const { storage } = this.#parts.context.options
    this.#storageFault = await storage.ping().then(() => null, faultOf)
    this.#asking = null
    return this.#storageFault
  }

  async #accounts(only: string | null): Promise<HealthReport['accounts']> {
    const paused = await this.#within(this.#parts.context.accounts.report())
    if (paused === null) return null
    const shown = paused.filter(({ organizationId: id }) => only === null || id === null || id === only)
    return { count: shown.length, paused: shown.slice(0, maxShown) }
  }

  /** `someWork`: whether any organization can send with an account of its own; null: unknown. */
  async #settings(only: string | null) {
    const { review } = this.#parts.context
    const [report, own, isUndecided] = await Promise.all([
      this.#within(review.report()),
      only === null ? null : this.#within(review.ofOrganization(only)),
      only === null ? null : this.#within(review.isUndecided(only)),
    ])
    const faults = only === null ? report?.faults : own
    if (faults == null) return null
    const undecided = only === null ? (report?.undecided ?? []) : isUndecided ? [only] : []
    const quietHoursUnset = { count: undecided.length, ids: undecided.slice(0, maxShown) }
    return {
      count: faults.length,
      faults: faults.slice(0, maxShown),
      quietHoursUnset,
      someWork: report?.someWork ?? null,
    }
  }

  async #reconciliation(): Promise<HealthReport['reconciliation']> {
    const { storage, clock } = this.#parts.context.options
    return statusOf(await this.#within(storage.jobs.progress(reconcileJob)), clock.now())
  }

  async #hooks(only: string | null): Promise<HealthReport['hooks']> {
    const { storage, hooks } = this.#parts.context.options
    if (Object.keys(hooks).length === 0) return null
    const rows = await this.#within(storage.answers.failing(heldLimit))
    if (rows === null) return null
    const failing = rows
      .filter(({ organizationId: id }) => only === null || id === only)
      .map(({ id: answerId, organizationId, kind: hook, at: since, attempts, lastError }) => ({
        ...{ answerId, organizationId, hook, since, attempts },
        lastError: lastError ?? '',
      }))
    return { count: failing.length, failing: failing.slice(0, maxShown) }
  }

  async #retention(): Promise<HealthReport['retention']> {
    const { storage, clock } = this.#parts.context.options
    return retentionStatus(await this.#within(storage.jobs.progress(retentionJob)), clock.now())
  }

  /** With one key there is no older one to count by. A report that comes too late for one check is shown by the next. */
  async #keys(): Promise<HealthReport['keys']> {
    const { context } = this.#parts
    const { clock, encryptionKeys } = context.options
    if (encryptionKeys.length < 2) return null
    if (this.#keyReport !== null && clock.elapsedMs() < this.#keysFreshUntil) return this.#keyReport
    this.#counting ??= keyReport(context)
      .then((report) => {
        this.#keyReport = report
        this.#keysFreshUntil = clock.elapsedMs() + keysFreshMs
        return report
      })
      .finally(() => {
        this.#counting = null
      })
    return this.#within(this.#counting)
  }

  /** What this process heard; staff see their own organization's accounts. */
  #webhooks(only: string | null): readonly WebhookStatus[] {
    const heard = this.#parts.webhooks.heard
    return heard.filter((one) => only === null || one.organizationId === only).slice(0, maxShown)
  }

  /** Staff see only lines about their own organization; other lines may contain ids of others. */
  #log(only: string | null): LoggedFault[] {
    const lines = this.#parts.log.recent()
    const shown = only === null ? lines : lines.filter((one) => one.isOneKind && one.fields['organizationId'] === only)
    return shown.slice(0, maxShown).map(showLine)
  }

  /** The result, or null if the work failed or took too long. */
  #within<T>(work: Promise<T>): Promise<T | null> {
    const { clock, logger } = this.#parts.context.options
    const answer = work.catch((error: unknown) => {
      logger.warn('health check failed', { fault: faultOf(error) })
      return null
    })
    return withTimeout(clock, patienceMs, answer, () => null)
  }
}

/** If no organization has a working account either, nothing can be sent at all. */
const withoutAny = (providers: readonly ProviderHealth[]): readonly ProviderHealth[] =>
  providers.some(({ code, provider }) => provider !== null || code === null)
    ? providers
    : providers.map((one) => ({ ...one, status: 'degraded' satisfies CheckStatus }))

const shownSettings = ({ count, faults, quietHoursUnset }: NonNullable<HealthReport['settings']>) => ({
  count,
  faults,
  quietHoursUnset,
})

function showLine({ level, message, fields, count, firstAt, lastAt }: RecentFault): LoggedFault {
  const { organizationId, at: _frames, causeAt: _more, ...rest } = fields
  const details = Object.entries(rest).flatMap(([name, value]) => (value == null ? [] : [`${name}: ${value}`]))
  return {
    ...{ level, message, count, firstAt, lastAt },
    details: details.join('; ').slice(0, maxDetailsLength),
    organizationId: typeof organizationId === 'string' ? organizationId : null,
  }
}
