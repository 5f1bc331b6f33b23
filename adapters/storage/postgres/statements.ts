import type { EntityId } from '../../../src/index.ts'
import type { CommandStatements } from '../kysely/commands/tx.ts'
import type { RecordOf } from '../kysely/query.ts'
import type { RowSet } from './row-set.ts'
import { dedupeKey, guardedKey, type IdTable, suppressionKey, type WorkingSet } from './working-set.ts'

/** Gives an id that the database set aside for this table. */
export type NextId = (table: IdTable) => number

const changed = (id: number) => ({ changes: 1, id })
const unchanged = { changes: 0, id: 0 }

const open: ReadonlySet<string> = new Set(['queued', 'sending', 'handed_over'])
const lifecycle: ReadonlySet<string> = new Set(['CONFIRMATION', 'RESCHEDULE', 'CANCELLATION'])

/** What no insert names: it comes later, or from TaskManager. */
const unnamed = {
  reason: null,
  sent_at: null,
  held_at: null,
  task_manager_task_id: null,
  task_manager_execution_id: null,
} as const

/** Writes the columns it is given to the row with this id, if the row is there and qualifies. */
const updater = <Row extends { readonly id: number }>(rows: RowSet<Row>, qualifies?: (row: Row) => boolean) => ({
  run(change: Partial<Row> & { readonly id: number }) {
    const row = rows.get(change.id)
    if (row === undefined || qualifies?.(row) === false) return unchanged
    rows.update(change.id, change)
    return changed(change.id)
  },
})

/** A statement that only adds to what is to be written. */
const adder = <Row>(rows: Row[]) => ({
  run(row: Row) {
    rows.push(row)
    return changed(0)
  },
})

function planStatements(set: WorkingSet): CommandStatements['plans'] {
  const { plans } = set
  const find = (appointmentId: EntityId, organizationId: string) =>
    plans.of(appointmentId).find((row) => row.organization_id === organizationId)
  let temporaryId = 0
  return {
    get: { get: ({ appointmentId, organizationId }) => find(appointmentId, organizationId) },
    revision: { get: ({ appointmentId, organizationId }) => find(appointmentId, organizationId) },
    ofAppointments: {
      all({ appointmentIds }) {
        const ids: readonly EntityId[] = JSON.parse(appointmentIds)
        return ids.flatMap((id) => plans.of(id))
      },
    },
    ofRecipient: { all: () => set.planIdsOfRecipient.flatMap((id) => plans.get(id) ?? []) },
    insert: {
      run(row) {
        // The real id is given when the row is written: re-plans page by it, so it must not be older than the row.
        temporaryId -= 1
        plans.insert({ ...row, id: temporaryId })
        return changed(temporaryId)
      },
    },
    update: updater(plans),
    delete: {
      run({ id }) {
        plans.delete(id)
        return changed(id)
      },
    },
    link: adder(set.links),
    unlink: {
      run({ planId }) {
        set.unlinked.add(planId)
        const kept = set.links.filter((link) => link.plan_id !== planId)
        set.links.splice(0, set.links.length, ...kept)
        return changed(0)
      },
    },
    dropJob: { run: ({ scope }) => adder(set.droppedScopes).run(scope) },
    addJob: adder(set.jobs),
  }
}

function reminderStatements({ reminders }: WorkingSet, nextId: NextId): CommandStatements['reminders'] {
  return {
    get: { get: ({ id }) => reminders.get(id) },
    live: {
      all: ({ appointmentId, organizationId }) =>
        reminders.of(appointmentId).filter((row) => row.organization_id === organizationId && row.live !== null),
    },
    pendingOfAppointment: {
      all: ({ appointmentId }) => reminders.of(appointmentId).filter((row) => row.status === 'PENDING'),
    },
    insert: {
      run(row) {
        const id = nextId('appointment_reminders')
        const later = { subject: null, message: null, error_message: null, notification_id: null }
        reminders.insert({ ...unnamed, ...later, ...row, id })
        return changed(id)
      },
    },
    cancel: updater(reminders),
    claim: updater(reminders),
    retime: updater(reminders),
    text: updater(reminders),
    defer: updater(reminders),
    suspend: updater(reminders),
    finish: updater(reminders, (row) => row.status === 'PENDING'),
    correct: updater(reminders, (row) => row.status === 'SENT' || row.status === 'FAILED'),
  }
}

function deliveryStatements(set: WorkingSet, nextId: NextId): CommandStatements['deliveries'] {
  const { deliveries } = set
  return {
    get: { get: ({ id }) => deliveries.get(id) },
    state: { get: ({ id }) => deliveries.get(id) },
    held: {
      get({ id, fence }) {
        const row = deliveries.get(id)
        return row?.fence === fence && row.delivery_state === 'sending' ? row : undefined
      },
    },
    superseded: {
      all: ({ appointmentId, organizationId, recipientType, recipientId, channel, newId }) =>
        deliveries
          .of(appointmentId)
          .filter(
            (row) =>
              row.organization_id === organizationId &&
              row.recipient_type === recipientType &&
              row.recipient_id === recipientId &&
              row.notification_type === channel &&
              (row.delivery_state === 'queued' || row.delivery_state === 'handed_over') &&
              row.reason === null &&
              lifecycle.has(row.notification_category) &&
              row.id !== newId,
          ),
    },
    openOfAppointment: {
      all: ({ appointmentId }) => deliveries.of(appointmentId).filter((row) => open.has(row.delivery_state)),
    },
    openOfRecipient: {
      all: ({ recipientType, recipientId }) =>
        deliveries
          .all()
          .filter((row) => row.recipient_type === recipientType && row.recipient_id === recipientId)
          .filter((row) => open.has(row.delivery_state)),
    },
    insert: {
      run(row) {
        if (row.dedupe_key !== null) {
          const key = dedupeKey(row.organization_id, row.dedupe_key)
          if (set.dedupeKeys.has(key)) return unchanged
          set.dedupeKeys.add(key)
        }
        const id = nextId('notification_history')
        deliveries.insert({ ...unnamed, delivered_at: null, provider_message_id: null, ...row, id })
        return changed(id)
      },
    },
    claim: updater(deliveries),
    cancel: updater(deliveries),
    recall: updater(deliveries),
    text: updater(deliveries),
    fault: updater(deliveries),
    sent: updater(deliveries),
    defer: updater(deliveries),
    suspend: updater(deliveries),
    receive: updater(deliveries),
    identify: updater(deliveries),
    suppress: {
      run(row) {
        const key = suppressionKey(row)
        if (set.suppressed.has(key)) return unchanged
        set.suppressed.add(key)
        set.suppressions.push(row)
        return changed(0)
      },
    },
  }
}

/** A row that is touched twice is looked at by the earlier time. */
const toucher = (touches: Map<number, number>, id: number, at: number) => {
  touches.set(id, Math.min(at, touches.get(id) ?? at))
  return changed(0)
}

function taskStatements(set: WorkingSet): CommandStatements['tasks'] {
  const { tasks, touches } = set
  return {
    get: { get: ({ id }) => tasks.get(id) },
    ofReminder: { get: ({ reminder_id }) => tasks.all().find((row) => row.reminder_id === reminder_id) },
    ofNotification: { get: ({ notification_id }) => tasks.of(notification_id)[0] },
    insert: adder(set.newTasks),
    update: updater(tasks),
    delete: {
      run({ id }) {
        tasks.delete(id)
        return changed(id)
      },
    },
    touchReminder: { run: ({ reminder_id, next_at }) => toucher(touches.reminders, reminder_id, next_at) },
    touchNotification: {
      run: ({ notification_id, next_at }) => toucher(touches.notifications, notification_id, next_at),
    },
    assignReminder: updater(set.reminders),
    assignDelivery: updater(set.deliveries),
  }
}

function settingsStatements({ settings, revisions }: WorkingSet, nextId: NextId): CommandStatements['settings'] {
  return {
    get: { get: ({ organizationId }) => settings.of(organizationId)[0] },
    revision: { get: ({ organizationId }) => revisions.get(guardedKey('ORGANIZATION', organizationId)) },
    insert: {
      run(row) {
        if (settings.of(row.organization_id).length > 0) return unchanged
        const id = nextId('notification_settings')
        settings.insert({ ...row, id })
        return changed(id)
      },
    },
    update: updater(settings),
  }
}

/** Patients and clients differ in the name of one column. */
function recipientStatements<Row extends { readonly id: number }>(rows: RowSet<Row>, idOf: (row: Row) => EntityId) {
  return {
    get: {
      all({ recipientIds }: { recipientIds: string }) {
        const ids: readonly EntityId[] = JSON.parse(recipientIds)
        return ids.flatMap((id) => rows.of(id)).map((row) => ({ ...row, recipient_id: idOf(row) }))
      },
    },
    update: updater(rows),
    delete: {
      run({ recipientId }: { recipientId: EntityId }) {
        for (const { id } of rows.of(recipientId)) rows.delete(id)
        return changed(0)
      },
    },
  }
}

function preferenceStatements(
  { patients, clients, revisions }: WorkingSet,
  nextId: NextId,
): CommandStatements['preferences'] {
  type Inserted<Row> = Omit<Row, 'id'>
  return {
    PATIENT: {
      ...recipientStatements(patients, (row) => row.patient_id),
      revision: { get: ({ recipientId }) => revisions.get(guardedKey('PATIENT', recipientId)) },
      insert: {
        run(row: Inserted<RecordOf<'patient_notification_preferences'>>) {
          if (patients.of(row.patient_id).length > 0) return unchanged
          const id = nextId('patient_notification_preferences')
          patients.insert({ ...row, id })
          return changed(id)
        },
      },
    },
    CLIENT: {
      ...recipientStatements(clients, (row) => row.client_id),
      revision: { get: ({ recipientId }) => revisions.get(guardedKey('CLIENT', recipientId)) },
      insert: {
        run(row: Inserted<RecordOf<'client_notification_preferences'>>) {
          if (clients.of(row.client_id).length > 0) return unchanged
          const id = nextId('client_notification_preferences')
          clients.insert({ ...row, id })
          return changed(id)
        },
      },
    },
  }
}

/** The statements of commands, carried out on the rows of a working set. */
export const statementsOn = (set: WorkingSet, nextId: NextId): CommandStatements => ({
  plans: planStatements(set),
  reminders: reminderStatements(set, nextId),
  deliveries: deliveryStatements(set, nextId),
  settings: settingsStatements(set, nextId),
  preferences: preferenceStatements(set, nextId),
  accounts: { wait: adder(set.waiting) },
  decisions: { insert: adder(set.decisions) },
  audit: { insert: adder(set.audit) },
  statistics: {
    count: adder(set.counts),
    metered: {
      get({ organizationId }) {
        const count = set.metered.get(organizationId)
        return count === undefined ? undefined : { count }
      },
    },
    outcome: { get: () => set.recorded[0] },
    recordOutcome: adder(set.outcomes),
  },
  tasks: taskStatements(set),
})
