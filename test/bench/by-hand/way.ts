/** What both ways of doing the job by hand have in common. */
import type pg from 'pg'
import type { DueReminder, Facts, Message } from './reminders.ts'
import { factColumns, factJoins, messageOf, refusal } from './reminders.ts'

export type Db = pg.Pool | pg.PoolClient

/** What was done to a reminder, and has to be done to its job. */
export type Change = { readonly id: number; readonly at: Date; readonly change: 'planned' | 'moved' | 'cancelled' }

/** A statement that changes reminders. `changes` are its CTEs; the last is named so, and has the columns of `Change`. */
export type Step = { readonly name: string; readonly changes: string; readonly values: unknown[] }

export type Way = {
  readonly name: 'usual' | 'careful'
  /** Added to the documented tables. */
  readonly tables: string
  /** Whether its reads lock, so that reading and changing are one transaction. */
  readonly locks: boolean
  readonly plan: (db: Db, ids: readonly number[], now: Date) => Promise<Step>
  /** To where the appointment is now. */
  readonly move: (db: Db, id: number) => Promise<Step>
  readonly cancel: (id: number) => Step
  /** What is long due and may have no job; null for a way that does not ask. Its columns are those of `Change`. */
  readonly overdue: string | null
  /** Sends the reminders of these jobs. @throws when some could not be sent, so that their jobs are tried again. */
  readonly send: (pool: pg.Pool, ids: readonly number[], deliver: Deliver) => Promise<void>
}

export type Deliver = (message: Message) => Promise<unknown>

/** Reads about appointments; `before` are CTEs, `after` follows the conditions. */
export async function readFacts(db: Db, ids: readonly number[], before = '', after = ''): Promise<readonly Facts[]> {
  const { rows } = await db.query<Facts>({
    name: 'facts',
    text: `${before} select ${factColumns} from appointments a ${factJoins} where a.id = any($1::int[]) ${after}`,
    values: [ids],
  })
  return rows
}

type Attempt = { readonly message: Message | null; readonly error: string | null }
/** `again`: could not be sent, and is to be tried again. */
export type Outcome = Attempt & {
  readonly row: DueReminder
  readonly status: 'SENT' | 'FAILED' | 'CANCELLED' | 'again'
}

/** Checks, renders and sends each reminder, all at once. */
export const attempt = (rows: readonly DueReminder[], deliver: Deliver): Promise<Outcome[]> =>
  Promise.all(
    rows.map(async (row): Promise<Outcome> => {
      const why = refusal(row)
      if (why !== null) return { row, status: 'CANCELLED', message: null, error: why }
      const message = messageOf(row)
      try {
        await deliver(message)
        return { row, status: 'SENT', message, error: null }
      } catch (error) {
        return { row, status: 'again', message, error: String(error) }
      }
    }),
  )

/** Outcomes as rows, from parameters 1 to 8. */
export const done = `done as (select * from unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
  $7::text[], $8::int[]) as d (id, outcome, error, subject, message, email, phone, patient_id))`
export function valuesOf(outcomes: readonly Outcome[]): unknown[] {
  const column = <T>(get: (outcome: Outcome) => T) => outcomes.map(get)
  return [
    column(({ row }) => row.id),
    column(({ status }) => (status === 'again' ? 'PENDING' : status)),
    column(({ error }) => error),
    column(({ message }) => message?.subject ?? null),
    column(({ message }) => message?.text ?? null),
    column(({ message }) => (message?.channel === 'EMAIL' ? message.to : null)),
    column(({ message }) => (message?.channel === 'SMS' ? message.to : null)),
    column(({ row }) => row.patient_id),
  ]
}

/** What `recorded` returned and was sent, or given up, as history. */
export const writeHistory = (columns: string) => `insert into notification_history (notification_type,
  notification_category, recipient_type, recipient_id, recipient_email, recipient_phone, subject, message, status,
  error_message, appointment_id)
  select reminder_type, 'REMINDER', 'PATIENT', patient_id, email, phone, subject, message, outcome, error, appointment_id
  from ${columns} where outcome in ('SENT', 'FAILED')`

export function throwIfAgain(outcomes: readonly Outcome[]): void {
  const again = outcomes.find(({ status }) => status === 'again')
  if (again !== undefined) throw new Error(`reminder ${again.row.id}: ${again.error}`)
}
