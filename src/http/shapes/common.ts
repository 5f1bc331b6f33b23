import { z } from 'zod'
import { channels } from '../../channels/index.ts'
import { documentedChannels } from '../../schemas/channel-fields.ts'
import { entityId, type Warning } from '../../schemas/common.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import { toSnake } from '../../schemas/fields.ts'
import { ruleTable } from '../../schemas/rules.ts'
import { categories, decisionActions, recipientTypes, suppressionCauses } from '../../schemas/vocabulary.ts'
import { type ExplanationLine, explainedActions } from '../../services/insight/explanation.ts'

/** Fields that many responses share, each described once. */
export const common = {
  organizationId: z.string().describe('Id of the organization'),
  appointmentId: entityId.describe('Id of the appointment'),
  recipientType: z.enum(recipientTypes).describe('Kind of recipient'),
  recipientId: entityId.describe('Id of the recipient, unique among recipients of the same kind'),
  channel: z.enum(channels).describe('Channel'),
  accountId: z.string().nullable().describe('Id of the account, which never changes; null if none is used'),
  category: z.enum(categories).describe('Kind of message'),
  createdAt: z.date().describe('When the row was created'),
  updatedAt: z.date().describe('When the row last changed'),
}

export const accountSource = z
  .enum(['organization', 'default', 'transport', 'task_manager'])
  .nullable()
  .describe('Whose account is used. `default`: the account of the `DEFAULT_*` variables. `transport`: none is needed')

/** Something of each documented channel, and of others where there is something. */
export const byChannelShape = <Schema extends z.ZodType>(schema: Schema) =>
  z.object(
    Object.fromEntries(channels.map((one) => [one, documentedChannels.includes(one) ? schema : schema.optional()])),
  )

/** `field` is a path in wire names, such as `email_templates.appointment_reminder`. */
export const warningShape = z.object({
  field: z.string().describe('Path of the field, such as `email_templates.appointment_reminder`'),
  code: z.string().describe('Stable; for programs'),
  message: z.string().describe('Why the value deserves a second look'),
})

export const showWarnings = (warnings: readonly Warning[]) =>
  warnings.map((warning) => ({ ...warning, field: toSnake(warning.field) }))

/** TaskManager's ids are integers as documented; other task services may use text. */
const taskId = z.union([z.int(), z.string()]).nullable()

/** The TaskManager task that delivers the message, for rows that TaskManager may deliver. */
export const taskFields = {
  taskManagerTaskId: taskId.describe('Id of the task in TaskManager; null if TaskManager has none'),
  taskManagerExecutionId: taskId.describe('Id of the execution that TaskManager reported last; null if none'),
}

export const showTaskId = (id: string | null): number | string | null =>
  id !== null && /^(?:0|[1-9]\d{0,14})$/.test(id) ? Number(id) : id

/** Why nothing is sent to an address. */
export const suppressionShape = z.object({
  cause: z.enum(suppressionCauses).describe('Why nothing is sent there'),
  since: z.date().describe('Since when; if the person said it several times, the last one'),
  code: z.string().describe('Code of the provider; `recorded` if somebody recorded it without one'),
})

/** Left out on the last page: the documented responses have no such field. */
export const nextCursor = z.string().optional().describe('Value of `cursor` for the next page; absent on the last page')

const decisionFields = {
  because: z.string().describe('The rule as a sentence'),
  category: common.category,
  recipientType: common.recipientType.nullable().describe('Kind of recipient; null if the decision concerns all'),
  recipientId: common.recipientId.nullable().describe('Id of the recipient; null if the decision concerns all'),
  channel: common.channel.nullable().describe('Channel; null if the decision concerns all'),
  offset: z.string().nullable().describe('Offset of the reminder, such as `24h`; null for other messages'),
  reminderId: z.int().nullable().describe('Id of the reminder; null if the decision concerns none'),
  notificationId: z.int().nullable().describe('Id of the notification; null if the decision concerns none'),
  for: z.string().nullable().describe('The instant the decision is about, such as the time of a skipped reminder'),
  from: z.string().nullable().describe('For a moved reminder, its previous time'),
  detail: z.string().nullable().describe('More about the decision, without contact data or message text'),
}

export const skippedMessageShape = z.object({
  action: z.enum(decisionActions).describe('What was decided'),
  rule: z.string().describe('The rule that decided it; stable, for programs'),
  ...decisionFields,
})

export const explanationShape = z.object({
  at: z.date().describe('When it was decided or reported'),
  action: z.enum([...decisionActions, ...explainedActions]).describe('What was decided, or what a provider reported'),
  rule: z
    .string()
    .nullable()
    .describe('The rule that decided it; stable, for programs. Null for what a provider reported'),
  ...decisionFields,
})

type Common = Omit<DecisionEntry, 'action' | 'rule'>

const showDecision = (entry: Common) => ({
  category: entry.category,
  recipientType: entry.recipient?.type ?? null,
  recipientId: entry.recipient?.id ?? null,
  channel: entry.channel ?? null,
  offset: entry.offset ?? null,
  reminderId: entry.reminderId ?? null,
  notificationId: entry.notificationId ?? null,
  for: entry.for ?? null,
  from: entry.from ?? null,
  detail: entry.detail ?? null,
})

export const showSkippedMessage = (entry: DecisionEntry) => ({
  action: entry.action,
  rule: entry.rule,
  because: ruleTable[entry.rule],
  ...showDecision(entry),
})

export const showExplanation = (line: ExplanationLine) => ({
  at: line.at,
  action: line.action,
  rule: line.rule,
  because: line.because,
  ...showDecision(line),
})
