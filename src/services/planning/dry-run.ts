import type { Channel } from '../../channels/index.ts'
import { needlessOf } from '../../domain/answer.ts'
import { type Appointment, inactiveRule, isSameRecipient, refOf } from '../../domain/appointment.ts'
import { costOf, countryTo } from '../../domain/cost.ts'
import { contactOf } from '../../domain/effective.ts'
import { fallbacksOf } from '../../domain/fallback.ts'
import { effectiveFor, type PlannedReminder, planReminders, type Surroundings, writtenTo } from '../../domain/plan.ts'
import type { PlanRow } from '../../ports/storage.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import type { Person } from '../../schemas/directory.ts'
import type { OffsetInput } from '../../schemas/offset.ts'
import { renderFor } from '../messages/worded.ts'
import { asksFor } from '../shared/asking.ts'
import type { Context } from '../shared/context.ts'
import { Knowledge } from '../shared/knowledge.ts'
import type { DryRun } from '../shared/views.ts'

/** Of a recipient that is gone, and of a template that there is none of. */
const nothing = { text: '', template: null }

/** What would be sent and when, with the texts as rendered at those times. Writes nothing. */
export async function dryRun(
  context: Context,
  appointment: Appointment,
  customReminders: readonly OffsetInput[] | null | undefined,
): Promise<DryRun> {
  const off = inactiveRule(appointment.status)
  if (off !== null) return { reminders: [], omitted: [{ action: 'skipped', rule: off, category: 'REMINDER' }] }
  const { storage, clock } = context.options
  const [knowledge, plans] = await Promise.all([
    Knowledge.load(context, [appointment]),
    storage.plans.find([appointment.id]),
  ])
  // The same id may have a plan of another organization.
  const own = plans.find((one) => one.organizationId === appointment.organizationId) ?? null
  const custom = customReminders === undefined ? (own?.customReminders ?? null) : customReminders
  return draw(knowledge, appointment, {
    customReminders: custom,
    own,
    now: clock.now(),
    leadMs: context.options.leadMs,
  })
}

export type Drawing = {
  readonly customReminders: readonly OffsetInput[] | null
  /** Its plan, for what people answered; null: it has none. */
  readonly own: PlanRow | null
  /** When it is planned. */
  readonly now: Date
  readonly leadMs: number
}

/** What is planned for an appointment at `now`, with the texts as rendered at their times, by what is known. */
export function draw(
  knowledge: Knowledge,
  appointment: Appointment,
  { customReminders, own, now: at, leadMs }: Drawing,
): DryRun {
  const { organizationId } = appointment
  const surroundings = knowledge.surroundings(organizationId)
  const { policy, preferencesOf } = surroundings
  const { defaultCountry, messagePrices } = policy
  const plan = planReminders({
    appointment,
    surroundings,
    customReminders,
    now: at,
    leadMs,
    existing: new Map(),
    carried: new Set(),
    reminded: new Set(),
    decided: new Map(),
  })
  const answers = own?.startsAt.getTime() === appointment.start.instant.getTime() ? (own.answers ?? []) : []
  const needless = new Set(needlessOf(plan.reminders, answers, policy.confirmedReminders))
  const kept = plan.reminders.filter((planned) => !needless.has(planned))
  const reminders = kept.map((planned) => {
    const recipient = appointment.recipients.find((one) => isSameRecipient(one, planned.recipient))
    const { channel, reminderTime: now } = planned
    const reader = recipient === undefined ? null : writtenTo(surroundings, recipient, 'REMINDER')
    const about = { organizationId, channel, category: 'REMINDER', subject: appointment, now } as const
    const askCode = asksFor(policy, channel, 'REMINDER') ? null : undefined
    const text = recipient === undefined ? null : renderFor({ ...about, recipient, askCode }, knowledge)
    const address = reader === null ? null : contactOf(channel, preferencesOf(reader), reader, defaultCountry).address
    const price = costOf(messagePrices, channel, text ?? nothing, countryTo(channel, address))
    const fallback = recipient === undefined ? [] : fallbackNow(surroundings, recipient, planned)
    const contact = reader === null || reader === recipient ? null : refOf(reader)
    const { movedFrom = null } = planned
    return {
      ...planned,
      movedFrom,
      contact,
      fallback,
      subject: text?.subject ?? null,
      message: text?.text ?? '',
      preview: true,
      ...price,
    }
  })
  const left = [...needless].map(
    ({ recipient, channel, offset, reminderTime }): DecisionEntry => ({
      action: 'skipped',
      rule: 'confirmed',
      category: 'REMINDER',
      recipient,
      channel,
      offset,
      for: reminderTime.toISOString(),
    }),
  )
  return { reminders, omitted: [...plan.entries.filter((entry) => entry.action !== 'planned'), ...left] }
}

/** The channels that would take over, without those that cannot reach the recipient now. */
const fallbackNow = (surroundings: Surroundings, recipient: Person, planned: PlannedReminder): Channel[] =>
  fallbacksOf(surroundings, { ...planned, category: 'REMINDER' })
    .map(({ channel }) => channel)
    .filter((channel) => effectiveFor(surroundings, recipient, 'REMINDER', channel).allowed)
