import pg from 'pg'

export type Ledger = {
  /** Reminders that are not over yet. */
  readonly open: () => Promise<number>
  /** How many reminders ended how. */
  readonly statuses: () => Promise<Readonly<Record<string, number>>>
  /** Deliveries that needed more than one attempt, or of which it is not known what became of them. */
  readonly doubtful: () => Promise<number>
  /** Ends every connection of the workers, whatever it is doing. */
  readonly cut: () => Promise<void>
  readonly close: () => Promise<void>
}

/** The rows as they are in the database, read past the library. */
export function openLedger(url: string, schema: string): Ledger {
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  pool.on('error', () => {})
  const ask = async (sql: string): Promise<Record<string, unknown>[]> => (await pool.query(sql)).rows
  const reminders = `"${schema}".appointment_reminders`
  const count = async (sql: string): Promise<number> => Number((await ask(sql))[0]?.['count'])
  return {
    open: () => count(`select count(*) from ${reminders} where status = 'PENDING'`),
    async statuses() {
      const rows = await ask(`select status, count(*) from ${reminders} group by status`)
      return Object.fromEntries(rows.map((row) => [String(row['status']), Number(row['count'])]))
    },
    doubtful: () =>
      count(
        `select count(*) from "${schema}".notification_history where attempts > 1 or unknown_outcomes > 0 or delivery_state = 'unknown'`,
      ),
    async cut() {
      await ask(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'appointment-notifications'`,
      )
    },
    close: () => pool.end(),
  }
}
