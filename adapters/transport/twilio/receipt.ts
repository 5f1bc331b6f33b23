import type { Receipt } from '../../../src/index.ts'
import { isTwilioCode, verdictOfFailed } from './answers.ts'

const outcomes: Readonly<Record<string, Receipt['outcome']>> = {
  sent: 'sent',
  delivered: 'delivered',
  read: 'delivered',
  undelivered: 'failed',
  failed: 'failed',
  canceled: 'failed',
}

/**
 * What a status callback says of a message, for `recordReceipt`; null: nothing is known yet. Check the signature first. What
 * failed for the moment, such as a telephone that is switched off (30003), is tried again.
 */
export function twilioReceipt(params: Readonly<Record<string, string>>): Receipt | null {
  const outcome = outcomes[params['MessageStatus'] ?? '']
  if (outcome === undefined) return null
  const messageId = params['MessageSid'] || null
  // A code may stay on the report of a success that comes later.
  if (outcome !== 'failed') return { outcome, messageId }
  const number = Number(params['ErrorCode'])
  const code = isTwilioCode(number) ? number : null
  const verdict = verdictOfFailed(code)
  return {
    outcome,
    messageId,
    code: code === null ? 'twilio_failed' : `twilio_${code}`,
    error: `${verdict.sentence}.`,
    transient: verdict.outcome === 'transient',
  }
}
