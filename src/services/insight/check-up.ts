import type { Channel } from '../../channels/index.ts'
import type { SettingsRow } from '../../ports/storage.ts'
import type { Organization } from '../../schemas/directory.ts'
import { missingAccount } from '../shared/accounts/sending-report.ts'
import type { Context } from '../shared/context.ts'
import { withTimeout } from '../shared/with-timeout.ts'
import { areThereWorkers } from '../shared/workers.ts'
import { ofHealth } from './check-up-health.ts'
import { ofLog } from './check-up-log.ts'
import { type MailDomainOptions, mailDomainFindings, mailSenders } from './check-up-mail.ts'
import { type Probed, probeDirectory } from './check-up-probe.ts'
import { type CheckUpFinding, checkUpTable, type Finding } from './check-up-table.ts'
import { publicUrlFindings } from './check-up-url.ts'
import type { Health } from './health.ts'
import type { HealthReport } from './health-report.ts'
import { machineZoneData } from './zone-data.ts'

/** What a check-up found. */
export type CheckUpReport = {
  /** The worst severity among the findings; `ok`: there are none but notices. */
  readonly status: 'ok' | 'warning' | 'error'
  readonly checkedAt: Date
  /** Errors first, notices last. */
  readonly findings: readonly CheckUpFinding[]
}

/** Options of `checkUp()`. */
export type CheckUpOptions = {
  /** Only findings about this organization. Default: all. */
  readonly organizationId?: string | null
  /** False: does not connect to the providers of the `DEFAULT_*` variables, which takes up to 12 s. Default true. */
  readonly verify?: boolean
  /** True: requests `publicUrl` to see whether this library responds there. Default false. */
  readonly publicUrl?: boolean
  /** Queries DNS for SPF, DMARC and DKIM of every sender's domain; `{}` uses the defaults. Default false. */
  readonly mailDomains?: MailDomainOptions | false
}

/** How long providers are waited for, in ms: somewhat longer than verifying takes, which reports itself that there was no answer. */
const verifyMs = 12_500
/** How long rows may take, in ms. */
const storageMs = 2000

const unprobed: Probed = { seen: [], findings: [] }

/** Lists what is wrong, whom it concerns, and what to do: the health report in words, and further checks. */
export class CheckUp {
  readonly #context: Context
  readonly #health: Pick<Health, 'check'>

  constructor(context: Context, health: Pick<Health, 'check'>) {
    this.#context = context
    this.#health = health
  }

  /** Never rejects: what cannot be checked is among the findings, or in the log. */
  async run({
    organizationId = null,
    verify = true,
    publicUrl = false,
    mailDomains = false,
  }: CheckUpOptions = {}): Promise<CheckUpReport> {
    const isAll = organizationId === null
    const probed = isAll ? await probeDirectory(this.#context) : unprobed
    const report = await this.#health.check({ verify, verifyMs, organizationId })
    const rows = await this.#settings(organizationId)
    const unset = isAll ? [...this.#ofOptions(rows)] : []
    const found = [
      ...ofHealth(report, { now: this.#context.options.clock.now(), isBegun: (channel) => this.#isBegun(channel) }),
      ...probed.findings,
      ...(isAll ? await this.#ofWorkers(report) : []),
      ...ofLog(report),
      ...unset,
      ...(isAll ? zoneDataFindings() : []),
      ...this.#ofLanguages(organizationId, rows, probed.seen),
      ...(publicUrl && unset.length === 0 ? await publicUrlFindings(this.#context.options.publicUrl) : []),
      ...(mailDomains === false ? [] : await this.#ofMailDomains(organizationId, mailDomains)),
    ]
    const findings = found.map(([code, about]): CheckUpFinding => {
      const [severity, remedy] = checkUpTable[code]
      return { code, severity, organizationId, channel: null, remedy, ...about }
    })
    findings.sort((one, other) => rank[one.severity] - rank[other.severity])
    const worst = findings[0]?.severity ?? 'notice'
    return { status: worst === 'notice' ? 'ok' : worst, checkedAt: this.#context.options.clock.now(), findings }
  }

  /** Whether some of the host application's account is set, so that the rest was meant to be. */
  #isBegun(channel: Channel): boolean {
    return missingAccount(this.#context, channel)?.isBegun ?? false
  }

  /** Reports come to a webhook, whether of the host application's account or of an organization's. */
  *#ofOptions(rows: readonly SettingsRow[]): Iterable<Finding> {
    const { options, providers } = this.#context
    if (options.publicUrl !== null) return
    for (const channel of providers.channels) {
      const senders = [null, ...rows].map((row) => providers.sender(row, channel)?.transport)
      const transport = senders.find((one) => one?.receipt !== undefined && one.needsAccount)
      if (transport === undefined) continue
      const cause = `Without a public URL ${transport.name} cannot report whether messages arrive, or that somebody opted out.`
      yield ['public_url_missing', { channel, cause }]
    }
  }

  /** Texts that organizations switched on, or that are of their own language, and that nobody vouches for. */
  #ofLanguages(organizationId: string | null, rows: readonly SettingsRow[], seen: readonly Organization[]): Finding[] {
    const { languages } = this.#context
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

  /** Of one organization, or of the first hundred. */
  async #settings(organizationId: string | null): Promise<readonly SettingsRow[]> {
    const { settings } = this.#context.options.storage
    const rows = organizationId === null ? settings.list(null, 100) : settings.get([organizationId])
    return (await this.#soon(rows)) ?? []
  }

  /** Every sender in use: of an organization, or of all of them and of the host application. */
  async #ofMailDomains(organizationId: string | null, options: MailDomainOptions): Promise<Finding[]> {
    const senders = await this.#soon(mailSenders(this.#context, organizationId))
    return senders === null ? [] : mailDomainFindings(senders, options)
  }

  /** That nothing was started yet is no fault of sending before something is late. */
  async #ofWorkers({ storage, scheduler }: HealthReport): Promise<Finding[]> {
    if (storage.fault !== null || scheduler.fault !== null) return []
    if ((await this.#soon(areThereWorkers(this.#context.options))) !== false) return []
    return [
      ['none_started', { cause: 'No process that sends is running: start() was called in none, or they have ended.' }],
    ]
  }

  /** Null where the storage fails or takes too long, which is a finding of its own. */
  #soon<T>(work: Promise<T>): Promise<T | null> {
    return withTimeout(
      this.#context.options.clock,
      storageMs,
      work.catch(() => null),
      () => null,
    )
  }
}

const rank = { error: 0, warning: 1, notice: 2 } as const

function* zoneDataFindings(): Iterable<Finding> {
  const [own, machine] = [process.versions.tz ?? '', machineZoneData() ?? '']
  if (own === '' || machine <= own) return
  yield ['zone_data_old', { cause: `Node.js has the time zone data ${own}, this machine ${machine}.` }]
}
