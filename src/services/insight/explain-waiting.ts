import { refOf } from '../../domain/appointment.ts'
import { contactOf } from '../../domain/effective.ts'
import { issuesInWords } from '../../errors.ts'
import type { Store } from '../../records/store.ts'
import { channelsInUse } from '../../schemas/channel-settings.ts'
import { type EntityId, refKey } from '../../schemas/common.ts'
import type { Person } from '../../schemas/directory.ts'
import { type Rule, ruleTable } from '../../schemas/vocabulary.ts'
import type { Context } from '../shared/context.ts'
import { preferenceRefOf } from '../shared/knowledge.ts'
import { type AppointmentPlace, patienceMs } from '../shared/owners.ts'
import { policyOf } from '../shared/settings-view.ts'
import type { ExplanationLine } from './explanation.ts'

/** What was due before is waiting for something; what is due now may be on its way, in ms. */
const lateMs = 2000

type Waiting = Pick<ExplanationLine, 'category' | 'recipient' | 'channel' | 'reminderId' | 'notificationId' | 'offset'>

/**
 * What nothing is written of, and is said when somebody asks: why messages of an appointment that are due have not been sent,
 * where an outside service does not answer, and what of the row that the directory returns now cannot be used. `truth`: what the
 * directory says now; null: nothing.
 */
export async function explainWaiting(
  context: Context,
  organizationId: string,
  appointmentId: EntityId,
  truth: AppointmentPlace['truth'],
): Promise<ExplanationLine[]> {
  const at = context.options.clock.now()
  const [waiting, now] = await Promise.all([
    overdue(context, organizationId, appointmentId),
    look(context, organizationId, truth),
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

/** What this process knows is wrong; else what the directory answered just now. */
async function look(
  { host, options, taskManagerFault }: Context,
  organizationId: string,
  truth: AppointmentPlace['truth'],
): Promise<Look> {
  const known = host.faultFor(organizationId)
  if (known !== null) return silent(`"${known.method}": ${known.fault}, since ${known.since.toISOString()}`)
  if (truth === null) return silent(`no response within ${patienceMs} ms`)
  if (truth.kind === 'unanswered') return silent(truth.error.message)
  if (truth.kind === 'unreadable') {
    const why = saying('appointment_unreadable', issuesInWords(truth.issues))
    return { why, warnings: [why] }
  }
  const taskManager = taskManagerFault()
  const why = taskManager === null ? null : { rule: null, because: `TaskManager does not respond: ${taskManager}` }
  if (truth.kind !== 'known') return { why, warnings: [] }
  const ignored = (truth.findings ?? []).map(({ recipient, ...issue }) => ({
    ...saying('field_ignored', issuesInWords([issue])),
    ...(recipient === undefined ? {} : { recipient }),
  }))
  return { why, warnings: [...ignored, ...(await doubts(options.storage, organizationId, truth.value.recipients))] }
}

/** Addresses that are not used, or are and may be mistaken. */
async function doubts(storage: Store, organizationId: string, recipients: readonly Person[]): Promise<Warning[]> {
  const [[settings], preferences] = await Promise.all([
    storage.settings.get([organizationId]),
    storage.preferences.get(recipients.flatMap((one) => preferenceRefOf(one) ?? [])),
  ])
  const policy = policyOf(settings ?? null)
  const wishesOf = new Map(preferences.map((row) => [refKey(row.recipient), row]))
  return recipients.flatMap((recipient) =>
    channelsInUse(policy).flatMap((channel): Warning[] => {
      const wishes = wishesOf.get(refKey(recipient)) ?? null
      const { fault, note } = contactOf(channel, wishes, recipient, policy.defaultCountry)
      return note === null
        ? []
        : [{ ...saying(fault ?? 'contact_doubtful', note), recipient: refOf(recipient), channel }]
    }),
  )
}

const saying = (rule: Rule, what: string) => ({ rule, because: `${ruleTable[rule]}: ${what}` })

const silent = (fault: string): Look => ({ why: saying('directory_failed', fault), warnings: [] })
