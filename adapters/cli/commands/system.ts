import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isNotificationError } from '../../../src/errors.ts'
import type { CheckUpFinding, Notifications } from '../../../src/index.ts'
import { type Commands, commandLine, countsOf } from './command.ts'

/** The whole system: whether it works, its tables, its keys, and what it keeps. */
export const systemCommands: Commands = {
  doctor: {
    summary: 'Says what keeps messages from being sent, whom it concerns, and what to do; silent if all is well',
    options: {
      'mail-domains': { type: 'boolean', default: false },
      'dkim-selector': { type: 'string', multiple: true, default: [] },
      'public-url': { type: 'boolean', default: false },
      strict: { type: 'boolean', default: false },
    },
    explained: {
      'public-url': 'ask the public URL whether the library answers there, for webhooks and links',
      'mail-domains': 'ask the name servers for SPF, DMARC and DKIM of the senders too',
      'dkim-selector': 'a selector that your mail provider signs with; may be repeated',
      strict: 'warnings count as errors',
    },
    example: 'doctor --mail-domains --dkim-selector mail',
    showsFaults: true,
    async run({ values, open }) {
      const library = await open()
      const dkimSelectors = [values['dkim-selector']].flat().map(String)
      const data = await library.checkUp({
        mailDomains: values['mail-domains'] === true || dkimSelectors.length > 0 ? { dkimSelectors } : false,
        publicUrl: values['public-url'] === true,
      })
      const isFailure = data.status === 'error' || (values['strict'] === true && data.status === 'warning')
      return { text: data.findings.map(findingText).join('\n\n'), data, isFailure }
    },
  },
  info: {
    summary: 'Shows versions, tables, channels and keys, for a report of a fault; no secrets and nothing of people',
    example: 'info --json',
    showsFaults: true,
    async run({ open }) {
      const library = await open()
      const [tables, { status, providers, taskManager }, keys] = await Promise.all([
        orUnknown(tablesOf(library)),
        library.health(),
        // Also with one key, which may not be that of what is stored.
        orUnknown(library.privacy.keys()),
      ])
      const data = {
        version: packageVersion(),
        node: process.version,
        platform: `${process.platform} ${process.arch}`,
        zoneData: process.versions.tz ?? null,
        tables,
        status,
        channels: providers.map(({ channel, provider, code }) => ({ channel, provider, code })),
        taskManager: taskManager?.mode ?? null,
        keys,
        endpoints: library.endpoints.length,
      }
      const lines = [
        `appointment-notifications ${data.version}, Node ${data.node}, ${data.platform}, time zone data ${data.zoneData}`,
        tablesText(tables),
        ...data.channels.map(({ channel, provider, code }) => `${channel}: ${provider ?? `nobody sends (${code})`}`),
        `secrets: ${keysText(keys)}`,
        `health: ${status}`,
      ]
      return { text: lines.join('\n'), data }
    },
  },
  migrate: {
    summary: 'Creates the tables, or brings them up to date',
    options: {
      'dry-run': { type: 'boolean', default: false },
      status: { type: 'boolean', default: false },
      adopt: { type: 'boolean', default: false },
    },
    explained: {
      'dry-run': 'print the statements, and change nothing',
      status: 'say which migrations are missing, and change nothing; exit code 1 if some are',
      adopt: 'take over tables of the same names that another program made',
    },
    example: 'migrate --dry-run',
    async run({ values, open }) {
      const library = await open()
      if (values['status'] === true) {
        const data = await tablesOf(library)
        const isFailure = data.pending.length > 0
        const text = isFailure ? `To apply: ${data.pending.join(', ')}.` : upToDate(data.version)
        return { text, data, isFailure }
      }
      const dryRun = values['dry-run'] === true
      const options = { dryRun, adopt: values['adopt'] === true, [commandLine]: true }
      const data = await library.migrate(options)
      const { applied, version, sql } = data
      if (applied.length === 0) return { text: upToDate(version), data }
      const text = dryRun
        ? `${sql.map((statement) => `${statement};`).join('\n')}\n-- ${applied.length} migrations, up to ${version}`
        : `Applied ${applied.join(', ')}. The tables are at migration ${version}.`
      return { text, data }
    },
  },
  retention: {
    summary: 'Blanks and removes now what organizations keep no longer (setting "retention")',
    options: { 'dry-run': { type: 'boolean', default: false } },
    explained: { 'dry-run': 'count it, and change nothing' },
    example: 'retention --dry-run',
    async run({ values, open, report }) {
      const { privacy, health } = await open()
      const dryRun = values['dry-run'] === true
      const data = dryRun ? await privacy.retentionDryRun() : await watched(privacy.applyRetention(), health, report)
      if (data === null) return { text: 'Another process is at it.', data, isFailure: true }
      const counts = countsOf(data)
      const nothing = dryRun ? 'Nothing would be blanked or removed.' : 'Nothing was blanked or removed.'
      return { text: counts === '' ? nothing : `${dryRun ? 'would be ' : ''}blanked or removed: ${counts}`, data }
    },
  },
  'keys new': {
    summary: 'Makes a key for the option "encryptionKey"',
    example: 'keys new',
    async run() {
      const key = randomBytes(32).toString('base64')
      return { text: key, data: { key } }
    },
  },
  'keys rotate': {
    summary: 'Seals stored secrets anew that an older key of the option "encryptionKey" sealed',
    example: 'keys rotate',
    async run({ open }) {
      const data = await (await open()).privacy.rotateKeys()
      const { underOldKeys, unreadable } = data
      const isFailure = underOldKeys > 0 || unreadable > 0
      const text = isFailure
        ? `${underOldKeys} secrets are still sealed with older keys; ${unreadable} with a key that is not given: save those again.`
        : 'Every secret is sealed with the first key. Keep the older keys for another 90 days: links of messages were made with them.'
      return { text, data, isFailure }
    },
  },
}

/** A report of a fault is of use without what the fault keeps from being read. */
type Unknown = { readonly unknown: string }
/** Somewhat longer than a storage tries by itself. */
const patienceMs = 12_000

function orUnknown<T>(work: Promise<T>): Promise<T | Unknown> {
  const late = Promise.withResolvers<Unknown>()
  const timer = setTimeout(() => late.resolve({ unknown: 'no answer' }), patienceMs)
  const known = work.catch((error: unknown) => ({ unknown: isNotificationError(error) ? error.code : 'failed' }))
  return Promise.race([known, late.promise]).finally(() => clearTimeout(timer))
}

function tablesText(tables: Unknown | Awaited<ReturnType<typeof tablesOf>>): string {
  if ('unknown' in tables) return `tables: unknown (${tables.unknown})`
  const { version, pending } = tables
  return pending.length === 0 ? `tables at migration ${version}` : `tables lack the migrations ${pending.join(', ')}`
}

function keysText(keys: Unknown | Awaited<ReturnType<Notifications['privacy']['keys']>>): string {
  if ('unknown' in keys) return `unknown (${keys.unknown})`
  const { sealed, underOldKeys, unreadable } = keys
  return `${sealed} sealed, ${underOldKeys} of them with older keys, ${unreadable} with a key that is not given`
}

const upToDate = (version: number): string => `The tables are up to date, at migration ${version}.`

async function tablesOf({ migrate }: Notifications) {
  const { version, applied } = await migrate({ dryRun: true })
  return { version, pending: applied }
}

export const findingText = ({ severity, code, organizationId, cause, remedy }: CheckUpFinding): string =>
  [
    `${severity} ${code}${organizationId === null ? '' : ` (organization ${organizationId})`}`,
    `  ${cause}`,
    `  ${remedy}`,
  ].join('\n')

/** Reports every two seconds how far it is. */
async function watched<T>(work: Promise<T>, health: Notifications['health'], report: (text: string) => void) {
  const timer = setInterval(async () => {
    const { retention } = await health()
    if (retention?.status === 'running') report(`${retention.looked} rows looked at`)
  }, 2000)
  return work.finally(() => clearInterval(timer))
}

/** Of the package that this file is in, built or not. */
function packageVersion(): string | null {
  for (let at = import.meta.dirname; at !== dirname(at); at = dirname(at)) {
    const file = join(at, 'package.json')
    if (!existsSync(file)) continue
    const found: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return typeof found === 'object' && found !== null && 'version' in found ? String(found.version) : null
  }
  return null
}
