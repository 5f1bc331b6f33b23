import { z } from 'zod'
import { channels } from '../../channels/index.ts'
import { entityId } from '../../schemas/common.ts'
import { taskManagerModes } from '../../schemas/task-manager.ts'
import { answerActions, replyAbouts } from '../../schemas/vocabulary.ts'
import { checkUpSeverities } from '../../services/insight/check-up-table.ts'
import { phases } from '../../services/planning/reconcile-progress.ts'
import { circuitStates } from '../../services/shared/breaker.ts'
import { directoryMethods } from '../../services/shared/directory/method.ts'

const check = z.enum(['ok', 'degraded', 'failing', 'unknown'])
const state = z.enum(['ok', 'degraded', 'failing'])
const count = z.int().describe('How many there are')
const organizationId = z.string().describe('Id of the organization')
const channel = z.enum(channels).describe('The channel')
const accountId = z.string().nullable().describe('Id of the account; null if it has none')
const circuit = z
  .enum(circuitStates)
  .describe('`open`: calls fail at once for a while, after several failures in a row')
const organizations = z.object({ count, ids: z.array(z.string()).describe('The first of them') })

const directoryShape = z.object({
  status: state.describe('Worst status of the methods'),
  methods: z
    .array(
      z.object({
        method: z.enum(directoryMethods).describe('Name of the method'),
        status: state.describe('`degraded` if the method fails for some organizations only'),
        circuit,
        fault: z.string().nullable().describe('What is wrong, in a few words; null if nothing is'),
        since: z.date().nullable().describe('When the fault began'),
        organizations: organizations.describe('Organizations for which the method fails while it works for others'),
        rows: z
          .object({
            unreadable: z
              .object({
                count,
                ids: z.array(entityId).describe('The first of them'),
                fault: z.string().nullable().describe('What is wrong with the first; null if there is none'),
              })
              .describe('Rows that could not be used'),
            ignored: z
              .array(
                z.object({
                  field: z.string().describe('Name of the field'),
                  message: z.string().describe('Why its value was ignored'),
                  count: z.int().describe('Number of rows'),
                  id: entityId.describe('Id of one of the rows'),
                }),
              )
              .describe('Fields that were ignored in rows that were used otherwise'),
          })
          .describe('Problems with rows that the method returned in the last hour'),
      }),
    )
    .describe('Methods of the directory'),
})

const schedulerShape = z.object({
  status: check.describe('`degraded` or `failing` if due messages are late'),
  lagMs: z
    .number()
    .nullable()
    .describe('How late the earliest due message is, in milliseconds; null if unknown, and for staff'),
  nextDueAt: z.date().nullable().describe('When the next message is due; null if none is, and for staff'),
  fault: z.string().nullable().describe('Why messages are late, or the scheduler takes no alarms; null if all is well'),
  organizations: organizations.describe('Organizations whose messages are late'),
})

const providerShape = z.object({
  channel,
  provider: z.string().nullable().describe('Name of the transport; null if there is no default account'),
  status: check.describe('Result of the last check'),
  code: z
    .string()
    .nullable()
    .describe('Error code of the transport, or the rule that explains why there is no provider'),
  message: z.string().nullable().describe('The error in words, with what to change; null if all is well'),
  checkedAt: z.date().nullable().describe('When the credentials were last checked'),
  accountId,
})

const pausedShape = z.object({
  organizationId: organizationId.nullable().describe('Null for the account of the `DEFAULT_*` variables'),
  channel,
  accountId,
  provider: z.string().describe('Name of the transport'),
  destination: z
    .string()
    .nullable()
    .describe('Prefix of the addresses that its sender may not send to; null if nothing is sent through the account'),
  code: z.string().describe('Error code of the transport'),
  message: z.string().nullable().describe('The error in words; null if it occurred in another process'),
  since: z.date().describe('When the pause began'),
  until: z.date().describe('When the next message is tried'),
})

const accountFaultShape = z.object({
  organizationId,
  channel,
  code: z.string().describe('The rule that explains why nothing is sent through the account'),
  message: z.string().describe('The rule in words'),
  accountId,
})

const taskManagerShape = z.object({
  mode: z
    .enum(taskManagerModes)
    .describe('Whether TaskManager sends (`deliver`) or only wakes the library (`trigger`)'),
  status: check.describe('Whether TaskManager responds and keeps up'),
  circuit,
  fault: z.string().nullable().describe('Why TaskManager does not respond, or what it refused last; null if neither'),
  pending: z.int().describe('Number of tasks to be created or acknowledged, counted up to 10,000'),
  oldestPendingAt: z.date().nullable().describe('Since when the oldest of them is pending'),
  lastErrorCode: z.string().nullable().describe('Code of the last error'),
})

const reconciliationShape = z.object({
  status: z.enum(['running', 'interrupted']).describe('`interrupted`: the next run continues it'),
  phase: z.enum(phases).describe('Which part of the run it is in'),
  startedAt: z.date().describe('When the run began'),
  checked: z.int().describe('Number of appointments compared so far'),
  savedAt: z.date().describe('When its progress was last saved'),
})

const webhookShape = z.object({
  provider: z.string().describe('Name of the transport'),
  organizationId: organizationId.nullable().describe('Null for the account of the `DEFAULT_*` variables'),
  channel,
  reports: z.int().describe('Number of reports on messages of the account'),
  lastReportAt: z.date().nullable().describe('When the last of them came; null if none has'),
  refused: z.int().describe('Number of requests that were refused: unsigned, signed by somebody else or too old'),
  lastRefusedAt: z.date().nullable().describe('When the last of them came; null if none has'),
})

const hookShape = z.object({
  answerId: z.int().describe('Id of the answer'),
  organizationId: organizationId.nullable().describe('Null if nobody knows whose it is'),
  hook: z.enum([...answerActions, ...replyAbouts]).describe('What was answered'),
  since: z.date().describe('When it was answered'),
  attempts: z.int().describe('How often the hook was called'),
  lastError: z.string().describe('Why the last call failed'),
})

const loggedShape = z.object({
  level: z.enum(['warn', 'error']).describe('Level of the line'),
  message: z.string().describe('The message'),
  details: z.string().describe('The fields of the last line'),
  organizationId: organizationId.nullable().describe('The organization it is about; null if it names none'),
  count: z.int().describe('How often it was logged'),
  firstAt: z.date().describe('When it was first logged'),
  lastAt: z.date().describe('When it was last logged'),
})

export const retentionCounts = z.object({
  texts: z.int().describe('Messages, reminders and replies whose texts are blanked'),
  addresses: z.int().describe('Messages and replies whose addresses are blanked, and addresses that are removed'),
  decisions: z.int().describe('Decisions that are removed'),
  audit: z.int().describe('Entries of the audit log that are removed'),
})

const retentionShape = z.object({
  status: z.enum(['running', 'interrupted', 'done']).describe('`interrupted`: the next run continues it'),
  startedAt: z.date().describe('When the run began'),
  finishedAt: z.date().nullable().describe('When it ended; null while it is under way'),
  looked: z.int().describe('Number of rows looked at so far'),
  counts: retentionCounts.describe('What was done so far'),
})

const keysShape = z.object({
  sealed: z.int().describe('Number of stored secrets'),
  underOldKeys: z.int().describe('Number of those that an older encryption key sealed'),
  unreadable: z.int().describe('Number of those that no encryption key of this process opens'),
})

/** Services get everything, staff what concerns their organization, all others only the status. */
export const healthShape = z.object({
  status: state.describe(
    '`failing`: nothing can be sent. `degraded`: one organization, channel or account is affected',
  ),
  storage: z
    .object({
      status: check.describe('`failing` if the database does not respond, or accepts no writes'),
      fault: z.string().nullable().describe('Why; null if all is well'),
    })
    .optional()
    .describe('The database'),
  clock: z
    .object({
      status: z.enum(['ok', 'off']).describe('`off` if they differ by more than two seconds'),
      offMs: z.number().nullable().describe('Difference in milliseconds; null if the database has no clock of its own'),
    })
    .optional()
    .describe('The clock of this process, compared with that of the database'),
  scheduler: schedulerShape.optional().describe('Whether due messages are sent in time'),
  held: z
    .int()
    .nullable()
    .optional()
    .describe('Number of messages held after a restored backup, counted up to 200; null for staff'),
  directory: directoryShape.optional().describe('The host application, as the library reads it'),
  providers: z.array(providerShape).optional().describe('Accounts of the `DEFAULT_*` variables, by channel'),
  accounts: z
    .object({ count, paused: z.array(pausedShape).describe('The first of them') })
    .nullable()
    .optional()
    .describe('Paused provider accounts: the provider refuses them, and due messages wait'),
  settings: z
    .object({
      count,
      faults: z.array(accountFaultShape).describe('The first of them'),
      quietHoursUnset: z
        .object({ count, ids: z.array(z.string()).describe('The first of them') })
        .describe('Organizations that have not decided on quiet hours, so that messages may go out at night'),
    })
    .nullable()
    .optional()
    .describe('Organizations whose settings describe an account that cannot be used'),
  taskManager: taskManagerShape
    .nullable()
    .optional()
    .describe('TaskManager; null unless the option `taskManager` is set'),
  reconciliation: reconciliationShape
    .nullable()
    .optional()
    .describe('The current comparison of plans and directory; null if none is running'),
  retention: retentionShape
    .nullable()
    .optional()
    .describe('The last removal of what is kept no longer, or the current one; null if there was none, and for staff'),
  keys: keysShape
    .nullable()
    .optional()
    .describe('By which encryption keys secrets are sealed; null with one key, and for staff'),
  webhooks: z
    .array(webhookShape)
    .optional()
    .describe('Accounts at whose webhooks this process heard something since it started, latest first'),
  hooks: z
    .object({ count, failing: z.array(hookShape).describe('The first of them') })
    .nullable()
    .optional()
    .describe('Answers of people that a hook of the host application did not take yet; null without hooks'),
  log: z
    .array(loggedShape)
    .optional()
    .describe('Warnings and errors that this process logged in the last ten minutes, by kind'),
})

export const checkUpShape = z.object({
  status: z.enum(['ok', 'warning', 'error']).describe('The worst of the findings, notices aside'),
  checkedAt: z.date().describe('When it was looked at'),
  findings: z
    .array(
      z.object({
        code: z.string().describe('What kind of finding it is, for programs'),
        severity: z.enum(checkUpSeverities).describe('`error`: messages are not sent because of it'),
        organizationId: organizationId.nullable().describe('Whom it concerns; null: everybody'),
        channel: channel.nullable().describe('Null: all, or none in particular'),
        cause: z.string().describe('What is wrong, and where'),
        remedy: z.string().describe('What to do about it'),
      }),
    )
    .describe('Errors first'),
})
