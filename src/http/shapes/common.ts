import { z } from 'zod'
import { entityId, type Warning } from '../../schemas/common.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import { toSnake } from '../../schemas/fields.ts'
import { categories, channels, decisionActions, recipientTypes, ruleTable } from '../../schemas/vocabulary.ts'
import { type ExplanationLine, explainedActions } from '../../services/explanation.ts'

/** `field` is a path in wire names, such as `email_templates.appointment_reminder`. */
export const warningShape = z.object({ field: z.string(), code: z.string(), message: z.string() })

export const showWarnings = (warnings: readonly Warning[]) =>
  warnings.map((warning) => ({ ...warning, field: toSnake(warning.field) }))

/** Ids of TaskManager are integers as documented; other task services may have text. */
export const taskId = z.union([z.int(), z.string()]).nullable()

export const showTaskId = (id: string | null): number | string | null =>
  id !== null && /^(?:0|[1-9]\d{0,14})$/.test(id) ? Number(id) : id

/** Left out where there is none: the documented answers have no such field. */
export const nextCursor = z.string().optional().describe('For `cursor` of the next request; left out on the last page')

const decisionFields = {
  because: z.string().describe('The rule in words'),
  category: z.enum(categories),
  recipientType: z.enum(recipientTypes).nullable(),
  recipientId: entityId.nullable(),
  channel: z.enum(channels).nullable(),
  offset: z.string().nullable(),
  reminderId: z.int().nullable(),
  notificationId: z.int().nullable(),
  for: z.string().nullable().describe('The instant it is about, such as the time of a reminder left out'),
  from: z.string().nullable().describe('Of what was moved, the instant before'),
  detail: z.string().nullable(),
}

export const omissionShape = z.object({ action: z.enum(decisionActions), rule: z.string(), ...decisionFields })

export const explanationShape = z.object({
  at: z.date(),
  action: z.enum([...decisionActions, ...explainedActions]),
  rule: z.string().nullable().describe('Null for what a provider did'),
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

export const showOmission = (entry: DecisionEntry) => ({
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
