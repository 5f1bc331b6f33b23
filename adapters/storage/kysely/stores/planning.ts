import type {
  DecisionQueries,
  PlanQueries,
  ReminderRow,
  ReminderStore,
  SettingsQueries,
} from '../../../../src/index.ts'
import * as records from '../../../../src/records/index.ts'
import { heldAfter } from '../held.ts'
import type { Mode } from '../query.ts'
import type { Runner } from '../runner.ts'

export const planQueries = <M extends Mode>({
  all,
  first,
  read,
  change,
}: Runner<M>): Omit<PlanQueries, 'find' | 'nextReplanPage'> => ({
  get: (organizationId, appointmentId) =>
    first(
      ({ statements, ids }) =>
        statements.plans.get.get({ organizationId, appointmentId: ids('appointment', appointmentId) }),
      records.decodePlan,
    ),
  upcoming: (now, cursor, limit) =>
    read(function* ({ statements: { plans } }, wait) {
      const after = Number(cursor ?? 0)
      const lastId = (yield* wait(plans.lastOfUpcoming.get({ cursor: after })))?.id ?? records.endOfPlans
      const page = { now: now.getTime(), cursor: after, lastId, limit }
      return records.pageOfPlans(yield* wait(plans.pageOfUpcoming.all(page)), limit, lastId)
    }),
  ahead: (query) =>
    all(({ statements }) => statements.plans.ahead.all(records.encodeAhead(query)), records.decodeAhead),
  advanceReplan: async (id, cursor) => {
    await change(({ statements: { plans } }) =>
      cursor === null ? plans.endJob.run({ id }) : plans.advanceJob.run({ id, cursor: Number(cursor) }),
    )
  },
})

export const reminderQueries = <M extends Mode>({
  all,
  first,
  read,
}: Runner<M>): Pick<ReminderStore, 'get' | 'suspended' | 'ofPeople'> => ({
  get: (id) => first(({ statements }) => statements.reminders.get.get({ id }), records.decodeReminder),
  suspended: (after, limit) =>
    all(({ statements }) => statements.reminders.suspended.all(heldAfter(after, limit)), records.decodeReminder),
  ofPeople: (people, now, until) =>
    read(function* ({ statements, ids }, wait) {
      const found: ReminderRow[] = []
      for (const { organizationId, recipient } of people) {
        const { type, id } = recipient
        const of = { organizationId, type, id: ids('recipient', id), now: now.getTime(), until: until.getTime() }
        for (const row of yield* wait(statements.reminders.ofPerson.all(of))) found.push(records.decodeReminder(row))
      }
      return found
    }),
})

export const settingsQueries = <M extends Mode>({ all, first }: Runner<M>): Omit<SettingsQueries, 'get'> => ({
  list: (after, limit) =>
    all(({ statements }) => statements.settings.page.all({ after: after ?? '', limit }), records.decodeSettings),
  byAccountKey: (accountKey) =>
    first(({ statements }) => statements.settings.byAccountKey.get({ accountKey }), records.decodeSettings),
})

export const decisionQueries = <M extends Mode>({ all }: Runner<M>): DecisionQueries => ({
  list: (organizationId, appointmentId) =>
    all(
      ({ statements, ids }) =>
        statements.decisions.list.all({ organizationId, appointmentId: ids('appointment', appointmentId) }),
      records.decodeDecision,
    ),
})
