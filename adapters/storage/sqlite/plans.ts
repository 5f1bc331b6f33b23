import type { PlanQueries, ReplanPage } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import type { Commands, Tx } from './engine.ts'

function replanPage({ statements: { plans } }: Tx, now: Date, limit: number): ReplanPage | null {
  const job = plans.oldestJob.get({})
  if (job === undefined) return null
  const { organization_id: organizationId, cursor, recipient_type: recipientType, recipient_id: recipientId } = job
  const page = { organizationId, cursor, now: now.getTime(), limit }
  if (recipientType === null || recipientId === null) {
    const lastId = plans.lastOfOrganization.get({ organizationId, cursor })?.id ?? records.endOfPlans
    return { jobId: job.id, ...records.pageOfPlans(plans.pageOfOrganization.all({ ...page, lastId }), limit, lastId) }
  }
  const recipient = { recipientType, recipientId }
  const lastId = plans.lastOfRecipient.get({ ...recipient, cursor })?.id ?? records.endOfPlans
  return {
    jobId: job.id,
    ...records.pageOfPlans(plans.pageOfRecipient.all({ ...page, ...recipient, lastId }), limit, lastId),
  }
}

export const planStore = (engine: Commands): PlanQueries => ({
  get: (organizationId, appointmentId) =>
    engine.read((tx) => {
      const row = tx.statements.plans.get.get({ organizationId, appointmentId: tx.ids('appointment', appointmentId) })
      return row === undefined ? null : records.decodePlan(row)
    }),
  find: (appointmentIds) =>
    engine.read((tx) => {
      const unique = new Set(appointmentIds.map((id) => tx.ids('appointment', id)))
      return tx.statements.plans.ofAppointments
        .all({ appointmentIds: JSON.stringify([...unique]) })
        .map(records.decodePlan)
    }),
  upcoming: (now, cursor, limit) =>
    engine.read(({ statements: { plans } }) => {
      const after = Number(cursor ?? 0)
      const lastId = plans.lastOfUpcoming.get({ cursor: after })?.id ?? records.endOfPlans
      const page = { now: now.getTime(), cursor: after, lastId, limit }
      return records.pageOfPlans(plans.pageOfUpcoming.all(page), limit, lastId)
    }),
  ahead: (query) =>
    engine.read(({ statements: { plans } }) => plans.ahead.all(records.encodeAhead(query)).map(records.decodeAhead)),
  nextReplanPage: (now, limit) => engine.snapshot((tx) => replanPage(tx, now, limit)),
  advanceReplan: (jobId, cursor) =>
    engine.write((tx) => {
      if (cursor === null) tx.statements.plans.endJob.run({ id: jobId })
      else tx.statements.plans.advanceJob.run({ id: jobId, cursor: Number(cursor) })
    }),
})
