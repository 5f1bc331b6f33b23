import Database from 'better-sqlite3'

export type ReminderFact = {
  readonly id: number
  readonly appointmentId: number
  readonly status: string
  readonly reason: string | null
  readonly error: string | null
}
export type DeliveryFact = {
  readonly reminderId: number
  readonly appointmentId: number
  readonly status: string | null
  readonly state: string
  readonly provider: string | null
  readonly messageId: string | null
  readonly error: string | null
  readonly updatedAt: number
}
export type Evidence = {
  /** What is still to happen. */
  readonly open: number
  readonly reminders: readonly ReminderFact[]
  readonly deliveries: readonly DeliveryFact[]
  /** Rules of decisions, by how often. */
  readonly rules: Readonly<Record<string, number>>
  readonly tasksLeft: number
}

/** The rows as they are in the database, read past the library. */
export function readEvidence(path: string): Evidence {
  const database = new Database(path, { readonly: true, timeout: 5000 })
  const rows = <Row>(sql: string): Row[] => database.prepare<[], Row>(sql).all()
  try {
    const reminders = rows<ReminderFact>(
      `select id, appointment_id as appointmentId, status, reason, error_message as error from appointment_reminders`,
    )
    const deliveries = rows<DeliveryFact>(
      `select reminder_id as reminderId, appointment_id as appointmentId, status, delivery_state as state, provider,
         provider_message_id as messageId, error_message as error, updated_at as updatedAt from notification_history`,
    )
    const decided = rows<{ rule: string; count: number }>(
      `select entry.value ->> 'rule' as rule, count(*) as count from notification_decisions, json_each(entries) as entry
       group by 1`,
    )
    const isOpen = ({ state }: DeliveryFact) => ['queued', 'sending', 'handed_over'].includes(state)
    return {
      open: reminders.filter(({ status }) => status === 'PENDING').length + deliveries.filter(isOpen).length,
      reminders,
      deliveries,
      rules: Object.fromEntries(decided.map(({ rule, count }) => [rule, count])),
      tasksLeft: rows<{ count: number }>('select count(*) as count from task_manager_tasks')[0]?.count ?? 0,
    }
  } finally {
    database.close()
  }
}
