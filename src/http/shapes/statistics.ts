import { z } from 'zod'
import { channelSets, distances, reminderCounts } from '../../schemas/attendance.ts'
import { categories, channels } from '../../schemas/vocabulary.ts'
import type { StatisticsReport } from '../../services/statistics.ts'

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

const percentiles = z.object({ count: z.int(), p50Ms: z.number().nullable(), p95Ms: z.number().nullable() })
const byRule = z.record(z.string(), z.int())

export const statisticsShape = z.object({
  organizationId: z.string().nullable(),
  startDate: z.string().nullable(),
  endDate: z.string().nullable(),
  ...outcomes,
  planned: z.int(),
  cancelledByReason: byRule,
  skippedByReason: byRule,
  dueToSent: percentiles,
  sentToDelivered: percentiles,
  byNotificationType: z.record(z.enum(channels), z.object(outcomes)),
  byNotificationCategory: z.record(z.enum(categories), z.object(outcomes)),
  byProvider: z.record(z.string(), z.object(outcomes)),
  byDay: z.array(z.object({ day: z.string(), ...outcomes })),
  tasks: z.object({
    created: z.int(),
    updated: z.int(),
    cancelled: z.int(),
    lost: z.int(),
    refused: z.int(),
    takenOver: z.int(),
    held: z.int(),
    executionTime: percentiles,
  }),
  optOuts: z.object({
    byNotificationType: z.record(z.enum(channels), z.int()),
    byNotificationCategory: z.record(z.enum(categories), z.int()),
    suppressedByNotificationType: z.record(z.enum(channels), z.int()),
  }),
})

/** `count` of `of`, with the 95 % Wilson interval. */
const proportion = {
  count: z.int(),
  of: z.int(),
  rate: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
}
const noShows = <const Groups extends readonly [string, ...string[]]>(groups: Groups) =>
  z.array(z.object({ group: z.enum(groups), ...proportion }))

export const reminderStatisticsShape = statisticsShape.extend({
  attendance: z.object({
    attended: z.int(),
    noShow: z.int(),
    cancelledLate: z.int(),
    rescheduled: z.int(),
    noShowRate: z.object(proportion),
    byReminders: noShows(reminderCounts),
    byNearest: noShows(distances),
    byChannels: noShows(channelSets),
  }),
})

export const showStatistics = ({ from, to, byChannel, byCategory, optOuts, ...rest }: StatisticsReport) => ({
  ...rest,
  startDate: from,
  endDate: to,
  byNotificationType: byChannel,
  byNotificationCategory: byCategory,
  optOuts: {
    byNotificationType: optOuts.byChannel,
    byNotificationCategory: optOuts.byCategory,
    suppressedByNotificationType: optOuts.suppressedByChannel,
  },
})
