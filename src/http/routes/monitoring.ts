import { z } from 'zod'
import { historyFilter } from '../../schemas/requests.ts'
import { categories, channels } from '../../schemas/vocabulary.ts'
import type { StatisticsReport } from '../../services/statistics.ts'
import { nobodys } from '../access.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { organizationScope } from '../owners.ts'
import { refusal, wireName } from '../snake-case.ts'

const check = z.enum(['ok', 'failing', 'unknown'])
const healthShape = z.object({
  status: z.enum(['ok', 'failing']),
  storage: z.object({ status: check }).optional(),
  scheduler: z.object({ status: check, lagMs: z.number().nullable(), nextDueAt: z.date().nullable() }).optional(),
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
})

const outcomes = {
  total: z.int(),
  sent: z.int(),
  delivered: z.int(),
  failed: z.int(),
  bounced: z.int(),
  unknown: z.int(),
  cancelled: z.int(),
  successRate: z.number().nullable(),
}
const statisticsShape = z.object({
  organizationId: z.string().nullable(),
  startDate: z.string().nullable(),
  endDate: z.string().nullable(),
  ...outcomes,
  byNotificationType: z.record(z.enum(channels), z.object(outcomes)),
  byNotificationCategory: z.record(z.enum(categories), z.object(outcomes)),
  byDay: z.array(z.object({ day: z.string(), ...outcomes })),
})

const showStatistics = ({ from, to, byChannel, byCategory, ...rest }: StatisticsReport) => ({
  ...rest,
  startDate: from,
  endDate: to,
  byNotificationType: byChannel,
  byNotificationCategory: byCategory,
})

/** Counters are kept by UTC day; an instant means the day it lies in. */
const day = z
  .union(
    [z.iso.date(), z.iso.datetime({ offset: true })],
    'must be a day such as "2024-01-31", or an instant with offset',
  )
  .transform((text) => new Date(text).toISOString().slice(0, 10))
  .optional()

/** Health and statistics. */
export function monitoringRoutes({ health, statistics }: Api, ids: HostIds): Route[] {
  const period = {
    organizationId: ids.organization.optional(),
    startDate: day,
    endDate: day,
    channel: wireName('notification_type', z.enum(channels).optional()),
  }
  const read = (
    query: z.output<z.ZodObject<typeof period>>,
    organizationId: string | undefined,
    category: (typeof categories)[number] | undefined,
  ) => {
    const { startDate: from, endDate: to, channel } = query
    if (from !== undefined && to !== undefined && from > to) {
      throw refusal([{ field: 'end_date', message: 'must not lie before start_date' }])
    }
    return statistics.read({ organizationId, from, to, channel, category })
  }
  return [
    defineRoute({
      id: 'health',
      method: 'GET',
      path: '/health',
      summary: 'Whether storage, scheduler and providers work: the status for anybody, details for a service',
      params: nothing,
      query: nothing,
      body: nothing,
      responses: { 200: healthShape, 503: healthShape },
      status: ({ status }) => (status === 'ok' ? 200 : 503),
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
      summary: 'Deliveries by outcome, channel, category and UTC day, from counters',
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
      handler: async ({ query, owner }) => showStatistics(await read(query, owner.organizationId, query.category)),
    }),
    defineRoute({
      id: 'reminder-statistics',
      method: 'GET',
      path: '/reminder-statistics',
      summary: 'The same of reminders only',
      params: nothing,
      query: z.strictObject(period),
      body: nothing,
      responses: { 200: statisticsShape },
      errors: ['organization_not_found'],
      access: {
        kind: 'members',
        staff: 'viewer',
        self: false,
        owner: ({ query }, caller) => organizationScope(query.organizationId, caller),
      },
      handler: async ({ query, owner }) => showStatistics(await read(query, owner.organizationId, 'REMINDER')),
    }),
  ]
}
