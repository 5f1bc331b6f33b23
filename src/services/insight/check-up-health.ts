import type { Channel } from '../../channels/index.ts'
import type { ProviderFault } from '../../schemas/rules.ts'
import type { Finding } from './check-up-table.ts'
import type { HealthReport } from './health-report.ts'

const dayMs = 86_400_000

type About = {
  readonly now: Date
  /** Whether some of the host application's account for the channel is set. */
  readonly isBegun: (channel: Channel) => boolean
}

/** What health shows, in words. */
export function* ofHealth(report: HealthReport, { now, isBegun }: About): Iterable<Finding> {
  yield* ofStorage(report)
  yield* ofClock(report)
  yield* ofDirectory(report)
  yield* ofProviders(report, isBegun)
  yield* ofScheduler(report)
  yield* ofWebhooks(report, now)
  yield* ofRest(report)
}

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

const rowsOf = (count: number): string => (count === 1 ? '1 row' : `${count} rows`)

function* ofDirectory({ directory }: HealthReport): Iterable<Finding> {
  for (const { method, fault, organizations, rows } of directory.methods) {
    const whom =
      organizations.count > 0 ? ` for ${organizations.count} organizations (${organizations.ids.join(', ')})` : ''
    if (fault !== null) yield ['directory_failing', { cause: `directory.${method}() fails${whom}: ${fault}.` }]
    const { unreadable, ignored } = rows
    if (unreadable.count > 0) {
      const cause = `directory.${method}() returned ${rowsOf(unreadable.count)} that cannot be read (${unreadable.ids.join(', ')}): ${unreadable.fault}`
      yield ['directory_rows', { cause }]
    }
    for (const { field, message, count, id } of ignored) {
      const cause = `directory.${method}() returned ${rowsOf(count)}, such as ${id}, whose field ${field} is ignored: it ${message}`
      yield ['directory_fields', { cause }]
    }
  }
}

/** Where it is not the organization's settings that lack something. */
const accountRemedies: Partial<Record<ProviderFault, string>> = {
  no_transport:
    'Add the transport to the option "transports", or correct the provider in the organization\'s settings.',
  encryption_key_missing:
    'Give the key that they were saved with: the option "encryptionKey", or NOTIFICATIONS_ENCRYPTION_KEY.',
  provider_unreadable:
    'Add the key that they were saved with to the option "encryptionKey", or save these credentials again.',
}

/** An account that was begun is meant; of the others those are named that have a transport, if nothing else says why nothing can be sent. */
function lacking({ providers, settings }: HealthReport, isBegun: About['isBegun']) {
  const all = providers.filter(({ provider, status }) => provider === null && status !== 'ok' && status !== 'unknown')
  const begun = all.filter(({ channel }) => isBegun(channel))
  if (begun.length > 0 || (settings?.count ?? 0) > 0) return begun
  const served = all.filter(({ code }) => code !== 'no_transport')
  return served.length > 0 ? served : all
}

function* ofProviders(report: HealthReport, isBegun: About['isBegun']): Iterable<Finding> {
  const { providers, accounts, settings } = report
  for (const { channel, code, message, status } of lacking(report, isBegun)) {
    yield ['channel_unprovided', { organizationId: null, channel, cause: `${channel}: ${message ?? code ?? status}` }]
  }
  const isPaused = new Set(
    accounts?.paused.filter(({ organizationId }) => organizationId === null).map(({ channel }) => channel),
  )
  for (const { channel, provider, status, code, message } of providers) {
    if (provider === null || isPaused.has(channel) || (status !== 'failing' && status !== 'degraded')) continue
    const cause = `${channel}: ${message ?? code ?? status} (${provider}, ${code})`
    yield ['provider_failing', { organizationId: null, channel, cause }]
  }
  for (const { organizationId, channel, provider, destination, code, message, until } of accounts?.paused ?? []) {
    const whose = organizationId === null ? "the host application's own account" : "the organization's account"
    const where = destination === null ? '' : ` to ${destination}`
    const cause = `${channel}: ${whose} at ${provider} is paused${where}: ${message ?? 'see the log of the process that sends'} (${code}); tried again at ${until.toISOString()}`
    yield ['account_paused', { organizationId, channel, cause }]
  }
  for (const { organizationId, channel, code, message } of settings?.faults ?? []) {
    const remedy = accountRemedies[code]
    const cause = `${channel}: ${message} (${code})`
    yield ['account_unusable', { organizationId, channel, cause, ...(remedy !== undefined && { remedy }) }]
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

/** What is not done about a server that cannot be reached. */
const taskManagerRemedies: readonly (readonly [RegExp, string])[] = [
  [/it answered 40[13]\b/, 'Check the token of TaskManager: the option "token", or TASK_MANAGER_TOKEN.'],
  [/it answered 4\d\d\b/, 'Something else may answer there: check TASK_MANAGER_URL and the option "paths".'],
  [/it answered 5\d\d\b/, 'Look into the log of TaskManager; its tasks are tried again.'],
]

function* ofRest({ held, hooks, taskManager, keys }: HealthReport): Iterable<Finding> {
  if (keys !== null && keys.unreadable > 0) {
    const cause = `${keys.unreadable} of ${keys.sealed} stored secrets were sealed with a key that this process does not have.`
    yield ['keys_unreadable', { cause }]
  }
  if (held !== null && held > 0)
    yield [
      'held_after_restore',
      { cause: `Held since a backup was restored: ${held} ${held === 1 ? 'message' : 'messages'}.` },
    ]
  for (const { hook, organizationId, attempts, lastError } of hooks?.failing ?? []) {
    yield ['hook_failing', { organizationId, cause: `hooks.${hook} failed ${attempts} times: ${lastError}` }]
  }
  if (taskManager !== null && taskManager.status !== 'ok') {
    const cause = `TaskManager: ${taskManager.fault ?? taskManager.lastErrorCode ?? taskManager.status}`
    const [, remedy] = taskManagerRemedies.find(([answer]) => answer.test(cause)) ?? []
    yield ['task_manager_failing', { cause, ...(remedy !== undefined && { remedy }) }]
  }
}
