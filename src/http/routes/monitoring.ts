import { z } from 'zod'
import { channels } from '../../channels/index.ts'
import { isInRange, rangeWords, readInstant } from '../../schemas/instant.ts'
import { historyFilter } from '../../schemas/requests.ts'
import { noOwner } from '../access.ts'
import type { Api } from '../api.ts'
import { defineRoute, nothing, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'
import { organizationScope } from '../owners.ts'
import { checkUpShape, healthShape } from '../shapes/health.ts'
import { reminderStatisticsShape, showStatistics, statisticsShape } from '../shapes/statistics.ts'
import { refusal, wireName } from '../snake-case.ts'

/** Counters are kept by UTC day. An unescaped plus sign of an offset arrives as a space. */
const day = z
  .preprocess(
    (value) =>
      typeof value === 'string'
        ? (readInstant(value.replace(/ (\d\d(?::?\d\d)?)$/, '+$1'))?.toISOString() ?? value)
        : value,
    z.union(
      [z.iso.date(), z.iso.datetime({ offset: true })],
      'must be a day such as "2024-01-31", or an instant with offset',
    ),
  )
  .refine((text) => isInRange(new Date(text)), rangeWords)
  .transform((text) => new Date(text).toISOString().slice(0, 10))
  .optional()

/** Health and statistics. */
export function monitoringRoutes({ health, checkUp, statistics }: Api, ids: HostIds): Route[] {
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
      summary:
        'Check database, directory, scheduler and providers; everyone gets the status, services get the details, and staff those of their organization',
      params: nothing,
      query: nothing,
      body: nothing,
      responses: { 200: healthShape, 503: healthShape },
      status: ({ status }) => (status === 'failing' ? 503 : 200),
      errors: [],
      access: { kind: 'open', owner: () => noOwner },
      async handler({ caller }) {
        const isService = caller?.kind === 'service'
        const organizationId = caller?.kind === 'staff' ? caller.organizationId : null
        // Strangers must not make us connect to providers.
        const report = await health.check({ verify: isService, organizationId })
        return isService || organizationId !== null ? report : { status: report.status }
      },
    }),
    defineRoute({
      id: 'health-check',
      method: 'GET',
      path: '/health/check',
      summary: 'List what is wrong, whom it concerns and what to do: services see everything, staff what concerns them',
      params: nothing,
      query: z.strictObject({
        organizationId: ids.organization.optional(),
        mailDomains: z
          .boolean()
          .optional()
          .describe('True: ask the name servers for SPF, DMARC and DKIM of the senders. Default false'),
        dkimSelectors: z
          .string()
          .regex(
            /^[\w-]+(?:\.[\w-]+)*(?:,[\w-]+(?:\.[\w-]+)*){0,9}$/,
            'must be up to ten selectors, separated by commas',
          )
          .max(255)
          .optional()
          .describe('Selectors that the mail provider signs with, separated by commas; with `mail_domains`'),
        publicUrl: z
          .boolean()
          .optional()
          .describe(
            'True: ask the public URL whether the library answers there, for webhooks and links. Default false',
          ),
      }),
      body: nothing,
      responses: { 200: checkUpShape },
      errors: ['organization_not_found'],
      access: {
        kind: 'members',
        staff: 'viewer',
        self: false,
        owner: ({ query }, caller) => organizationScope(query.organizationId, caller),
      },
      handler: ({ owner, query: { mailDomains = false, dkimSelectors, publicUrl = false } }) =>
        checkUp.run({
          organizationId: owner.organizationId ?? null,
          mailDomains: mailDomains ? { dkimSelectors: dkimSelectors?.split(',') ?? [] } : false,
          publicUrl,
        }),
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
      summary:
        'Count reminders only, with no-show rates (descriptive) by the reminders that were sent and the lead time of the booking',
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
