import type { EntityId } from '../../../schemas/common.ts'
import { isFailing, type KnownPauses, ruleOf } from './known-pauses.ts'
import type { Paused, PauseRule, Probe } from './paused-accounts.ts'
import type { Provider, Senders } from './providers.ts'

/** What messages are about, by which the order of their accounts is drawn. */
export const subjectName = (about: {
  readonly organizationId: string
  readonly appointmentId: EntityId | null
  readonly waitlistEntryId: EntityId | null
}): string => JSON.stringify([about.organizationId, about.appointmentId, about.waitlistEntryId])

/** By which account a message goes now. */
export type Chosen = {
  readonly provider: Provider
  /** It is to try what is paused; null: nothing it needs is. */
  readonly probe: Probe | null
  /** Why not the account before it, with the transport's word; null: it is the first in the order, or tries one. */
  readonly instead: string | null
}

/**
 * The accounts in the order in which they are tried for messages about a subject: those with a weight by chance in its
 * proportion, and after them the others as they are listed. The same subject has the same order for as long as it has the same
 * accounts, and hardly another one where these change (rendezvous hashing).
 */
export function inOrder(senders: Senders, subject: string): Senders {
  if (senders.length === 1) return senders
  let shares = known.get(senders)
  if (shares === undefined) {
    shares = sharesOf(senders)
    known.set(senders, shares)
  }
  const { weighted, others } = shares
  if (weighted.length === 0) return senders
  const hash = hashOf(subject)
  const near = weighted
    .map(({ one, seed, weight }) => ({ one, far: -Math.log(evenly(hash ^ seed)) / weight }))
    .sort((left, right) => left.far - right.far)
  const [first, ...further] = near
  return first === undefined ? senders : [first.one, ...further.map(({ one }) => one), ...others]
}

/** Those with a weight, each with a number of its own, and the others. */
type Shares = {
  readonly weighted: readonly { readonly one: Provider; readonly seed: number; readonly weight: number }[]
  readonly others: readonly Provider[]
}
/** Lists of accounts are kept as long as their settings are: see `Providers`. */
const known = new WeakMap<Senders, Shares>()

function sharesOf(senders: Senders): Shares {
  const weighted = senders.flatMap((one) => {
    const { accountId, accountKey, weight } = one
    return weight === null ? [] : [{ one, seed: hashOf(accountId ?? accountKey), weight }]
  })
  return { weighted, others: senders.filter(({ weight }) => weight === null) }
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash
}

/** Between 0 and 1, evenly: its bits mixed as MurmurHash3 does at its end. */
function evenly(bits: number): number {
  let hash = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 2 ** 32
}

/**
 * The first of these that is well; one that is to be tried comes before it. Where none is well, one that only fails too often, unless
 * the message `mayWait`: the share that gets through is better than nothing. Else what it waits for.
 */
export function chooseAccount(
  pauses: KnownPauses,
  senders: Senders,
  to: string,
  { mayWait }: { readonly mayWait: boolean },
): Chosen | Paused {
  const [first] = senders
  if (pauses.size === 0) return { provider: first, probe: null, instead: null }
  let well: Provider | null = null
  let failing: Provider | null = null
  const waitingFor: string[] = []
  let rule: PauseRule | null = null
  let instead: string | null = null
  for (const provider of senders) {
    const known = pauses.pausedFor(provider, to)
    if (known === null) {
      well ??= provider
      continue
    }
    const { account, refusals, code } = known.row
    if (known.hasProbe) return { provider, probe: { account, refusals }, instead: null }
    if (isFailing(known.row)) failing ??= provider
    waitingFor.push(account)
    rule ??= ruleOf(provider, known.row)
    instead ??= provider.accountId === null ? code : `${provider.accountId}: ${code}`
  }
  const provider = well ?? (mayWait ? null : failing)
  if (provider === null) return { waitingFor, rule: rule ?? 'account_paused' }
  return { provider, probe: null, instead: provider === first ? null : instead }
}

/** The account by which a message about the subject goes most likely, wherever it goes to; null: what is due waits. */
export function likelyAccount(pauses: KnownPauses, senders: Senders, subject: string): Provider | null {
  const [only, ...others] = senders
  if (others.length === 0) return pauses.pause(only) === null ? only : null
  const ordered = inOrder(senders, subject)
  const isOpen = (one: Provider) => pauses.pause(one) === null
  return ordered.find(isOpen) ?? ordered.find((one) => pauses.isOnlyFailing(one)) ?? null
}
