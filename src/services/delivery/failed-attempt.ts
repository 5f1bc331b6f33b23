import { anotherDayMs } from '../../domain/address.ts'
import { addressKey } from '../../domain/effective.ts'
import { nextAttempt } from '../../domain/retry.ts'
import type { TransportError } from '../../errors.ts'
import type { AddressNews, DeliveryRow, SettleCommand, SettleResult } from '../../ports/storage.ts'
import { definedOnly } from '../../schemas/defined.ts'
import type { Rule } from '../../schemas/rules.ts'
import type { DecisionAction } from '../../schemas/vocabulary.ts'
import { type Provider, sourceOf } from '../shared/accounts/providers.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'
import { personOf } from '../shared/knowledge.ts'
import { KnownAddresses, type OwnAddress } from '../shared/known-addresses.ts'
import { entryOf, type Outgoing } from './decisions.ts'
import { lastMomentOf } from './intent.ts'
import { type DueWork, mayHaveGoneOut } from './work.ts'

/** What happens to a delivery whose attempt failed. */
export type Failure = Pick<SettleCommand, 'result' | 'entries'> & {
  /** What the failure shows about the address; null: nothing. */
  readonly news: AddressNews | null
  /** The provider refused the account or the sender, not only this message; both are paused. */
  readonly isPause: boolean
}

/**
 * Classifies a failed attempt: pauses an account or sender that was refused, and returns what happens to the message (failed, retried,
 * put off or held).
 */
export async function attemptFailed(
  context: Context,
  due: DueWork,
  delivery: DeliveryRow,
  { provider, senders, reader, probe, deadline, unknownOutcome, message: { to } }: Outgoing,
  error: TransportError,
  at: Date,
): Promise<Failure> {
  const { accounts, options } = context
  const { retry: policy, random } = options
  const { code, message, outcome, retryAfterMs } = error
  const refused = outcome === 'unknown' ? null : refusedBy(error, to)
  const details = { code, message, retryAfterMs, probe, hasOthers: senders.length > 1 }
  const paused = refused === null ? null : await accounts.refused(provider, delivery, { ...refused, ...details })
  if (paused === null && error.accountProven) await accounts.proven(provider, to, probe)
  const { attempts } = delivery
  const waits = definedOnly({ retryAfterMs })
  const next = nextAttempt({ policy, attempts, now: at, deadline, random: random(), ...waits })
  const isDoubted = error.addressUnknown && outcome === 'permanent'
  const isUnknown = isDoubted && (await isUnknownAgain(context, addressOf(delivery, provider, to), at))
  const news = isDoubted ? ({ kind: 'doubted' } as const) : null

  const failure = (result: SettleResult, action: DecisionAction, rule: Rule): Failure => {
    const entries = [{ ...entryOf(due, action, rule, code), notificationId: delivery.id }]
    return { result, news, entries, isPause: paused !== null }
  }
  const fail = (rule: Rule) => failure({ kind: 'failed', code, message }, 'failed', rule)
  const tooLate = () => {
    const late = `Not sent in time (${code}): ${message}`
    return failure({ kind: 'failed', code: 'too_late', message: late }, 'failed', 'too_late')
  }
  const retry = { kind: 'retry', code, message, countAttempt: true, unknown: false } as const

  if (outcome === 'suppressed' || isUnknown) {
    const cause = isUnknown ? 'invalid' : 'stop'
    const person = personOf({ organizationId: delivery.organizationId, recipient: reader })
    return { ...fail('suppressed'), news: { kind: 'suppressed', cause, code, person } }
  }
  if (paused !== null) {
    const next = senders.length === 1 ? paused : accounts.choose(senders, to, { mayWait: mayHaveGoneOut(due) })
    if (!('waitingFor' in next)) {
      const isOver = deadline !== null && deadline <= at
      return isOver ? tooLate() : failure({ ...retry, dueAt: at, countAttempt: false }, 'retried', 'next_account')
    }
    const { waitingFor, rule } = next
    const dueAt = lastMomentOf(deadline, at)
    return dueAt <= at ? tooLate() : failure({ ...retry, dueAt, countAttempt: false, waitingFor }, 'deferred', rule)
  }
  if (outcome === 'permanent') return fail('permanent_failure')
  if (outcome === 'transient') {
    if (attempts > policy.maxRetries) return fail('retries_exhausted')
    return next === null ? tooLate() : failure({ ...retry, dueAt: next }, 'retried', 'transient_failure')
  }
  // An unknown outcome is retried once, under the same idempotency key; a second one is held.
  if (unknownOutcome !== 'hold' && delivery.unknownOutcomes === 0 && next !== null) {
    return failure({ ...retry, dueAt: next, unknown: true }, 'retried', 'unknown_retry')
  }
  return failure({ kind: 'unknown', code, message }, 'held', 'unknown_hold')
}

/**
 * What the provider refused besides the message; null: only the message. A destination that the address does not begin with is
 * ignored: no message goes there, so its pause would never end.
 */
function refusedBy({ scope, destination }: TransportError, to: string): { readonly destination: string | null } | null {
  if (scope === 'account') return { destination: null }
  return scope === 'sender' && destination && to.startsWith(destination) ? { destination } : null
}

/** The address that a message was sent to. */
export const addressOf = (
  { organizationId, channel }: Pick<DeliveryRow, 'organizationId' | 'channel'>,
  provider: Provider,
  to: string,
): OwnAddress => ({
  organizationId,
  channel,
  address: addressKey(channel, to),
  isShared: sourceOf(provider) !== 'organization',
})

/** What it says of an address that nobody has it: a doubt at first, and at the second time on another day that it is so. */
export const newsOfUnknown = async (
  context: Context,
  address: OwnAddress,
  code: string,
  at: Date,
): Promise<AddressNews> =>
  (await isUnknownAgain(context, address, at)) ? { kind: 'suppressed', cause: 'invalid', code } : { kind: 'doubted' }

/**
 * Whether a provider reported the address as unknown on an earlier day too. A mail server that loses its directory for an hour
 * reports every address as unknown (RFC 5321 gives it no other code), and that must not suppress a patient for good.
 */
async function isUnknownAgain(
  { options: { storage, logger } }: Context,
  address: OwnAddress,
  at: Date,
): Promise<boolean> {
  try {
    const since = (await KnownAddresses.load(storage.addresses, [address])).unknownSince(address)
    return since !== null && at.getTime() - since.getTime() >= anotherDayMs
  } catch (fault) {
    const { organizationId } = address
    logger.warn('earlier refusals of an address not read', { organizationId, fault: faultOf(fault) })
    return false
  }
}
