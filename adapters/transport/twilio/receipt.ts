import type { DeliveryReceipt } from '../../../src/index.ts'
import { classifyFailed, isTwilioCode } from './answers.ts'

const outcomes: Readonly<Record<string, DeliveryReceipt['outcome']>> = {
  sent: 'sent',
  delivered: 'delivered',
  read: 'read',
  undelivered: 'failed',
  failed: 'failed',
  canceled: 'failed',
}

/**
 * Converts a status callback for `recordReceipt`; null: the outcome is not known yet. Check the signature first. A message with a
 * transient failure, such as a phone that is switched off (30003), is tried again, and so is one that the account is to blame for, which
 * may be well by then.
 */
export function twilioReceipt(params: Readonly<Record<string, string>>): DeliveryReceipt | null {
  const outcome = outcomes[params['MessageStatus'] ?? '']
  if (outcome === undefined) return null
  const messageId = params['MessageSid'] || null
  // The report of a later success may still contain an earlier code.
  if (outcome !== 'failed') return { outcome, messageId }
  const number = Number(params['ErrorCode'])
  const code = isTwilioCode(number) ? number : null
  const { outcome: kind, sentence } = classifyFailed(code)
  return {
    outcome,
    messageId,
    code: code === null ? 'twilio_failed' : `twilio_${code}`,
    error: `${sentence}.`,
    transient: kind === 'transient' || kind === 'account',
    optedOut: kind === 'suppressed',
    addressUnknown: code !== null && nobodysNumbers.has(code),
  }
}

/** The number is not in use, or one that takes no texts. */
const nobodysNumbers: ReadonlySet<number> = new Set([21614, 30005, 30006])
