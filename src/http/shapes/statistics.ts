import { z } from 'zod'
import { channelUses, distances, leadTimes, reminderCounts } from '../../schemas/attendance.ts'
import { categories } from '../../schemas/vocabulary.ts'
import type { StatisticsReport } from '../../services/insight/statistics.ts'
import { byChannelShape, common } from './common.ts'

const outcomes = {
  total: z.int().describe('All deliveries, each counted once under its last status'),
  sent: z.int().describe('Accepted by the provider, without a later report'),
  delivered: z.int().describe('Reported as delivered'),
  failed: z.int().describe('Refused, or given up after the last attempt'),
  bounced: z.int().describe('Returned after the provider had accepted them'),
  unknown: z.int().describe('May have been sent; the outcome is not known'),
  cancelled: z.int().describe('Withdrawn before they were sent'),
  successRate: z
    .number()
    .nullable()
    .describe('Share of sent and delivered among sent, delivered, failed and bounced; null if there are none'),
}
const outcomesOf = (what: string) => z.object(outcomes).describe(`Deliveries ${what}`)

const percentiles = z.object({
  count: z.int().describe('Number of measurements'),
  p50Ms: z.number().nullable().describe('Median in milliseconds, accurate to a fifth; null without measurements'),
  p95Ms: z
    .number()
    .nullable()
    .describe('95th percentile in milliseconds, accurate to a fifth; null without measurements'),
})
const reportedShape = (what: string) =>
  z
    .object({
      read: z.int().describe('Reported as read'),
      complained: z.int().describe('Reported by the person as unwanted'),
      unreported: z
        .int()
        .describe('Accepted by a provider that reports which messages arrive, and not reported on in time'),
    })
    .describe(`Messages ${what}`)
const byRule = z.record(z.string(), z.int())

export const statisticsShape = z.object({
  organizationId: common.organizationId.nullable().describe('Id of the organization; null for all of them together'),
  startDate: z.string().nullable().describe('First UTC day counted; null without a lower bound'),
  endDate: z.string().nullable().describe('Last UTC day counted; null without an upper bound'),
  ...outcomes,
  planned: z.int().describe('Reminders planned and notices queued'),
  cancelledByReason: byRule.describe('Messages withdrawn before they were sent, by rule'),
  skippedByReason: byRule.describe('Messages left out at planning or on request, by rule'),
  dueToSent: percentiles.describe('Time from due to accepted by the provider'),
  sentToDelivered: percentiles.describe('Time from accepted to delivered, where the provider reports it'),
  byNotificationType: byChannelShape(outcomesOf('on the channel')).describe('Deliveries by channel'),
  byNotificationCategory: z
    .record(z.enum(categories), outcomesOf('of the kind of message'))
    .describe('Deliveries by kind of message'),
  byProvider: z.record(z.string(), outcomesOf('through the provider')).describe('Deliveries by transport'),
  byDay: z
    .array(z.object({ day: z.string().describe('UTC day'), ...outcomes }))
    .describe('Deliveries by UTC day, earliest first; days without deliveries are left out'),
  tasks: z
    .object({
      created: z.int().describe('Tasks created'),
      updated: z.int().describe('Tasks changed'),
      cancelled: z.int().describe('Tasks cancelled'),
      lost: z.int().describe('Tasks that TaskManager no longer knew before their time'),
      refused: z.int().describe('Tasks that TaskManager refused to create or change'),
      takenOver: z.int().describe('Overdue messages that the library sent itself'),
      held: z.int().describe('Messages held because TaskManager did not know whether they were sent'),
      executionTime: percentiles.describe('Time from scheduled to executed'),
    })
    .describe('Tasks of TaskManager; all zero unless the option `taskManager` is in use'),
  reported: z
    .object({
      byNotificationType: byChannelShape(reportedShape('on the channel')).describe('Reports by channel'),
      byNotificationCategory: z
        .record(z.enum(categories), reportedShape('of the kind of message'))
        .describe('Reports by kind of message'),
    })
    .describe('What providers reported beyond the status of messages'),
  optOuts: z
    .object({
      byNotificationType: byChannelShape(z.int().describe('Recipients who disabled the channel')).describe(
        'Opt-outs by channel',
      ),
      byNotificationCategory: z
        .record(z.enum(categories), z.int().describe('Recipients who disabled the kind of message'))
        .describe('Opt-outs by kind of message'),
      suppressedByNotificationType: byChannelShape(
        z.int().describe('Addresses reported as opted out or dead'),
      ).describe('Addresses that a provider reported as opted out or dead, by channel'),
    })
    .describe('Recipients who disabled a channel or a kind of message, and suppressed addresses'),
})

/** `count` of `of`, with the 95 % Wilson interval. */
const proportion = {
  count: z.int().describe('Appointments that were missed'),
  of: z.int().describe('Appointments that were attended or missed'),
  rate: z.number().nullable().describe('`count` divided by `of`, the crude rate; null if `of` is 0'),
  low: z.number().nullable().describe('Lower bound of the 95 % Wilson interval; null if `of` is 0'),
  high: z.number().nullable().describe('Upper bound of the 95 % Wilson interval; null if `of` is 0'),
}
const noShows = <const Groups extends readonly string[]>(groups: Groups) => ({
  group: z.enum(groups).describe('The group that is counted'),
  ...proportion,
  cancelledLate: z.int().describe('Cancelled late; not among `of`'),
  rescheduled: z.int().describe('Rescheduled; not among `of`'),
})
const byLeadTime = z.array(z.object(noShows(leadTimes)))

const standardized = z
  .object({
    rate: z
      .number()
      .nullable()
      .describe('The standardized rate; null if the group has no appointment of a known lead time'),
    low: z.number().nullable().describe('Lower bound of its 95 % interval'),
    high: z.number().nullable().describe('Upper bound of its 95 % interval'),
    overall: z
      .number()
      .nullable()
      .describe(
        'Rate of all groups over the same lead times, with the same weights: what `rate` is to be compared with',
      ),
    coverage: z
      .number()
      .describe('Share of all appointments, attended or missed, at the lead times of this group; from 0 to 1'),
  })
  .describe(
    'The rate that the group would have if its appointments were booked as long before as those of the whole organization: the sum of ' +
      '`w * r` over the lead times divided by the sum of `w`, where `r` is the rate of the group at a lead time and `w` the share of ' +
      'all appointments, attended or missed, that have it. Lead times at which the group has no appointment are left out of both sums, as ' +
      'is `unknown`',
  )
const groups = <const Groups extends readonly string[]>(names: Groups) =>
  z.array(
    z.object({
      ...noShows(names),
      standardized,
      byLeadTime: byLeadTime.describe('The group by days from booking to start'),
    }),
  )

export const reminderStatisticsShape = statisticsShape.extend({
  attendance: z
    .object({
      kind: z.literal('descriptive').describe('The figures describe what was; they do not show what reminders cause'),
      note: z.string().describe('How to read the figures'),
      attended: z.int().describe('Appointments recorded as attended'),
      noShow: z.int().describe('Appointments recorded as no-show'),
      cancelledLate: z.int().describe('Appointments recorded as cancelled late'),
      rescheduled: z.int().describe('Appointments recorded as rescheduled'),
      noShowRate: z.object(proportion).describe('No-shows among the appointments that were attended or missed'),
      byLeadTime: byLeadTime.describe('No-shows by days from booking to start; `unknown` if no booking is known'),
      byReminders: groups(reminderCounts).describe('No-shows by number of reminders sent'),
      byNearest: groups(distances).describe('No-shows by time between the nearest reminder and the start'),
      byChannels: groups(channelUses).describe(
        'No-shows by channel of the reminders sent; `several` are reminders on more than one',
      ),
    })
    .describe(
      'Recorded outcomes of appointments, by the reminders that were sent. Descriptive: appointments booked long before are missed more ' +
        'often, and get more reminders, so compare groups at the same lead time, or by their standardized rates',
    ),
})

export const showStatistics = ({ from, to, byChannel, byCategory, reported, optOuts, ...rest }: StatisticsReport) => ({
  ...rest,
  startDate: from,
  endDate: to,
  byNotificationType: byChannel,
  byNotificationCategory: byCategory,
  reported: { byNotificationType: reported.byChannel, byNotificationCategory: reported.byCategory },
  optOuts: {
    byNotificationType: optOuts.byChannel,
    byNotificationCategory: optOuts.byCategory,
    suppressedByNotificationType: optOuts.suppressedByChannel,
  },
})
