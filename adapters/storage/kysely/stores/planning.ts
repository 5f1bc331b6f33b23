import type {
  DecisionQueries,
  PlanQueries,
  ReminderRow,
  ReminderStore,
  ReplanPage,
  SettingsQueries,
} from '../../../../src/index.ts'
import * as records from '../../../../src/records/index.ts'
import { heldAfter } from '../held.ts'
import type { Mode } from '../query.ts'
import type { Runner, Steps, Tools, Wait } from '../runner.ts'

export const planQueries = <M extends Mode>({
  all,
  first,
  read,
  change,
}: Runner<M>): Omit<PlanQueries, 'find' | 'nextReplanPage'> => ({
  get: (organization_id, appointmentId) =>
    first(
      ({ plans }, { ids }) => [plans.get, { organization_id, appointment_id: ids('appointment', appointmentId) }],
      records.decodePlan,
    ),
  upcoming: (now, cursor, limit) =>
    read(function* ({ bind, statements: { plans } }, wait) {
      const after = Number(cursor ?? 0)
      const lastId = (yield* wait(bind(plans.lastOfUpcoming).get({ cursor: after })))?.id ?? records.endOfPlans
      const page = { now: now.getTime(), cursor: after, lastId, limit }
      return records.pageOfPlans(yield* wait(bind(plans.pageOfUpcoming).all(page)), limit, lastId)
    }),
  ahead: (query) => all(({ plans }) => [plans.ahead, records.encodeAhead(query)], records.decodeAhead),
  advanceReplan: async (id, cursor) => {
    if (cursor === null) await change(({ plans }) => [plans.endJob, { id }])
    else await change(({ plans }) => [plans.advanceJob, { id, cursor: Number(cursor) }])
  },
})

/** Of the oldest job; null: there is none. */
export function* replanPage<M extends Mode>(
  { bind, statements: { plans } }: Tools<M>,
  wait: Wait<M>,
  now: Date,
  limit: number,
): Steps<ReplanPage | null> {
  const job = yield* wait(bind(plans.oldestJob).get({}))
  if (job === undefined) return null
  const { organization_id: organizationId, cursor, recipient_type: recipientType, recipient_id: recipientId } = job
  const page = { organizationId, cursor, now: now.getTime(), limit }
  if (recipientType === null || recipientId === null) {
    const last = yield* wait(bind(plans.lastOfOrganization).get({ organizationId, cursor }))
    const lastId = last?.id ?? records.endOfPlans
    const found = yield* wait(bind(plans.pageOfOrganization).all({ ...page, lastId }))
    return { jobId: job.id, ...records.pageOfPlans(found, limit, lastId) }
  }
  const recipient = { recipientType, recipientId }
  const lastId = (yield* wait(bind(plans.lastOfRecipient).get({ ...recipient, cursor })))?.id ?? records.endOfPlans
  const found = yield* wait(bind(plans.pageOfRecipient).all({ ...page, ...recipient, lastId }))
  return { jobId: job.id, ...records.pageOfPlans(found, limit, lastId) }
}

export const reminderQueries = <M extends Mode>({
  all,
  first,
  read,
}: Runner<M>): Pick<ReminderStore, 'get' | 'suspended' | 'ofPeople'> => ({
  get: (id) => first(({ reminders }) => [reminders.get, { id }], records.decodeReminder),
  suspended: (after, limit) =>
    all(({ reminders }) => [reminders.suspended, heldAfter(after, limit)], records.decodeReminder),
  ofPeople: (people, now, until) =>
    read(function* ({ bind, statements, ids }, wait) {
      const found: ReminderRow[] = []
      for (const { organizationId, recipient } of people) {
        const { type, id } = recipient
        const of = { organizationId, type, id: ids('recipient', id), now: now.getTime(), until: until.getTime() }
        for (const row of yield* wait(bind(statements.reminders.ofPerson).all(of)))
          found.push(records.decodeReminder(row))
      }
      return found
    }),
})

export const settingsQueries = <M extends Mode>({ all, first }: Runner<M>): Omit<SettingsQueries, 'get'> => ({
  list: (after, limit) =>
    all(({ settings }) => [settings.page, { organization_id: after ?? '', limit }], records.decodeSettings),
  byAccountKey: (account_key) =>
    first(({ settings }) => [settings.byAccountKey, { account_key }], records.decodeSettings),
})

export const decisionQueries = <M extends Mode>({ all }: Runner<M>): DecisionQueries => ({
  list: (organizationId, appointmentId) =>
    all(
      ({ decisions }, { ids }) => [
        decisions.list,
        { organizationId, appointmentId: ids('appointment', appointmentId) },
      ],
      records.decodeDecision,
    ),
})
