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
import { reminderStatisticsShape, showStatistics, statisticsShape } from '../shapes/statistics.ts'
import { refusal, wireName } from '../snake-case.ts'

const check = z.enum(['ok', 'degraded', 'failing', 'unknown'])
const state = z.enum(['ok', 'degraded', 'failing'])
const healthShape = z.object({
  status: state.describe('failing: nobody can be sent to; degraded: one organization, channel or account cannot'),
  storage: z.object({ status: check }).optional(),
  clock: z.object({ status: z.enum(['ok', 'off']), offMs: z.number().nullable() }).optional(),
  scheduler: z.object({ status: check, lagMs: z.number().nullable(), nextDueAt: z.date().nullable() }).optional(),
  held: z.int().nullable().optional().describe('Messages held after a restore, counted up to 200'),
  directory: z
    .object({
      status: state,
      methods: z.array(
        z.object({
          method: z.enum(directoryMethods),
          status: state,
          circuit: z.enum(circuitStates),
          fault: z.string().nullable().describe('What is wrong, in a few words'),
          since: z.date().nullable(),
          organizations: z
            .object({ count: z.int(), ids: z.array(z.string()) })
            .describe('Those that are not answered for while others are: how many, and the first of them'),
          rows: z
            .object({
              unreadable: z.object({ count: z.int(), ids: z.array(entityId) }),
              ignored: z.array(z.object({ field: z.string(), message: z.string(), count: z.int(), id: entityId })),
            })
            .describe(
              'Rows of the last hour that cannot be used, and fields that are ignored in others, with an example',
            ),
        }),
      ),
    })
    .optional(),
  providers: z
    .array(
      z.object({
        channel: z.enum(channels),
        provider: z.string().nullable(),
        status: check,
        code: z.string().nullable(),
        checkedAt: z.date().nullable(),
      }),
    )
    .optional(),
  accounts: z
    .object({
      count: z.int(),
      paused: z.array(
        z.object({
          organizationId: z.string().nullable().describe("Null: the host application's own account"),
          channel: z.enum(channels),
          provider: z.string(),
          destination: z
            .string()
            .nullable()
            .describe('How the addresses begin that its sender may not send to; null: nothing is sent through it'),
          code: z.string(),
          since: z.date(),
          until: z.date().describe('When one message tries it again'),
        }),
      ),
    })
    .nullable()
    .optional()
    .describe('Provider accounts that refuse what is sent through them, and for which what is due waits'),
  taskManager: z
    .object({
      mode: z.enum(taskManagerModes),
      status: check,
      circuit: z.enum(circuitStates),
      fault: z.string().nullable().describe('Why TaskManager does not answer'),
      pending: z.int().describe('Tasks to be created or acknowledged, counted up to 10000'),
      oldestPendingAt: z.date().nullable(),
      lastErrorCode: z.string().nullable(),
    })
    .nullable()
    .optional(),
  reconciliation: z
    .object({
      status: z.enum(['running', 'interrupted']),
      phase: z.enum(phases),
      startedAt: z.date(),
      checked: z.int().describe('Appointments looked at'),
      savedAt: z.date(),
    })
    .nullable()
    .optional(),
})

/** Counters are kept by UTC day; an instant means the day it lies in. An unescaped plus sign of an offset arrives as a space. */
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
    startDate: day,
    endDate: day,
    channel: wireName('notification_type', z.enum(channels).optional()),
    provider: z.string().min(1).max(64).optional(),
  }
  const filterOf = (query: z.output<z.ZodObject<typeof period>>, organizationId: string | undefined) => {
    const { startDate: from, endDate: to, channel, provider } = query
    if (from !== undefined && to !== undefined && from > to) {
      throw refusal([{ field: 'end_date', message: 'must not lie before start_date' }])
    }
    return { organizationId, from, to, channel, provider }
  }
  return [
    defineRoute({
      id: 'health',
      method: 'GET',
      path: '/health',
      summary:
        'Whether storage, directory, scheduler and providers work: the status for anybody, details for a service',
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
      summary: 'What was planned, sent, failed, skipped and why, how late, by channel, category, provider and UTC day',
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
      summary: 'The same of reminders only, with no-show rates by the reminders that went out before',
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
