import { randomBytes } from 'node:crypto'
import type { ParseArgsConfig } from 'node:util'
import {
  type CheckUpFinding,
  type EntityId,
  isNotificationError,
  type Notifications,
  ruleTable,
} from '../../../src/index.ts'
import { UsageError } from './usage.ts'

export type Call = {
  readonly values: Readonly<Record<string, unknown>>
  readonly positionals: readonly string[]
  /** The library of the config file. */
  readonly open: () => Promise<Notifications>
  /** Shows what goes on meanwhile. */
  readonly report: (text: string) => void
}

/** `data`: what `--json` prints. */
export type Result = { readonly text: string; readonly data: unknown; readonly isFailure?: boolean }

export type Command = {
  readonly summary: string
  /** Arguments without a name: `<appointment>`. */
  readonly takes?: string
  readonly options?: NonNullable<ParseArgsConfig['options']>
  /** What each option means. */
  readonly explained?: Readonly<Record<string, string>>
  readonly example: string
  readonly run: (call: Call) => Promise<Result>
}

export const commands: Readonly<Record<string, Command>> = {
  doctor: {
    summary: 'Says what keeps messages from being sent, whom it concerns, and what to do; silent if all is well',
    options: { 'mail-domains': { type: 'boolean', default: false }, strict: { type: 'boolean', default: false } },
    explained: {
      'mail-domains': 'ask the name servers for SPF and DMARC of the senders too',
      strict: 'warnings count as errors',
    },
    example: 'doctor --mail-domains',
    async run({ values, open }) {
      const library = await open()
      const data = await library.checkUp({ mailDomains: values['mail-domains'] === true ? {} : false })
      const isFailure = data.status === 'error' || (values['strict'] === true && data.status !== 'ok')
      return { text: data.findings.map(findingText).join('\n\n'), data, isFailure }
    },
  },
  migrate: {
    summary: 'Creates the tables, or brings them up to date',
    options: { 'dry-run': { type: 'boolean', default: false }, adopt: { type: 'boolean', default: false } },
    explained: {
      'dry-run': 'print the statements, and change nothing',
      adopt: 'take over tables of the same names that another program made',
    },
    example: 'migrate --dry-run',
    async run({ values, open }) {
      const dryRun = values['dry-run'] === true
      const data = await (await open()).migrate({ dryRun, adopt: values['adopt'] === true })
      const { applied, version, sql } = data
      if (applied.length === 0) return { text: `The tables are up to date, at migration ${version}.`, data }
      const text = dryRun
        ? `${sql.map((statement) => `${statement};`).join('\n')}\n-- ${applied.length} migrations, up to ${version}`
        : `Applied ${applied.join(', ')}. The tables are at migration ${version}.`
      return { text, data }
    },
  },
  plan: {
    summary: 'Shows which messages an appointment gets, and which it does not, and why; writes nothing',
    takes: '<appointment>',
    example: 'plan 42',
    async run({ positionals, open }) {
      const text = only(positionals, 'appointment')
      const library = await open()
      const data = await byId(text, (id) => library.notifications.plan(id))
      const reminders = data.reminders.map(
        ({ reminderTime, channel, recipient, offset }) =>
          `${reminderTime.toISOString()}  ${channel}  ${recipient.type} ${recipient.id}  ${offset}`,
      )
      const omitted = data.omitted.map(({ channel, recipient, offset, rule }) => {
        const who = recipient === undefined ? '' : `${recipient.type} ${recipient.id}`
        return ['left out', channel ?? '', who, offset ?? '', ruleTable[rule]].filter((part) => part !== '').join('  ')
      })
      return { text: [...reminders, ...omitted].join('\n'), data }
    },
  },
  explain: {
    summary: 'Shows every decision about the messages of an appointment, and its reason, in the order of time',
    takes: '<appointment>',
    example: 'explain 42',
    async run({ positionals, open }) {
      const text = only(positionals, 'appointment')
      const library = await open()
      const data = await byId(text, (id) => library.notifications.explain(id))
      const lines = data.map(
        ({ at, action, channel, because }) => `${at.toISOString()}  ${action}  ${channel ?? ''}  ${because}`,
      )
      return { text: lines.length === 0 ? 'Nothing was decided about it.' : lines.join('\n'), data }
    },
  },
  reconcile: {
    summary: 'Compares the plans with your directory, and repairs what differs',
    options: { force: { type: 'boolean', default: false } },
    explained: { force: 'also cancel suspiciously many appointments that are missing' },
    example: 'reconcile',
    async run({ values, open }) {
      const data = await (await open()).reconcile({ force: values['force'] === true })
      const counts = Object.entries(data).filter(([, value]) => typeof value === 'number' && value > 0)
      const text = [`${data.status}:`, ...counts.map(([name, count]) => `${name} ${count}`)].join(' ')
      return { text, data, isFailure: data.status !== 'done' }
    },
  },
  'verify-accounts': {
    summary: "Signs in to an organization's providers, and sends nothing",
    takes: '<organization>',
    example: 'verify-accounts 7f3d2a10-5b1e-4c7a-9a52-0c6f5a1d9b11',
    async run({ positionals, open }) {
      const organization = only(positionals, 'organization')
      const data = await (await open()).settings.verifyAccounts(organization)
      const lines = data.map(({ channel, status, message, fields }) =>
        [`${channel}: ${status}: ${message}`, ...(fields.length === 0 ? [] : [`(${fields.join(', ')})`])].join(' '),
      )
      return { text: lines.join('\n'), data, isFailure: data.some(({ status }) => status === 'failing') }
    },
  },
  'new-key': {
    summary: 'Makes a key for the option "encryptionKey"',
    example: 'new-key',
    async run() {
      const key = randomBytes(32).toString('base64')
      return { text: key, data: { key } }
    },
  },
}

const findingText = ({ severity, code, organizationId, cause, remedy }: CheckUpFinding): string =>
  [
    `${severity} ${code}${organizationId === null ? '' : ` (organization ${organizationId})`}`,
    `  ${cause}`,
    `  ${remedy}`,
  ].join('\n')

function only(positionals: readonly string[], what: string): string {
  const [value, ...others] = positionals
  if (value === undefined || others.length > 0) throw new UsageError(`Name one ${what}.`)
  return value
}

/** Ids of appointments are numbers or texts, by an option of the library that only its calls know. */
async function byId<T>(text: string, call: (id: EntityId) => Promise<T>): Promise<T> {
  const number = Number(text)
  if (!Number.isSafeInteger(number)) return call(text)
  try {
    return await call(number)
  } catch (error) {
    if (!(isNotificationError(error) && error.code === 'invalid_input')) throw error
    return call(text)
  }
}
