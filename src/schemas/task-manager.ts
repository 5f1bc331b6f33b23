import { z } from 'zod'
import { singleLine } from './common.ts'

/** How the work is shared with TaskManager: the option `taskManager.mode`. */
export const taskManagerModes = ['deliver', 'trigger'] as const
/**
 * How the work is shared with TaskManager (option `taskManager.mode`). `deliver`: TaskManager sends the messages. `trigger`:
 * it only wakes the library, which sends.
 */
export type TaskManagerMode = (typeof taskManagerModes)[number]

/** The provider, in history and statistics, of what was handed over to TaskManager. */
export const taskManagerProvider = 'task_manager'

/**
 * Where a task stands, in TaskManager's own words and those of its kind. A word that is not in the table is `unknown`,
 * on which nothing is decided.
 */
const statusWords = {
  pending: ['pending', 'scheduled', 'queued', 'created', 'waiting', 'retry', 'retrying'],
  running: ['running', 'started', 'in_progress', 'processing', 'executing'],
  completed: ['completed', 'complete', 'success', 'succeeded', 'done', 'sent', 'delivered'],
  failed: ['failed', 'failure', 'error', 'timeout', 'timed_out', 'dead'],
  cancelled: ['cancelled', 'canceled', 'revoked', 'deleted'],
} as const

/** Status of a task. Words that TaskManager uses and the library does not know are `unknown`. */
export const taskStatuses = ['pending', 'running', 'completed', 'failed', 'cancelled', 'unknown'] as const
/** Status of a task. Words that TaskManager uses and the library does not know are `unknown`. */
export type TaskStatus = (typeof taskStatuses)[number]

const statusOfWord: ReadonlyMap<string, TaskStatus> = new Map(
  taskStatuses.flatMap((status) =>
    status === 'unknown' ? [] : statusWords[status].map((word) => [word, status] as const),
  ),
)

/**
 * An id of TaskManager's, integer or string; integers are told as text. It becomes part of a path, and `.` and `..` would
 * name another one. Of longer integers JSON has already lost the last digits.
 */
const taskId = z.union(
  [
    z.int().nonnegative(),
    z
      .string()
      .regex(/^[^\p{Cc}\p{Cs}\s]{1,255}$/u)
      .regex(/^(?!\.{1,2}$)/),
  ],
  'must be an integer or a string of 1 to 255 characters',
)
const asText = (id: number | string): string => String(id)

/** What is only told: a value that cannot be read is as good as none. */
const told = <T>(schema: z.ZodType<T>) => schema.nullish().catch(null)

/** Services that keep UTC without saying so leave the offset out. */
const instant = z.iso.datetime({ offset: true, local: true }).transform((text) => {
  const at = new Date(/(?:Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text}Z`)
  return Number.isNaN(at.getTime()) ? null : at
})
const count = z.int().nonnegative()

const hasRetriesLeft = (attempts: number | null, maxRetries: number | null): boolean | null =>
  attempts === null || maxRetries === null ? null : attempts <= maxRetries

/** A task as TaskManager answers it. Only its id must be there and be right. */
export const wireTask = z
  .looseObject({
    id: taskId.optional(),
    task_id: taskId.optional(),
    execution_id: told(taskId),
    status: told(z.string()),
    scheduled_time: told(instant),
    attempts: told(count),
    max_retries: told(count),
    retries_left: told(z.union([z.boolean(), count])),
    started_at: told(instant),
    finished_at: told(instant),
    completed_at: told(instant),
    callback_url: told(z.string()),
    error: told(z.string()),
    error_message: told(z.string()),
    result: told(z.record(z.string(), z.unknown())),
  })
  .transform((wire, { addIssue }): Task => {
    const id = wire.id ?? wire.task_id
    if (id === undefined) addIssue({ code: 'custom', path: ['id'], message: 'is missing' })
    const { execution_id: executionId, attempts = null, max_retries: maxRetries = null } = wire
    return {
      id: asText(id ?? ''),
      executionId: executionId == null ? null : asText(executionId),
      status: statusOfWord.get(wire.status?.toLowerCase() ?? '') ?? 'unknown',
      scheduledTime: wire.scheduled_time ?? null,
      attempts,
      maxRetries,
      retriesLeft: wire.retries_left == null ? hasRetriesLeft(attempts, maxRetries) : Boolean(wire.retries_left),
      startedAt: wire.started_at ?? null,
      finishedAt: wire.finished_at ?? wire.completed_at ?? null,
      callbackUrl: wire.callback_url ?? null,
      error: wire.error ?? wire.error_message ?? null,
      result: wire.result ?? null,
    }
  })

/** A task as TaskManager returns it. A field is null if TaskManager does not report it. */
export type Task = {
  readonly id: string
  /** Id of the last execution, if TaskManager counts executions. */
  readonly executionId: string | null
  readonly status: TaskStatus
  readonly scheduledTime: Date | null
  /** How many executions have begun. */
  readonly attempts: number | null
  readonly maxRetries: number | null
  /** Whether another execution may begin: as TaskManager reports it, or else computed from `attempts` and `maxRetries`. */
  readonly retriesLeft: boolean | null
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
  readonly callbackUrl: string | null
  /** TaskManager's error text. It may contain contact data: do not log it. */
  readonly error: string | null
  readonly result: Readonly<Record<string, unknown>> | null
}

/** One page. The list may stand alone, or in an object that tells where the next page begins. */
export const wireTaskPage = z.union([
  z.array(z.unknown()).transform((rows) => ({ rows, nextCursor: null })),
  z
    .looseObject({
      tasks: z.array(z.unknown()).optional(),
      items: z.array(z.unknown()).optional(),
      next_cursor: z.union([z.string().min(1).max(1000), z.int()]).nullish(),
    })
    .transform((page, { addIssue }) => {
      const rows = page.tasks ?? page.items
      if (rows === undefined) addIssue({ code: 'custom', path: ['tasks'], message: 'is missing' })
      return { rows: rows ?? [], nextCursor: page.next_cursor == null ? null : asText(page.next_cursor) }
    }),
])

const httpUrl = z.url({ protocol: /^https?$/ }).max(2000)

/** A task to create. On the wire its names are the documented ones: `task_type`, `scheduled_time`, `callback_url`, `max_retries`. */
export const taskDraft = z.strictObject({
  /** Name of the task, 1 to 255 characters. */
  name: singleLine(255).min(1),
  /** Description, up to 2000 characters. */
  description: z.string().max(2000),
  /** `email`, `sms`, or a type that your TaskManager knows. */
  taskType: singleLine(64).min(1),
  /** Data for the task. It is sent unchanged, so its keys must already have the names that TaskManager expects. */
  payload: z.record(z.string(), z.unknown()),
  /** When to execute it. */
  scheduledTime: z.date(),
  /** URL (http or https) to which TaskManager reports the result. */
  callbackUrl: httpUrl,
  /** How often to repeat a failed execution, 0 to 100. */
  maxRetries: count.max(100),
})
/** A task to create. */
export type TaskDraft = z.infer<typeof taskDraft>

export const taskChanges = taskDraft.partial()
/** The fields of a task to change. */
export type TaskChanges = z.infer<typeof taskChanges>

/** 1 to 255 visible characters. */
export const taskIdempotencyKey = z.string().regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 visible ASCII characters')

/** The documented body, or those fields of it that change. */
export const taskBody = (draft: TaskChanges): string =>
  JSON.stringify({
    name: draft.name,
    description: draft.description,
    task_type: draft.taskType,
    payload: draft.payload,
    // The document writes whole seconds.
    scheduled_time: draft.scheduledTime?.toISOString().replace('.000Z', 'Z'),
    callback_url: draft.callbackUrl,
    max_retries: draft.maxRetries,
  })

export const taskFilter = z.strictObject({
  /** Only tasks with this status, in TaskManager's own words, such as `pending`. Default: every status. */
  status: singleLine(64).min(1).optional(),
  /** Page size, 1 to 500. Default 100. */
  limit: z.int().min(1).max(500).optional(),
  /** `nextCursor` of the previous page. Default: the first page. */
  cursor: z.string().min(1).max(1000).optional(),
})
/** Which tasks to list. */
export type TaskFilter = z.infer<typeof taskFilter>

/** A page of tasks. */
export type TaskPage = {
  readonly tasks: readonly Task[]
  /** Number of tasks on the page that could not be read. They exist, but are not in `tasks`. */
  readonly unreadable: number
  /** Null: this is the last page. */
  readonly nextCursor: string | null
}
