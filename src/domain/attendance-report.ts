import {
  type Attendance,
  channelUses,
  distances,
  type LeadTime,
  leadTimes,
  reminderCounts,
} from '../schemas/attendance.ts'
import { documentedChannels } from '../schemas/channel-fields.ts'

/** A share, with its 95 % confidence interval. */
export type Proportion = {
  readonly count: number
  readonly of: number
  /** `count` / `of`; null if `of` is 0. */
  readonly rate: number | null
  /** Bounds of the 95 % confidence interval (Wilson score); null if `of` is 0. */
  readonly low: number | null
  readonly high: number | null
}

/** 97.5th percentile of the standard normal distribution. */
const z = 1.959963984540054

/**
 * A proportion with its Wilson score interval (Wilson 1927), which stays honest for the small counts of a small clinic:
 * 0 of 5 is not "never".
 */
export function proportion(count: number, of: number): Proportion {
  if (of === 0) return { count, of, rate: null, low: null, high: null }
  const rate = count / of
  const middle = rate + z ** 2 / (2 * of)
  const reach = z * Math.sqrt((rate * (1 - rate)) / of + z ** 2 / (4 * of ** 2))
  const scale = 1 + z ** 2 / of
  return {
    count,
    of,
    rate,
    low: Math.max(0, (middle - reach) / scale),
    high: Math.min(1, (middle + reach) / scale),
  }
}

/**
 * No-shows among appointments that were attended or missed. Appointments that did not take place are counted beside them: a
 * reminder that makes somebody cancel or move the appointment instead of missing it shows there.
 */
export type NoShows<Group extends string> = { readonly group: Group } & Proportion & {
    readonly cancelledLate: number
    readonly rescheduled: number
  }

/**
 * The rate that a group would have if its appointments were booked as long before as those of the whole organization (direct
 * standardization): the sum of `w * r` over the lead times divided by the sum of `w`, where `r` is the group's rate at a lead
 * time, and `w` the share of all appointments, attended or missed, that have it. Lead times at which the group has no
 * appointment are left out of both sums, as is `unknown`.
 */
export type Standardized = {
  /** Null where the group has no appointment of a known lead time. */
  readonly rate: number | null
  /** The bounds of its 95 % confidence interval. */
  readonly low: number | null
  readonly high: number | null
  /** The rate of all groups together over the same lead times, with the same weights: what `rate` is to be compared with. */
  readonly overall: number | null
  /** Share of all appointments, attended or missed, at the lead times that `rate` is of, from 0 to 1. */
  readonly coverage: number
}

/** No-shows of a group of appointments, and what they would be with the lead times of the whole organization. */
export type AttendanceGroup<Group extends string> = NoShows<Group> & {
  readonly standardized: Standardized
  readonly byLeadTime: readonly NoShows<LeadTime>[]
}

/** Outcomes of appointments, by the reminders that were sent. */
export type AttendanceReport = {
  /** The tables describe what was; they do not show what reminders cause. */
  readonly kind: 'descriptive'
  /** The same in words, for whoever reads the figures. */
  readonly note: string
  readonly attended: number
  readonly noShow: number
  readonly cancelledLate: number
  readonly rescheduled: number
  readonly noShowRate: Proportion
  /** By days from booking to start. */
  readonly byLeadTime: readonly NoShows<LeadTime>[]
  /** By number of reminders sent, time from the nearest one to the start, and channel; each at each lead time too. */
  readonly byReminders: readonly AttendanceGroup<Attendance['reminders']>[]
  readonly byNearest: readonly AttendanceGroup<Attendance['nearest']>[]
  readonly byChannels: readonly AttendanceGroup<Attendance['channels']>[]
}

export const attendanceNote =
  'Descriptive figures: they do not show what reminders cause. Appointments booked long before are missed more often, and get more ' +
  'reminders. Compare groups at the same lead time, or each standardized rate with its overall rate.'

/** Appointments with the same attendance. */
export type CountedAttendance = Attendance & { readonly count: number }

export function attendanceReport(known: readonly CountedAttendance[]): AttendanceReport {
  const { cancelledLate, rescheduled, ...noShowRate } = noShowsOf(known)
  const all = atLeadTimes(known)
  const grouped = <Field extends 'reminders' | 'nearest' | 'channels'>(
    field: Field,
    groups: readonly Attendance[Field][],
  ): AttendanceGroup<Attendance[Field]>[] => {
    const rows = Map.groupBy(known, (row): Attendance[Field] => row[field])
    return groups.map((group) => {
      const own = rows.get(group) ?? []
      const byLeadTime = atLeadTimes(own)
      return { group, ...noShowsOf(own), standardized: standardizedTo(all, byLeadTime), byLeadTime }
    })
  }
  return {
    kind: 'descriptive',
    note: attendanceNote,
    attended: noShowRate.of - noShowRate.count,
    noShow: noShowRate.count,
    cancelledLate,
    rescheduled,
    noShowRate,
    byLeadTime: all,
    byReminders: grouped('reminders', reminderCounts),
    byNearest: grouped('nearest', distances),
    byChannels: grouped('channels', shownUses(known)),
  }
}

function noShowsOf(rows: readonly CountedAttendance[]): Omit<NoShows<never>, 'group'> {
  const counts = { attended: 0, no_show: 0, cancelled_late: 0, rescheduled: 0 }
  for (const { outcome, count } of rows) counts[outcome] += count
  return {
    ...proportion(counts.no_show, counts.no_show + counts.attended),
    cancelledLate: counts.cancelled_late,
    rescheduled: counts.rescheduled,
  }
}

function atLeadTimes(rows: readonly CountedAttendance[]): NoShows<LeadTime>[] {
  const strata = Map.groupBy(rows, (row) => row.leadTime)
  return leadTimes.map((group) => ({ group, ...noShowsOf(strata.get(group) ?? []) }))
}

/**
 * The interval is that of Zou, Huang and Zhang (2009) for a weighted sum of proportions: it is put together from the Wilson
 * intervals of the lead times, so that one at which the group has a single appointment widens it.
 */
function standardizedTo(all: readonly NoShows<LeadTime>[], own: readonly NoShows<LeadTime>[]): Standardized {
  const total = all.reduce((sum, { of }) => sum + of, 0)
  const shared = all.flatMap((whole, index) => {
    const { rate, low, high } = own[index] ?? whole
    if (whole.group === 'unknown' || rate === null || low === null || high === null) return []
    return [{ weight: whole.of, overall: whole.rate ?? 0, rate, low, high }]
  })
  const covered = shared.reduce((sum, { weight }) => sum + weight, 0)
  if (covered === 0) return { rate: null, low: null, high: null, overall: null, coverage: 0 }
  const mean = (of: (stratum: (typeof shared)[number]) => number): number =>
    shared.reduce((sum, stratum) => sum + (stratum.weight / covered) * of(stratum), 0)
  const reach = (of: (stratum: (typeof shared)[number]) => number): number =>
    Math.sqrt(shared.reduce((sum, stratum) => sum + ((stratum.weight / covered) * of(stratum)) ** 2, 0))
  const rate = mean((stratum) => stratum.rate)
  return {
    rate,
    low: Math.max(0, rate - reach((stratum) => stratum.rate - stratum.low)),
    high: Math.min(1, rate + reach((stratum) => stratum.high - stratum.rate)),
    overall: mean((stratum) => stratum.overall),
    coverage: covered / total,
  }
}

/** The uses of documented channels, and of others that were counted. */
const shownUses = (known: readonly CountedAttendance[]): readonly Attendance['channels'][] =>
  channelUses.filter(
    (use) =>
      use === 'none' ||
      use === 'several' ||
      documentedChannels.includes(use) ||
      known.some(({ channels }) => channels === use),
  )
