import { z } from 'zod'
import type { TaskRow } from './database.ts'

const common = {
  name: z.string().min(1).max(255),
  description: z.string().max(2000).default(''),
  scheduled_time: z.iso.datetime({ offset: true }),
  callback_url: z.url({ protocol: /^https?$/ }).max(2000),
  max_retries: z.int().min(0).max(100).default(3),
}

/** The body that creates a task. Further fields of the payload are kept. */
export const creation = z.discriminatedUnion('task_type', [
  z.object({
    ...common,
    task_type: z.literal('email'),
    payload: z.looseObject({
      recipient_email: z.email().max(255),
      subject: z.string().max(998).nullish(),
      message: z.string().min(1),
    }),
  }),
  z.object({
    ...common,
    task_type: z.literal('sms'),
    payload: z.looseObject({ recipient_phone: z.string().regex(/^\+[1-9]\d{6,14}$/), message: z.string().min(1) }),
  }),
  // Sends nothing: only its callback is called, at its time.
  z.object({ ...common, task_type: z.literal('callback'), payload: z.looseObject({}).default({}) }),
])
export type Creation = z.infer<typeof creation>

/** The body that changes a task: some fields of the body that creates one. */
export const changes = z.object({
  ...z.object(common).partial().shape,
  description: z.string().optional(),
  max_retries: z.int().optional(),
  task_type: z.string().optional(),
  payload: z.looseObject({}).optional(),
})

export const listQuery = z.object({
  status: z.enum(['pending', 'running', 'completed', 'failed', 'cancelled']).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z.coerce.number().int().min(0).default(0),
})

const instant = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString())

/** A stored task as the body that would create it. */
export const draftOf = (row: TaskRow) => ({
  name: row.name,
  description: row.description,
  task_type: row.task_type,
  payload: JSON.parse(row.payload),
  scheduled_time: new Date(row.scheduled_time).toISOString(),
  callback_url: row.callback_url,
  max_retries: row.max_retries,
})

/** A task as returned in responses. */
export const taskOf = (row: TaskRow) => ({
  id: row.id,
  ...draftOf(row),
  status: row.status,
  execution_id: row.execution_id,
  attempts: row.attempts,
  retries_left: row.status === 'pending' || row.status === 'running' ? retriesLeft(row) : 0,
  started_at: instant(row.started_at),
  finished_at: instant(row.finished_at),
  error: row.error,
  result: row.result === null ? null : JSON.parse(row.result),
  created_at: instant(row.created_at),
  updated_at: instant(row.updated_at),
})

export const retriesLeft = ({ max_retries, attempts }: Pick<TaskRow, 'max_retries' | 'attempts'>): number =>
  Math.max(0, max_retries + 1 - attempts)
