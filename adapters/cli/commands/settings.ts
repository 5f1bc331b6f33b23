import { resolve } from 'node:path'
import type { OrganizationSettingsInput, Warning, WhatIfTotals } from '../../../src/index.ts'
import { ruleTable } from '../../../src/schemas/rules.ts'
import { type Commands, only, readPlain, UsageError } from './command.ts'
import { findingText } from './system.ts'

const fromFile = 'a JSON file with settings that would change, such as { "smsEnabled": false }'

/** Settings of an organization, before they are saved and after. */
export const settingsCommands: Commands = {
  'settings check': {
    summary: "Checks an organization's settings: those that are stored, or a file before it is saved; changes nothing",
    takes: '<organization>',
    options: { file: { type: 'string' } },
    explained: { file: fromFile },
    example: 'settings check harbour --file settings.json',
    showsFaults: true,
    async run({ positionals, values, folder, open }) {
      const organizationId = only(positionals, 'organization')
      const library = await open()
      if (typeof values['file'] === 'string') {
        const settings = await readSettings(folder, values['file'])
        const { warnings } = await library.insight.whatIf({ organizationId, settings, limit: 1 })
        return { text: warningsText(warnings), data: { warnings } }
      }
      const { channels, configured } = await library.settings.effectiveSettings(organizationId)
      const { status, findings } = await library.checkUp({ organizationId })
      const lines = Object.entries(channels).map(
        ([channel, { provider, fault }]) => `${channel}: ${fault === null ? `by ${provider}` : ruleTable[fault]}`,
      )
      return {
        text: [...lines, ...findings.map(findingText)].join('\n'),
        data: { configured, channels, findings },
        isFailure: status === 'error',
      }
    },
  },
  'what-if': {
    summary:
      'Compares the reminders of past appointments by the settings as they are and by those of a file; saves nothing',
    takes: '<organization>',
    options: { file: { type: 'string' }, since: { type: 'string' }, limit: { type: 'string' } },
    explained: {
      file: fromFile,
      since: 'appointments from this day or instant on, 90 days ago at most (default: 30 days ago)',
      limit: 'how many appointments to look at (default: 1000)',
    },
    example: 'what-if harbour --file settings.json --since 2026-03-01',
    async run({ positionals, values, folder, open, report }) {
      const organizationId = only(positionals, 'organization')
      const { file, since, limit } = values
      if (typeof file !== 'string') throw new UsageError('Name a file with --file.')
      const settings = await readSettings(folder, file)
      const library = await open()
      report('Planning past appointments twice, for 10 s at most')
      const data = await library.insight.whatIf({
        organizationId,
        settings,
        ...(typeof since === 'string' && { since: instantOf(since) }),
        ...(typeof limit === 'string' && { limit: countOf(limit) }),
      })
      const { appointments, isComplete, before, after, losing, lost, warnings } = data
      const lines = [
        `${appointments} appointments${isComplete ? '' : ', and there are more'}`,
        `as they are: ${totalsText(before)}`,
        `changed:     ${totalsText(after)}`,
        `people who would get fewer reminders of an appointment: ${losing.fewer}; none: ${losing.none}`,
        ...lost.map(({ appointmentId, recipient, before: was, after: is, rules }) =>
          [`  appointment ${appointmentId}, ${recipient.type} ${recipient.id}: ${was} -> ${is}`, ...rules].join('  '),
        ),
        ...(warnings.length === 0 ? [] : [warningsText(warnings)]),
      ]
      return { text: lines.join('\n'), data }
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
}

export const warningsText = (warnings: readonly Warning[]): string =>
  warnings.map(({ field, message }) => `warning: ${field} ${message}`).join('\n')

const totalsText = ({ messages, segments, costs }: WhatIfTotals): string =>
  [
    `${messages} reminders`,
    `${segments} SMS segments`,
    ...costs.map(({ amount, currency }) => `${amount} ${currency}`),
  ].join(', ')

async function readSettings(folder: string, file: string): Promise<OrganizationSettingsInput> {
  const path = resolve(folder, file)
  const read: unknown = await readPlain(path)
    .then(JSON.parse)
    .catch((error: unknown) => {
      throw new UsageError(`${path} cannot be read as JSON: ${error instanceof Error ? error.message : error}`)
    })
  if (!isSettings(read)) throw new UsageError(`${path} must hold ${fromFile}.`)
  return read
}

function instantOf(since: string): Date {
  const instant = new Date(since.includes('T') ? since : `${since}T00:00:00Z`)
  if (Number.isNaN(instant.getTime())) throw new UsageError(`--since must be a day such as 2026-03-01, not "${since}".`)
  return instant
}

function countOf(limit: string): number {
  const count = Number(limit)
  if (!Number.isInteger(count) || count < 1) throw new UsageError(`--limit must be a number from 1 on, not "${limit}".`)
  return count
}

/** What the fields hold is checked by the library. */
const isSettings = (value: unknown): value is OrganizationSettingsInput =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
