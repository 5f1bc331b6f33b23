import { isNotificationError } from '../../errors.ts'
import type { SettingsRow } from '../../ports/storage.ts'
import type { Organization } from '../../schemas/directory.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'
import { withTimeout } from '../shared/with-timeout.ts'
import { type MailDomainOptions, mailDomainFindings } from './check-up-mail.ts'
import { type CheckUpFinding, checkUpTable, type Finding } from './check-up-table.ts'
import { publicUrlFindings } from './check-up-url.ts'
import type { Health } from './health.ts'
import type { HealthReport } from './health-report.ts'
import { machineZoneData } from './zone-data.ts'

export type CheckUpReport = {
  /** The worst of the findings; `ok`: there are none but notices. */
  readonly status: 'ok' | 'warning' | 'error'
  readonly checkedAt: Date
  /** Errors first, notices last. */
  readonly findings: readonly CheckUpFinding[]
}

export type CheckUpOptions = {
  /** Only what concerns this organization. Default: everything. */
  readonly organizationId?: string | null
  /** Connects to the providers of the `DEFAULT_*` variables, and waits until they answer, 12 s at most. Default true. */
  readonly verify?: boolean
  /** Asks `publicUrl` whether this library answers there. Default false. */
  readonly publicUrl?: boolean
  /** Asks the name servers for SPF and DMARC of the senders' domains. DKIM is in your provider's hands. Default: they are not asked. */
  readonly mailDomains?: MailDomainOptions | false
}

/** How long the directory is asked for, in ms. */
const probeMs = 5000
const probedRows = 20
/** How long providers are waited for, in ms: somewhat longer than verifying takes, which reports itself that there was no answer. */
const verifyMs = 12_500
/** How long settings may take, in ms. */
const settingsMs = 2000
/** A page should not take longer. */
const slowMs = 2000
const dayMs = 86_400_000

type Probed = { readonly seen: readonly Organization[]; readonly late: readonly Finding[] }
const unprobed: Probed = { seen: [], late: [] }

/** Says in one list what is wrong, whom it concerns, and what to do: health, in words, with what only a closer look shows. */
export class CheckUp {
  readonly #context: Context
  readonly #health: Pick<Health, 'check'>

  constructor(context: Context, health: Pick<Health, 'check'>) {
    this.#context = context
    this.#health = health
  }

  /** Never rejects: what cannot be looked at is among the findings, or in the log. */
  async run({
    organizationId = null,
    verify = true,
    publicUrl = false,
    mailDomains = false,
  }: CheckUpOptions = {}): Promise<CheckUpReport> {
    const isAll = organizationId === null
    const { seen, late } = isAll ? await this.#probe() : unprobed
    const report = await this.#health.check({ verify, verifyMs, organizationId })
    const found = [
      ...ofStorage(report),
      ...ofClock(report),
      ...ofDirectory(report),
      ...late,
      ...ofProviders(report),
      ...ofScheduler(report),
      ...ofWebhooks(report, this.#context.options.clock.now()),
      ...ofRest(report),
      ...(isAll ? this.#ofOptions() : []),
      ...(isAll ? zoneDataFindings() : []),
      ...(await this.#ofLanguages(organizationId, seen)),
      ...(publicUrl && this.#context.options.publicUrl !== null
        ? await publicUrlFindings(this.#context.options.publicUrl)
        : []),
      ...(mailDomains === false ? [] : await this.#ofMailDomains(organizationId, mailDomains)),
    ]
    const findings = found.map(([code, about]): CheckUpFinding => {
      const [severity, remedy] = checkUpTable[code]
      return { code, severity, organizationId, channel: null, ...about, remedy }
    })
    findings.sort((one, other) => rank[one.severity] - rank[other.severity])
    const worst = findings[0]?.severity ?? 'notice'
    return { status: worst === 'notice' ? 'ok' : worst, checkedAt: this.#context.options.clock.now(), findings }
  }

  /** Asks the directory as sending would, so that a process that sends nothing finds its faults too. Returns the organizations it saw. */
  async #probe(): Promise<Probed> {
    const { host, options } = this.#context
    const { clock } = options
    const late: Finding[] = []
    let waitsFor = 'upcoming'
    const timed = async <T>(method: string, ask: () => Promise<T>): Promise<T> => {
      const began = clock.elapsedMs()
      waitsFor = method
      const answer = await ask()
      const seconds = Math.round((clock.elapsedMs() - began) / 100) / 10
      if (seconds * 1000 >= slowMs)
        late.push(['directory_slow', { cause: `directory.${method}() took ${seconds} s for a page.` }])
      return answer
    }
    const asked = (async () => {
      const { ids } = host.listsUpcoming ? await timed('upcoming', () => host.upcoming(null)) : { ids: [] }
      const probed = ids.slice(0, probedRows)
      const lookupOf = await timed('appointments', () => host.appointments(probed))
      const organizations = probed.flatMap((id) => {
        const lookup = lookupOf(id)
        return lookup.kind === 'known' ? lookup.value.organizationId : []
      })
      const ofId = await timed('organizations', () => host.organizations([...new Set(organizations)]))
      return [...new Set(organizations)].flatMap((id) => {
        const lookup = ofId(id)
        return lookup.kind === 'known' ? lookup.value : []
      })
    })()
    // What fails is in the directory's status; anything else is said in the log.
    const failed = asked.catch((error: unknown) => {
      if (!isNotificationError(error))
        options.logger.warn('check-up failed', { part: 'directory', fault: faultOf(error) })
      return []
    })
    const seen = await withTimeout(clock, probeMs, failed, () => {
      late.push(['directory_failing', { cause: `directory.${waitsFor}() did not answer within ${probeMs / 1000} s.` }])
      return []
    })
    return { seen, late }
  }

  *#ofOptions(): Iterable<Finding> {
    const { options, providers } = this.#context
    if (options.publicUrl !== null) return
    for (const channel of providers.channels) {
      const sender = providers.sender(null, channel)
      if (sender?.transport.receipt === undefined || !sender.transport.needsAccount) continue
      const cause = `Without a public URL ${sender.transport.name} cannot report whether messages arrive, or that somebody opted out.`
      yield ['public_url_missing', { channel, cause }]
    }
  }

  /** Texts that organizations switched on, or that are of their own language, and that nobody vouches for. */
  async #ofLanguages(organizationId: string | null, seen: readonly Organization[]): Promise<Finding[]> {
    const { languages } = this.#context
    const rows = await this.#settings(organizationId)
    const chosen = [
      ...rows.flatMap((row) => (row.textLanguages ?? []).map((locale) => ({ locale, id: row.organizationId }))),
      ...seen.flatMap(({ id, locale }) => (locale ? { locale, id } : [])),
    ]
    const users = new Map<string, Set<string>>()
    for (const { locale, id } of chosen) {
      const tag = languages.lookUp(locale)
      if (tag !== null && !languages.isRead(tag)) users.set(tag, (users.get(tag) ?? new Set()).add(id))
    }
    return [...users].map(([tag, ids]): Finding => {
      const whose = organizationId === null ? ` by ${ids.size} organizations (${[...ids].slice(0, 20).join(', ')})` : ''
      return [
        'language_unread',
        { cause: `The texts in ${tag} are used${whose}, and no native speaker has read them.` },
      ]
    })
  }

  /** Of one organization, or of the first hundred; none if they cannot be read, which is a finding of its own. */
  async #settings(organizationId: string | null): Promise<readonly SettingsRow[]> {
    const { storage, clock } = this.#context.options
    const rows = organizationId === null ? storage.settings.list(null, 100) : storage.settings.get([organizationId])
    return withTimeout(
      clock,
      settingsMs,
      rows.catch(() => []),
      () => [],
    )
  }

  async #ofMailDomains(organizationId: string | null, options: MailDomainOptions): Promise<Finding[]> {
    const { defaults } = this.#context.options
    const rows = await this.#settings(organizationId)
    const own = rows.flatMap((row) => row.emailFromAddress ?? [])
    const ofHost = organizationId === null ? (defaults.emailFromAddress ?? []) : []
    return mailDomainFindings([...own, ...[ofHost].flat()], options)
  }
}

const rank = { error: 0, warning: 1, notice: 2 } as const

function* ofStorage({ storage }: HealthReport): Iterable<Finding> {
  const { fault } = storage
  if (fault === null) return
  const [code = ''] = fault.split(':', 1)
  const known = code === 'migration_missing' ? 'tables_missing' : code === 'library_outdated' ? code : 'storage_failing'
  yield [known, { organizationId: null, cause: fault }]
}

function* ofClock({ clock }: HealthReport): Iterable<Finding> {
  if (clock.status === 'ok') return
  const seconds = Math.round(Math.abs(clock.offMs ?? 0) / 1000)
  const where = (clock.offMs ?? 0) > 0 ? 'ahead of' : 'behind'
  yield ['clocks_apart', { cause: `The clock of this machine is ${seconds} s ${where} that of the database.` }]
}

function* ofScheduler({ scheduler }: HealthReport): Iterable<Finding> {
  const { fault, status, lagMs, organizations } = scheduler
  if (fault === null) return
  if (organizations.count === 0) return yield ['scheduler_failing', { cause: fault }]
  const late = lagMs === null ? '' : ` The oldest has waited for ${Math.round(lagMs / 60_000)} min.`
  const [only = null] = organizations.count === 1 && status !== 'failing' ? organizations.ids : []
  yield [
    fault.includes('start()') ? 'not_started' : 'messages_late',
    { organizationId: only, cause: `${fault}.${late}` },
  ]
}

function* ofDirectory({ directory }: HealthReport): Iterable<Finding> {
  for (const { method, fault, organizations, rows } of directory.methods) {
    const whom =
      organizations.count > 0 ? ` for ${organizations.count} organizations (${organizations.ids.join(', ')})` : ''
    if (fault !== null) yield ['directory_failing', { cause: `directory.${method}() fails${whom}: ${fault}.` }]
    const { unreadable, ignored } = rows
    if (unreadable.count > 0) {
      const cause = `directory.${method}() returned ${unreadable.count} rows that cannot be read (${unreadable.ids.join(', ')}): ${unreadable.fault}.`
      yield ['directory_rows', { cause }]
    }
    for (const { field, message, count, id } of ignored) {
      const cause = `directory.${method}() returned ${count} rows, such as ${id}, whose field ${field} is ignored: it ${message}.`
      yield ['directory_fields', { cause }]
    }
  }
}

function* ofProviders({ providers, accounts, settings }: HealthReport): Iterable<Finding> {
  const isPaused = new Set(
    accounts?.paused.filter(({ organizationId }) => organizationId === null).map(({ channel }) => channel),
  )
  for (const { channel, provider, status, code, message } of providers) {
    if (status !== 'failing' && status !== 'degraded') continue
    const cause = `${channel}: ${message ?? code ?? status}`
    if (provider === null) yield ['channel_unprovided', { organizationId: null, channel, cause }]
    else if (!isPaused.has(channel))
      yield ['provider_failing', { organizationId: null, channel, cause: `${cause} (${provider}, ${code})` }]
  }
  for (const { organizationId, channel, provider, destination, code, message } of accounts?.paused ?? []) {
    const whose = organizationId === null ? "the host application's own account" : "the organization's account"
    const where = destination === null ? '' : ` to ${destination}`
    const cause = `${channel}: ${whose} at ${provider} is paused${where}: ${message ?? 'see the log of the process that sends'} (${code})`
    yield ['account_paused', { organizationId, channel, cause }]
  }
  for (const { organizationId, channel, code, message } of settings?.faults ?? []) {
    yield ['account_unusable', { organizationId, channel, cause: `${channel}: ${message} (${code})` }]
  }
}

/** Anybody may send what is refused: it is over a day later, if the provider itself was heard since. */
function* ofWebhooks({ webhooks }: HealthReport, now: Date): Iterable<Finding> {
  for (const { provider, organizationId, channel, refused, lastRefusedAt, reports, lastReportAt } of webhooks) {
    if (lastRefusedAt === null) continue
    const isOver = lastReportAt !== null && lastReportAt > lastRefusedAt
    if (isOver && now.getTime() - lastRefusedAt.getTime() > dayMs) continue
    const cause = `${refused} requests to the webhook of ${provider} were refused, and ${reports} reports accepted.`
    yield ['webhook_refused', { organizationId, channel, cause }]
  }
}

/** Lines about what other findings show. */
const shownElsewhere =
  /^(?:account paused|sender paused|account cannot be used|directory method |directory row|not sending|nothing can be sent|no provider can send|provider failed its check|health check failed|not started|webhook refused|TaskManager did not respond|scheduler not reached|opening the scheduler failed|due messages are not sent)/

function* ofRest({ storage, held, hooks, taskManager, keys, log }: HealthReport): Iterable<Finding> {
  if (keys !== null && keys.unreadable > 0) {
    const cause = `${keys.unreadable} of ${keys.sealed} stored secrets were sealed with a key that this process does not have.`
    yield ['keys_unreadable', { cause }]
  }
  if (held !== null && held > 0)
    yield ['held_after_restore', { cause: `${held} messages are held since a backup was restored.` }]
  for (const { hook, organizationId, attempts, lastError } of hooks?.failing ?? []) {
    yield ['hook_failing', { organizationId, cause: `hooks.${hook} failed ${attempts} times: ${lastError}` }]
  }
  if (taskManager !== null && taskManager.status !== 'ok') {
    yield [
      'task_manager_failing',
      { cause: `TaskManager: ${taskManager.fault ?? taskManager.lastErrorCode ?? taskManager.status}` },
    ]
  }
  // Without its database, everything fails.
  if (storage.fault !== null) return
  for (const { message, details, organizationId, count } of log) {
    if (shownElsewhere.test(message)) continue
    yield ['logged', { organizationId, cause: `${message} (${details}), ${count} times in ten minutes` }]
  }
}

function* zoneDataFindings(): Iterable<Finding> {
  const [own, machine] = [process.versions.tz ?? '', machineZoneData() ?? '']
  if (own === '' || machine <= own) return
  yield ['zone_data_old', { cause: `Node.js has the time zone data ${own}, this machine ${machine}.` }]
}
