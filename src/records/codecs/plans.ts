import { json } from '../../ports/rows/ids.ts'
import type { Row } from '../../ports/rows/tables/tables.ts'
import type { PlanPart } from '../../ports/storage/personal.ts'
import type { AheadQuery, PlanAhead, PlanAnswer, PlanPage, PlanRow } from '../../ports/storage/plans.ts'
import type { RecipientRef } from '../../schemas/common.ts'
import type { DecisionEntry, DecisionRecord } from '../../schemas/decision.ts'
import type { OffsetInput } from '../../schemas/offset.ts'

export function decodePlan(row: Row<'reminder_plans'>): PlanRow {
  const customReminders: readonly OffsetInput[] | null =
    row.custom_reminders === null ? null : JSON.parse(row.custom_reminders)
  const recipients: readonly RecipientRef[] = JSON.parse(row.recipients)
  return {
    organizationId: row.organization_id,
    appointmentId: row.appointment_id,
    startsAt: new Date(row.starts_at),
    localStart: row.local_start,
    timeZone: row.time_zone,
    customReminders,
    status: row.status,
    cancelReason: row.cancel_reason,
    recipients,
    tzVersion: row.tz_version,
    revision: row.revision,
    lifecycleRevision: row.lifecycle_revision,
    ...answersOf(row),
  }
}

type StoredAnswer = Omit<PlanAnswer, 'at'> & { readonly at: number; readonly start: number }

/** Those for the start as it is: a library of the version before this one moves an appointment without knowing of them. */
export function decodeAnswers({
  answers,
  starts_at,
}: Pick<Row<'reminder_plans'>, 'answers' | 'starts_at'>): readonly PlanAnswer[] {
  if (answers === null) return []
  const stored: readonly StoredAnswer[] = JSON.parse(answers)
  return stored.flatMap(({ at, start, ...answer }) => (start === starts_at ? [{ ...answer, at: new Date(at) }] : []))
}

const answersOf = (row: Row<'reminder_plans'>): Pick<PlanRow, 'answers'> => {
  const answers = decodeAnswers(row)
  return answers.length === 0 ? {} : { answers }
}

export const encodeAnswers = (answers: readonly PlanAnswer[], starts_at: number): string =>
  JSON.stringify(answers.map((answer): StoredAnswer => ({ ...answer, at: answer.at.getTime(), start: starts_at })))

/** Parameters by the names of columns, whose values they are compared with; `until` is an instant by its own. */
export const encodeAhead = ({ organizationId, after, until, limit }: AheadQuery) => ({
  organizationId,
  starts_at: after.startsAt.getTime(),
  id: after.id,
  until: until.getTime(),
  limit,
})

export const decodePlanPart = (
  row: Pick<Row<'reminder_plans'>, 'organization_id' | 'appointment_id' | 'starts_at'> & { readonly plan_id: number },
): PlanPart => ({
  planId: row.plan_id,
  organizationId: row.organization_id,
  appointmentId: row.appointment_id,
  startsAt: new Date(row.starts_at),
})

export const decodeAhead = (row: Row<'reminder_plans'>): PlanAhead => ({
  plan: decodePlan(row),
  createdAt: new Date(row.created_at),
  place: { startsAt: new Date(row.starts_at), id: row.id },
})

/** Rows looked at for a page: most may be of appointments that are over, which must not make the page slow. */
export const plansAtOnce = 2000

/** After every row. */
export const endOfPlans = Number.MAX_SAFE_INTEGER

/** A page that is not full goes on after the rows that were looked at; where these were all, it is the last. */
export function pageOfPlans(rows: readonly Row<'reminder_plans'>[], limit: number, lastId: number): PlanPage {
  const last = rows.length < limit ? lastId : (rows.at(-1)?.id ?? lastId)
  return { plans: rows.map(decodePlan), cursor: last === endOfPlans ? null : String(last) }
}

export const encodePlan = (plan: PlanRow, at: Date) => ({
  starts_at: plan.startsAt.getTime(),
  local_start: plan.localStart,
  time_zone: plan.timeZone,
  custom_reminders: json(plan.customReminders),
  status: plan.status,
  cancel_reason: plan.cancelReason,
  recipients: JSON.stringify(plan.recipients),
  tz_version: plan.tzVersion,
  revision: plan.revision,
  lifecycle_revision: plan.lifecycleRevision,
  updated_at: at.getTime(),
})

export function decodeDecision(row: Row<'notification_decisions'>): DecisionRecord {
  const entries: readonly DecisionEntry[] = JSON.parse(row.entries)
  return {
    id: row.id,
    organizationId: row.organization_id,
    appointmentId: row.appointment_id,
    waitlistEntryId: row.waitlist_entry_id,
    at: new Date(row.at),
    entries,
  }
}
