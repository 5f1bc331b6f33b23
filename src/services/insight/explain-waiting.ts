import { refOf, withContacts } from '../../domain/appointment.ts'
import { contactOf } from '../../domain/effective.ts'
import { issuesInWords } from '../../errors.ts'
import type { Store } from '../../records/store.ts'
import { channelsInUse } from '../../schemas/channel-settings.ts'
import { type EntityId, refKey } from '../../schemas/common.ts'
import type { Person } from '../../schemas/directory.ts'
import { loadNumberingPlans } from '../../schemas/phone-number.ts'
import { type Rule, ruleTable } from '../../schemas/rules.ts'
import type { Context } from '../shared/context.ts'
import { preferenceRefOf } from '../shared/knowledge.ts'
import { type AppointmentPlace, patienceMs } from '../shared/owners.ts'
import { policyOf } from '../shared/settings-view.ts'
import type { ExplanationLine } from './explanation.ts'

/** A message due for longer than this is waiting for something; one due more recently may be on its way, in ms. */
const lateMs = 2000

type Waiting = Pick<ExplanationLine, 'category' | 'recipient' | 'channel' | 'reminderId' | 'notificationId' | 'offset'>

/**
 * What is not stored but found out on request: why due messages of an appointment have not been sent while an outside service does not
 * respond, and what is unusable in the row that the directory returns now. `lookup`: its current state; null: no response in time.
 */
export async function explainWaiting(
  context: Context,
  organizationId: string,
  appointmentId: EntityId,
  lookup: AppointmentPlace['lookup'],
): Promise<ExplanationLine[]> {
  const at = context.options.clock.now()
  const [waiting, now] = await Promise.all([
    overdue(context, organizationId, appointmentId),
    look(context, organizationId, lookup),
  ])
  const warned = now.warnings.map((one): ExplanationLine => ({ category: 'REMINDER', ...one, at, action: 'warned' }))
  const { why } = now
  if (why === null) return warned
  return [...warned, ...waiting.map((one): ExplanationLine => ({ ...one, at, action: 'deferred', ...why }))]
}

async function overdue(
  { options }: Context,
  organizationId: string,
  appointmentId: EntityId,
): Promise<readonly Waiting[]> {
  const { storage, clock } = options
  const since = new Date(clock.now().getTime() - lateMs)
  const [reminders, deliveries] = await Promise.all([
    storage.reminders.list(organizationId, appointmentId),
    storage.deliveries.list({ organizationId, appointmentId, state: 'queued', limit: 100, offset: 0 }),
  ])
  const late = (dueAt: Date | null) => dueAt !== null && dueAt <= since
  return [
    ...reminders
      .filter(({ status, dueAt }) => status === 'PENDING' && late(dueAt))
      .map(({ id: reminderId, recipient, channel, offset }): Waiting => {
        return { category: 'REMINDER', recipient, channel, offset, reminderId }
      }),
    ...deliveries.rows
      .filter(({ dueAt }) => late(dueAt))
      .map(({ id: notificationId, category, recipient, channel }): Waiting => {
        return { category, recipient, channel, notificationId }
      }),
  ]
}

type Because = Pick<ExplanationLine, 'rule' | 'because'>
type Warning = Because & Pick<ExplanationLine, 'recipient' | 'channel'>
type Look = { readonly why: Because | null; readonly warnings: readonly Warning[] }

/** A fault that this process knows of, otherwise the directory's response to this request. */
async function look(
  { host, options, taskManagerFault }: Context,
  organizationId: string,
  lookup: AppointmentPlace['lookup'],
): Promise<Look> {
  const known = host.faultFor(organizationId)
  if (known !== null) return directoryFailed(`"${known.method}": ${known.fault}, since ${known.since.toISOString()}`)
  if (lookup === null) return directoryFailed(`no response within ${patienceMs} ms`)
  if (lookup.kind === 'unanswered') return directoryFailed(lookup.error.message)
  if (lookup.kind === 'unreadable') {
    const why = becauseOf('appointment_unreadable', issuesInWords(lookup.issues))
    return { why, warnings: [why] }
  }
  const taskManager = taskManagerFault()
  const why = taskManager === null ? null : { rule: null, because: `TaskManager does not respond: ${taskManager}` }
  if (lookup.kind !== 'known') return { why, warnings: [] }
  const ignored = (lookup.findings ?? []).map(({ recipient, ...issue }) => ({
    ...becauseOf('field_ignored', issuesInWords([issue])),
    ...(recipient === undefined ? {} : { recipient }),
  }))
  return {
    why,
    warnings: [...ignored, ...(await doubts(options.storage, organizationId, withContacts(lookup.value.recipients)))],
  }
}

/** Warnings about addresses that cannot be used or may be wrong. */
async function doubts(storage: Store, organizationId: string, recipients: readonly Person[]): Promise<Warning[]> {
  const [[settings], preferences] = await Promise.all([
    storage.settings.get([organizationId]),
    storage.preferences.get(recipients.flatMap((one) => preferenceRefOf(one) ?? [])),
    loadNumberingPlans(),
  ])
  const policy = policyOf(settings ?? null)
  const byRecipient = new Map(preferences.map((row) => [refKey(row.recipient), row]))
  return recipients.flatMap((recipient) =>
    channelsInUse(policy).flatMap((channel): Warning[] => {
      const own = byRecipient.get(refKey(recipient)) ?? null
      const { fault, note } = contactOf(channel, own, recipient, policy.defaultCountry)
      return note === null
        ? []
        : [{ ...becauseOf(fault ?? 'contact_doubtful', note), recipient: refOf(recipient), channel }]
    }),
  )
}

const becauseOf = (rule: Rule, what: string) => ({ rule, because: `${ruleTable[rule]}: ${what}` })

const directoryFailed = (fault: string): Look => ({ why: becauseOf('directory_failed', fault), warnings: [] })
