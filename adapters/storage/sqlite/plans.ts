import { type PlanStore, type ReplanPage, systemActor } from '../../../src/index.ts'
import { decodePlan, pageOfPlans } from '../kysely/codecs/plans.ts'
import { applyPlans } from '../kysely/commands/apply-plan.ts'
import { forgetAppointment, forgetRecipient } from '../kysely/commands/forget.ts'
import type { Commands, Tx } from './engine.ts'

function replanPage(tx: Tx, now: Date, limit: number): ReplanPage | null {
  const job = tx.statements.plans.oldestJob.get({})
  if (job === undefined) return null
  const page = { organizationId: job.organization_id, cursor: job.cursor, now: now.getTime(), limit }
  const rows =
    job.recipient_type === null || job.recipient_id === null
      ? tx.statements.plans.pageOfOrganization.all(page)
      : tx.statements.plans.pageOfRecipient.all({
          ...page,
          recipientType: job.recipient_type,
          recipientId: job.recipient_id,
        })
  return { jobId: job.id, ...pageOfPlans(rows, limit) }
}

export const planStore = (engine: Commands): PlanStore => ({
  get: (organizationId, appointmentId) =>
    engine.read((tx) => {
      const row = tx.statements.plans.get.get({ organizationId, appointmentId: tx.ids('appointment', appointmentId) })
      return row === undefined ? null : decodePlan(row)
    }),
  find: (appointmentIds) =>
    engine.read((tx) => {
      const unique = new Set(appointmentIds.map((id) => tx.ids('appointment', id)))
      return tx.statements.plans.ofAppointments.all({ appointmentIds: JSON.stringify([...unique]) }).map(decodePlan)
    }),
  apply: (commands) => engine.write((tx) => applyPlans(tx, commands)),
  forgetAppointment: (...args) => engine.write((tx) => forgetAppointment(tx, ...args)),
  forgetRecipient: (recipient, at, by = systemActor) => engine.write((tx) => forgetRecipient(tx, recipient, at, by)),
  upcoming: (now, cursor, limit) =>
    engine.read((tx) => {
      const page = { now: now.getTime(), cursor: Number(cursor ?? 0), limit }
      return pageOfPlans(tx.statements.plans.pageOfUpcoming.all(page), limit)
    }),
  nextReplanPage: (now, limit) => engine.snapshot((tx) => replanPage(tx, now, limit)),
  advanceReplan: (jobId, cursor) =>
    engine.write((tx) => {
      if (cursor === null) tx.statements.plans.endJob.run({ id: jobId })
      else tx.statements.plans.advanceJob.run({ id: jobId, cursor: Number(cursor) })
    }),
})
