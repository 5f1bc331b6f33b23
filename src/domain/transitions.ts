import {
  type DeliveryState,
  type DeliveryStatus,
  type ReportedState,
  type ReportWord,
  reportWords,
} from '../schemas/vocabulary.ts'

/**
 * When each of these was first reported, in ms. Providers accept a message long before they know its outcome, and report late, twice
 * and out of order. So what is known of a message is the set of what was reported, and everything shown is computed from it: the
 * order of arrival makes no difference, nor does a report that comes twice.
 */
export type Reports = { readonly [Word in ReportWord]?: number }

const states = {
  failed: 'FAILED',
  delivered: 'DELIVERED',
  read: 'READ',
  bounced: 'BOUNCED',
  complained: 'COMPLAINED',
} as const satisfies Record<ReportWord, ReportedState>

/** Null: that a message was sent is no report, but its time of sending. */
export const wordOf = (state: ReportedState): ReportWord | null =>
  reportWords.find((word) => states[word] === state) ?? null

/** The highest of what was reported. */
export function stateOf(reports: Reports): ReportedState {
  const word = reportWords.findLast((one) => reports[one] !== undefined)
  return word === undefined ? 'SENT' : states[word]
}

const shown = {
  SENT: 'SENT',
  FAILED: 'FAILED',
  DELIVERED: 'DELIVERED',
  READ: 'DELIVERED',
  BOUNCED: 'BOUNCED',
  COMPLAINED: 'DELIVERED',
} as const satisfies Record<ReportedState, DeliveryStatus>

/** The documented status of a message of which this was reported. */
export const statusOf = (reports: Reports): DeliveryStatus =>
  reports.bounced === undefined ? shown[stateOf(reports)] : 'BOUNCED'

/** What was reported, with one more report; the same object if that is nothing new. */
export function withReport(reports: Reports, word: ReportWord, at: number): Reports {
  const known = reports[word]
  return known !== undefined && known <= at ? reports : { ...reports, [word]: at }
}

/** What is read, or complained of, has arrived by then, even if nobody reported that. */
export function deliveredAt({ delivered, read, complained }: Reports): number | null {
  const known = [delivered, read, complained].filter((at) => at !== undefined)
  return known.length === 0 ? null : Math.min(...known)
}

/** Whether the report means that the provider had accepted the message and did not lose it. */
export const showsSending = (state: ReportedState): boolean => state === 'SENT' || showsArrival(state)
/** Whether it means that the message reached the person, whichever attempt it is about. */
export const showsArrival = (state: ReportedState): boolean =>
  state === 'DELIVERED' || state === 'READ' || state === 'COMPLAINED'

/** Whether an attempt may have reached the recipient although it was never settled. */
export const isInDoubt = ({
  state,
  unknownOutcomes,
}: {
  readonly state: DeliveryState
  readonly unknownOutcomes: number
}) => state === 'sending' || unknownOutcomes > 0
