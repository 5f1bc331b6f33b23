import { z } from 'zod'
import { entityId } from '../../schemas/common.ts'
import { isInRange, rangeWords, readInstant } from '../../schemas/instant.ts'
import { historyFilter } from '../../schemas/requests.ts'
import { channels } from '../../schemas/vocabulary.ts'
import { circuitStates } from '../../services/breaker.ts'
import { directoryMethods } from '../../services/directory/method.ts'
import { phases } from '../../services/reconcile/progress.ts'
import { taskManagerModes } from '../../services/tasks/options.ts'
import { nobodys } from '../access.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { organizationScope } from '../owners.ts'
import { common } from '../shapes/common.ts'
import { reminderStatisticsShape, showStatistics, statisticsShape } from '../shapes/statistics.ts'
import { refusal, wireName } from '../snake-case.ts'

const check = z.enum(['ok', 'degraded', 'failing', 'unknown'])
const state = z.enum(['ok', 'degraded', 'failing'])
const circuit = z
  .enum(circuitStates)
  .describe('`open`: calls fail at once for a while, after several failures in a row')
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
        organizations: z
          .object({
            count: z.int().describe('How many there are'),
            ids: z.array(z.string()).describe('The first of them'),
          })
          .describe('Organizations for which the method fails while it works for others'),
        rows: z
          .object({
            unreadable: z
              .object({
                count: z.int().describe('How many there were'),
                ids: z.array(entityId).describe('The first of them'),
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
const providerShape = z.object({
  channel: common.channel,
  provider: z.string().nullable().describe('Name of the transport; null if there is no default account'),
  status: check.describe('Result of the last check'),
  code: z.string().nullable().describe('Error code of the transport, or the rule why there is no provider'),
  checkedAt: z.date().nullable().describe('When the credentials were last checked'),
})
const pausedShape = z.object({
  organizationId: common.organizationId.nullable().describe('Null for the account of the `DEFAULT_*` variables'),
  channel: common.channel,
  provider: z.string().describe('Name of the transport'),
  destination: z
    .string()
    .nullable()
    .describe('Prefix of the addresses that its sender may not send to; null if nothing is sent through the account'),
  code: z.string().describe('Error code of the transport'),
  since: z.date().describe('When the pause began'),
  until: z.date().describe('When the next message is tried'),
})
const healthShape = z.object({
  status: state.describe(
    '`failing`: nothing can be sent. `degraded`: one organization, channel or account is affected',
  ),
  storage: z
    .object({ status: check.describe('`failing` if the database does not answer') })
    .optional()
    .describe('The database'),
  clock: z
    .object({
      status: z.enum(['ok', 'off']).describe('`off` if they differ by more than two seconds'),
      offMs: z
        .number()
        .nullable()
        .describe('Difference in milliseconds; null if unknown, or if both use the same clock'),
    })
    .optional()
    .describe('The clock of this process, compared with that of the database'),
  scheduler: z
    .object({
      status: check.describe('`degraded` or `failing` if due messages are late'),
      lagMs: z.number().nullable().describe('How late the earliest due message is, in milliseconds'),
      nextDueAt: z.date().nullable().describe('When the next message is due'),
    })
    .optional()
    .describe('Whether due messages are sent in time'),
  held: z.int().nullable().optional().describe('Number of messages held after a restored backup, counted up to 200'),
  directory: directoryShape.optional().describe('The host application, as the library reads it'),
  providers: z.array(providerShape).optional().describe('Accounts of the `DEFAULT_*` variables, by channel'),
  accounts: z
    .object({
      count: z.int().describe('How many there are'),
      paused: z.array(pausedShape).describe('The first of them'),
    })
    .nullable()
    .optional()
    .describe('Paused provider accounts: the provider refuses them, and due messages wait'),
  taskManager: z
    .object({
      mode: z
        .enum(taskManagerModes)
        .describe('Whether TaskManager sends (`deliver`) or only wakes the library (`trigger`)'),
      status: check.describe('Whether TaskManager answers and keeps up'),
      circuit,
      fault: z.string().nullable().describe('Why TaskManager does not answer; null if it does'),
      pending: z.int().describe('Number of tasks to be created or acknowledged, counted up to 10,000'),
      oldestPendingAt: z.date().nullable().describe('Since when the oldest of them is pending'),
      lastErrorCode: z.string().nullable().describe('Code of the last error'),
    })
    .nullable()
    .optional()
    .describe('TaskManager; null unless the option `taskManager` is set'),
  reconciliation: z
    .object({
      status: z.enum(['running', 'interrupted']).describe('`interrupted`: the next run continues it'),
      phase: z.enum(phases).describe('Which part of the run it is in'),
      startedAt: z.date().describe('When the run began'),
      checked: z.int().describe('Number of appointments compared so far'),
      savedAt: z.date().describe('When its progress was last saved'),
    })
    .nullable()
    .optional()
    .describe('The current comparison of plans and directory; null if none is running'),
})

/** Counters are kept by UTC day. An unescaped plus sign of an offset arrives as a space. */
const day = z
  .preprocess(
    (told) =>
      typeof told === 'string'
        ? (readInstant(told.replace(/ (\d\d(?::?\d\d)?)$/, '+$1'))?.toISOString() ?? told)
        : told,
    z.union(
      [z.iso.date(), z.iso.datetime({ offset: true })],
      'must be a day such as "2024-01-31", or an instant with offset',
    ),
  )
  .refine((text) => isInRange(new Date(text)), rangeWords)
  .transform((text) => new Date(text).toISOString().slice(0, 10))
  .optional()

/** Health and statistics. */
export function monitoringRoutes({ health, statistics }: Api, ids: HostIds): Route[] {
  const period = {
    organizationId: ids.organization.optional(),
    startDate: day.describe('First UTC day; of an instant, the day it lies in'),
    endDate: day.describe('Last UTC day; of an instant, the day it lies in'),
    channel: wireName('notification_type', z.enum(channels).optional()).describe('Only this channel'),
    provider: z.string().min(1).max(64).optional().describe('Only messages given to this transport'),
  }
  const filterOf = (query: z.output<z.ZodObject<typeof period>>, organizationId: string | undefined) => {
    const { startDate: from, endDate: to, channel, provider } = query
    if (from !== undefined && to !== undefined && from > to) {
      throw refusal([{ field: 'end_date', message: 'must not be before start_date' }])
    }
    return { organizationId, from, to, channel, provider }
  }
  return [
    defineRoute({
      id: 'health',
      method: 'GET',
      path: '/health',
      summary: 'Check database, directory, scheduler and providers; everyone gets the status, services get the details',
      params: nothing,
      query: nothing,
      body: nothing,
      responses: { 200: healthShape, 503: healthShape },
      status: ({ status }) => (status === 'failing' ? 503 : 200),
      errors: [],
      access: { kind: 'open', owner: () => nobodys },
      async handler({ caller }) {
        const isService = caller?.kind === 'service'
        // Strangers must not make us connect to providers.
        const report = await health.check({ verify: isService })
        return isService ? report : { status: report.status }
      },
    }),
    defineRoute({
      id: 'statistics',
      method: 'GET',
      path: '/statistics',
      summary:
        'Count what was planned, sent, failed and skipped, and how late, by channel, category, provider and UTC day',
      params: nothing,
      query: z.strictObject({
        ...period,
        category: wireName('notification_category', historyFilter.shape.category),
      }),
      body: nothing,
      responses: { 200: statisticsShape },
      errors: ['organization_not_found'],
      example: { query: { start_date: '2024-01-01', end_date: '2024-12-31T00:00:00Z' } },
      access: {
        kind: 'members',
        staff: 'viewer',
        self: false,
        owner: ({ query }, caller) => organizationScope(query.organizationId, caller),
      },
      handler: async ({ query, owner }) =>
        showStatistics(await statistics.read({ ...filterOf(query, owner.organizationId), category: query.category })),
    }),
    defineRoute({
      id: 'reminder-statistics',
      method: 'GET',
      path: '/reminder-statistics',
      summary: 'Count reminders only, with no-show rates by the reminders that were sent',
      params: nothing,
      query: z.strictObject(period),
      body: nothing,
      responses: { 200: reminderStatisticsShape },
      errors: ['organization_not_found'],
      access: {
        kind: 'members',
        staff: 'viewer',
        self: false,
        owner: ({ query }, caller) => organizationScope(query.organizationId, caller),
      },
      async handler({ query, owner }) {
        const { attendance, ...report } = await statistics.reminders(filterOf(query, owner.organizationId))
        return { ...showStatistics(report), attendance }
      },
    }),
  ]
}
