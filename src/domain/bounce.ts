import { anotherDayMs } from './address.ts'

/** What a report says of the message for one recipient. */
type Reported = {
  readonly addresses: readonly string[]
  readonly outcome: 'bounced' | 'delayed' | 'other'
  readonly addressUnknown: boolean
}

export type Verdict<Report> = {
  readonly outcome: 'bounced' | 'delayed'
  readonly report: Report
  /** Nobody has the address that the message was sent to. */
  readonly addressUnknown: boolean
}

/**
 * What a report says of a message to one recipient; null: nothing of interest. Where it names that recipient, the others do not count.
 * Where it names only others, the message was forwarded: it bounced if it did for all of them, and that nobody has their addresses
 * says nothing of ours.
 */
export function verdictOf<Report extends Reported>(
  reports: readonly Report[],
  isRecipient: (address: string) => boolean,
): Verdict<Report> | null {
  const own = reports.filter(({ addresses }) => addresses.some(isRecipient))
  const counting = own.length > 0 ? own : reports
  const bounced = counting.filter(({ outcome }) => outcome === 'bounced')
  const delayed = counting.find(({ outcome }) => outcome === 'delayed')
  const [first] = bounced
  if (first !== undefined && bounced.length === counting.length) {
    const unknown = own.find(({ addressUnknown }) => addressUnknown)
    return { outcome: 'bounced', report: unknown ?? first, addressUnknown: unknown !== undefined }
  }
  return delayed === undefined ? null : { outcome: 'delayed', report: delayed, addressUnknown: false }
}

/** A message to an address, and what is known of it by now. */
export type EarlierMessage = {
  readonly id: number
  readonly at: Date
  /** It was refused for the reason in question; null: it is open or failed otherwise. */
  readonly result: 'refused' | 'accepted' | null
}

/**
 * Whether messages of another day were refused for the same reason as this one, with none in between that was accepted and never came
 * back. In any order: reports may arrive late, and together. `since`: when a suppression was last lifted.
 */
export function isRefusedAgain(
  messages: readonly EarlierMessage[],
  { id, at }: Pick<EarlierMessage, 'id' | 'at'>,
  since: Date | null,
): boolean {
  const counting = messages.filter((one) => since === null || one.at > since)
  return counting.some((other) => {
    if (other.id === id || other.result !== 'refused') return false
    if (Math.abs(other.at.getTime() - at.getTime()) < anotherDayMs) return false
    const [from, to] = other.at < at ? [other.at, at] : [at, other.at]
    return !counting.some((one) => one.result === 'accepted' && one.at > from && one.at < to)
  })
}
