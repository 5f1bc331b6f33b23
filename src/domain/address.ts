import type { Suppression } from '../schemas/address.ts'
import type { InboundReply, SuppressionCause } from '../schemas/vocabulary.ts'

/** What a row of an address says of whether it may be written to. */
export type Standing = {
  readonly suppression: Suppression | null
  /** When the organization last lifted a suppression. */
  readonly liftedAt: Date | null
}

/**
 * What holds for an organization: its own row, else that of the sender it shares with others (undefined: it shares none). A row of
 * the shared sender is nobody's to take back for all: an organization that lifted it for itself is bound again by what comes later.
 */
export function suppressionFor(own: Standing | undefined, shared: Standing | undefined): Suppression | null {
  const ofOwn = own?.suppression ?? null
  const ofAll = shared?.suppression ?? null
  const liftedAt = own?.liftedAt ?? null
  if (ofAll === null || (liftedAt !== null && liftedAt > ofAll.since)) return ofOwn
  return ofOwn === null || weightOf(ofAll) > weightOf(ofOwn) ? ofAll : ofOwn
}

/** When a suppression was lifted: after it, so that one of the same millisecond that comes then binds again. */
export const liftedAfter = (suppression: Suppression | null, at: Date): Date =>
  suppression === null || at > suppression.since ? at : new Date(suppression.since.getTime() + 1)

/** The person's word before what a failure said, and the later before the earlier: what a consent has to answer. */
const weightOf = ({ cause, since }: Suppression): number => (isPersons(cause) ? since.getTime() : -1 / since.getTime())

/** Refusals this far apart count as from different days: 20 h, since a daily reminder may go out a little earlier than the day before. */
export const anotherDayMs = 20 * 3_600_000

/** The person's own word, which only the person takes back. Everything else is about the address, and may be wrong. */
export const isPersons = (cause: SuppressionCause): boolean => cause === 'stop' || cause === 'complaint'

/** By which somebody may be written to again. `onlyStop`: a complaint is not taken back by START. */
export type TakingBack = { readonly act: string | null; readonly onlyStop: boolean; readonly at: Date }

/** Whether it takes the suppression back. What only says that the address fails stays. */
export function isTakenBack({ cause, since }: Suppression, { act, onlyStop, at }: TakingBack): boolean {
  if (since > at) return false
  if (cause === 'doubt') return act === 'given' || act === 'cleared'
  return act === 'given' && isPersons(cause) && !(onlyStop && cause === 'complaint')
}

/** The same is said to an address at most this often, so that two machines that answer each other fall silent. */
const answeredEveryMs = 3_600_000

/**
 * Whether a person is notified that they opted out, are back, or whom to call. What changed nothing is not confirmed, and whoever opted
 * out gets the one confirmation of that and nothing after it.
 */
export function isAnswered(
  reply: InboundReply,
  {
    isChanged,
    isStopped,
    lastAt,
    now,
  }: {
    readonly isChanged: boolean
    /** By the person's own word, before this message. */
    readonly isStopped: boolean
    readonly lastAt: Date | null
    readonly now: Date
  },
): boolean {
  if (lastAt !== null && now.getTime() - lastAt.getTime() < answeredEveryMs) return false
  return reply === 'help' ? !isStopped : isChanged
}
