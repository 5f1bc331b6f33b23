import { randomUUID } from 'node:crypto'
import Database from 'better-sqlite3'
import type { Creation } from './bodies.ts'

/** Everything that must survive a crash: tasks, their runs, and callbacks that are not yet accepted. Times are in ms. */
const schema = `
  CREATE TABLE IF NOT EXISTS tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    idempotency_key TEXT UNIQUE,
    body_digest TEXT NOT NULL,
    name TEXT NOT NULL, description TEXT NOT NULL, task_type TEXT NOT NULL, payload TEXT NOT NULL,
    scheduled_time INTEGER NOT NULL, callback_url TEXT NOT NULL, max_retries INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    run_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    execution_id INTEGER,
    started_at INTEGER, finished_at INTEGER, error TEXT, result TEXT,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
  );
  CREATE INDEX IF NOT EXISTS tasks_to_run ON tasks (run_at) WHERE status = 'pending';
  CREATE TABLE IF NOT EXISTS executions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id INTEGER NOT NULL REFERENCES tasks(id),
    started_at INTEGER NOT NULL, finished_at INTEGER,
    outcome TEXT CHECK (outcome IN ('success', 'failed', 'lost')), error TEXT
  );
  CREATE TABLE IF NOT EXISTS callbacks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id INTEGER NOT NULL REFERENCES tasks(id),
    url TEXT NOT NULL, body TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sending', 'taken', 'refused')),
    send_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT
  );
  CREATE INDEX IF NOT EXISTS callbacks_to_send ON callbacks (send_at) WHERE state = 'waiting';
`

export type TaskStatus = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled'
export type TaskRow = {
  id: number
  idempotency_key: string | null
  body_digest: string
  name: string
  description: string
  task_type: string
  payload: string
  scheduled_time: number
  callback_url: string
  max_retries: number
  /** The Message-ID of the mail that the task sends: made with the task, so that a run after a crash uses the same one. */
  message_id: string
  status: TaskStatus
  run_at: number
  attempts: number
  execution_id: number | null
  started_at: number | null
  finished_at: number | null
  error: string | null
  result: string | null
  created_at: number
  updated_at: number
}
export type CallbackRow = { id: number; task_id: number; url: string; body: string; attempts: number }

/** The result of a run. `runAt`: it failed, and when it is tried again. */
export type Finish = {
  readonly outcome: 'success' | 'failed'
  readonly result: object | null
  readonly error: string | null
  readonly runAt: number | null
  readonly callbackBody: object
}

export type TaskDatabase = ReturnType<typeof openTaskDatabase>

/** Every method is one transaction, on disk before it returns. */
export function openTaskDatabase(file: string) {
  const database = new Database(file)
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.exec(schema)

  const insert = database.prepare<object[], TaskRow>(`
    INSERT INTO tasks (idempotency_key, body_digest, name, description, task_type, payload, scheduled_time, callback_url,
      max_retries, message_id, run_at, created_at, updated_at)
    VALUES (@key, @digest, @name, @description, @task_type, @payload, @at, @callback_url, @max_retries, @messageId, @at, @now, @now)
    RETURNING *`)
  const byKey = database.prepare<[string], TaskRow>('SELECT * FROM tasks WHERE idempotency_key = ?')
  const byId = database.prepare<[number], TaskRow>('SELECT * FROM tasks WHERE id = ?')
  const page = database.prepare<[number, string | null, string | null, number], TaskRow>(
    'SELECT * FROM tasks WHERE id > ? AND (? IS NULL OR status = ?) ORDER BY id LIMIT ?',
  )
  const update = database.prepare<object[], TaskRow>(`
    UPDATE tasks SET name = @name, description = @description, task_type = @task_type, payload = @payload, scheduled_time = @at,
      run_at = @at, callback_url = @callback_url, max_retries = @max_retries, updated_at = @now
    WHERE id = @id AND status = 'pending' RETURNING *`)
  const cancel = database.prepare<[number, number, number], TaskRow>(
    `UPDATE tasks SET status = 'cancelled', finished_at = ?, updated_at = ? WHERE id = ? AND status = 'pending' RETURNING *`,
  )
  const due = database.prepare<[number, number], { id: number }>(
    `SELECT id FROM tasks WHERE status = 'pending' AND run_at <= ? ORDER BY run_at, id LIMIT ?`,
  )
  const nextRun = database.prepare<[], { at: number | null }>(
    `SELECT min(run_at) AS at FROM tasks WHERE status = 'pending'`,
  )
  const addExecution = database.prepare<[number, number]>('INSERT INTO executions (task_id, started_at) VALUES (?, ?)')
  const begin = database.prepare<object[], TaskRow>(`
    UPDATE tasks SET status = 'running', attempts = attempts + 1, execution_id = @executionId, started_at = @now,
      finished_at = NULL, updated_at = @now
    WHERE id = @id RETURNING *`)
  const endExecution = database.prepare<[number, string, string | null, number | null]>(
    'UPDATE executions SET finished_at = ?, outcome = ?, error = ? WHERE id = ?',
  )
  const end = database.prepare<object[]>(`
    UPDATE tasks SET status = @status, run_at = coalesce(@runAt, run_at), finished_at = @now, error = @error, result = @result,
      updated_at = @now
    WHERE id = @id`)
  const addCallback = database.prepare<[number, string, string, number]>(
    'INSERT INTO callbacks (task_id, url, body, send_at) VALUES (?, ?, ?, ?)',
  )
  const takeCallbacks = database.prepare<[number, number], CallbackRow>(`
    UPDATE callbacks SET state = 'sending', attempts = attempts + 1
    WHERE id IN (SELECT id FROM callbacks WHERE state = 'waiting' AND send_at <= ? ORDER BY send_at, id LIMIT ?) RETURNING *`)
  const nextCallback = database.prepare<[], { at: number | null }>(
    `SELECT min(send_at) AS at FROM callbacks WHERE state = 'waiting'`,
  )
  const settleCallback = database.prepare<[string, number, string | null, number]>(
    'UPDATE callbacks SET state = ?, send_at = ?, last_error = ? WHERE id = ?',
  )
  const counts = database.prepare<[], { pending: number; running: number; callbacks: number }>(`
    SELECT (SELECT count(*) FROM tasks WHERE status = 'pending') AS pending,
      (SELECT count(*) FROM tasks WHERE status = 'running') AS running,
      (SELECT count(*) FROM callbacks WHERE state IN ('waiting', 'sending')) AS callbacks`)

  const columns = (body: Creation, now: number) => ({
    ...body,
    payload: JSON.stringify(body.payload),
    at: Date.parse(body.scheduled_time),
    now,
  })

  return {
    /** The task, and whether it is new: with one key, a task is created once. */
    create: database.transaction((body: Creation, key: string | null, digest: string, domain: string, now: number) => {
      const known = key === null ? undefined : byKey.get(key)
      if (known !== undefined) return { task: known, isNew: false }
      const messageId = `<${randomUUID()}@${domain}>`
      const task = insert.get({ ...columns(body, now), key, digest, messageId })
      if (task === undefined) throw new Error('the task was not stored')
      return { task, isNew: true }
    }),
    get: (id: number): TaskRow | undefined => byId.get(id),
    list: (after: number, status: TaskStatus | null, limit: number): TaskRow[] =>
      page.all(after, status, status, limit),
    /** Undefined: it is not pending. */
    change: (id: number, body: Creation, now: number): TaskRow | undefined => update.get({ ...columns(body, now), id }),
    /** Undefined: it is not pending. */
    cancel: (id: number, now: number): TaskRow | undefined => cancel.get(now, now, id),

    nextRunAt: (): number | null => nextRun.get()?.at ?? null,
    /** Takes tasks that are due, and marks them as running. */
    begin: database.transaction((now: number, limit: number): TaskRow[] =>
      due.all(now, limit).flatMap(({ id }) => {
        const executionId = Number(addExecution.run(id, now).lastInsertRowid)
        return begin.get({ id, executionId, now }) ?? []
      }),
    ),
    /** Stores the end of a run, and the callback that reports it. */
    finish: database.transaction((task: TaskRow, finish: Finish, now: number) => {
      const { outcome, error, result, runAt, callbackBody } = finish
      endExecution.run(now, outcome, error, task.execution_id)
      const status = runAt !== null ? 'pending' : outcome === 'success' ? 'completed' : 'failed'
      end.run({ id: task.id, status, runAt, now, error, result: result === null ? null : JSON.stringify(result) })
      addCallback.run(task.id, task.callback_url, JSON.stringify(callbackBody), now)
    }),

    nextCallbackAt: (): number | null => nextCallback.get()?.at ?? null,
    takeCallbacks: (now: number, limit: number): CallbackRow[] => takeCallbacks.all(now, limit),
    /** `sendAt`: when to try again. Null: it was accepted, or refused for good. */
    settleCallback: ({ id }: CallbackRow, error: string | null, sendAt: number | null) => {
      const state = sendAt !== null ? 'waiting' : error === null ? 'taken' : 'refused'
      settleCallback.run(state, sendAt ?? 0, error, id)
    },

    /** After a crash, what was running is due again. A mail that had been sent is sent again with the same Message-ID. */
    recover: database.transaction((now: number) => {
      database.prepare(`UPDATE executions SET finished_at = ?, outcome = 'lost' WHERE outcome IS NULL`).run(now)
      database.prepare(`UPDATE tasks SET status = 'pending', run_at = ? WHERE status = 'running'`).run(now)
      database.prepare(`UPDATE callbacks SET state = 'waiting', send_at = ? WHERE state = 'sending'`).run(now)
    }),
    counts: () => counts.get() ?? { pending: 0, running: 0, callbacks: 0 },
    close: () => database.close(),
  }
}
