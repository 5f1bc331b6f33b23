import type { FailureOutcome } from '../../../src/index.ts'

/**
 * What a failure means for the message. `account` pauses the account, `sender` only its messages to the recipient's country;
 * both put the message off.
 */
export type Classification = { readonly outcome: FailureOutcome | 'account' | 'sender'; readonly sentence: string }

/** One of Twilio's own error codes. */
export const isTwilioCode = (code: unknown): code is number =>
  typeof code === 'number' && Number.isInteger(code) && code >= 10_000 && code <= 99_999

const away: Classification = { outcome: 'transient', sentence: 'WhatsApp is not available' }

/** What Twilio's error codes mean: https://www.twilio.com/docs/api/errors. Others are classified by HTTP status. */
const byCode: Readonly<Record<number, Classification>> = {
  20003: { outcome: 'account', sentence: 'Twilio refused the credentials' },
  20005: { outcome: 'account', sentence: 'The Twilio account is not active' },
  20429: { outcome: 'transient', sentence: 'Twilio got too many requests at the same time' },
  21211: { outcome: 'permanent', sentence: 'The number of the recipient is invalid' },
  21212: { outcome: 'account', sentence: 'The number of the sender is invalid' },
  21408: { outcome: 'sender', sentence: 'The Twilio account is not allowed to send to the country of the recipient' },
  21606: {
    outcome: 'sender',
    sentence: 'The sender cannot send to this destination, or does not belong to this account',
  },
  21608: { outcome: 'permanent', sentence: 'The trial account can send to verified numbers only' },
  21610: { outcome: 'suppressed', sentence: 'The recipient opted out' },
  21611: { outcome: 'transient', sentence: 'The queue of the sender is full' },
  21612: { outcome: 'sender', sentence: 'The recipient cannot be reached from this sender' },
  21614: { outcome: 'permanent', sentence: 'The number of the recipient is not a mobile number' },
  21617: { outcome: 'permanent', sentence: 'The text is too long for Twilio' },
  21659: {
    outcome: 'sender',
    sentence: 'The sender is not a Twilio number, or belongs to another country than the recipient',
  },
  21660: { outcome: 'account', sentence: 'The sender does not belong to the Twilio account' },
  21703: { outcome: 'account', sentence: 'The Messaging Service has no sender' },
  21705: { outcome: 'account', sentence: 'The Messaging Service does not exist, or belongs to another account' },
  // These usually come with a delivery status, but a message may also be created with the status failed.
  30001: { outcome: 'transient', sentence: 'The queue of the sender is full' },
  30002: { outcome: 'account', sentence: 'The Twilio account is suspended' },
  30003: { outcome: 'transient', sentence: 'The handset of the recipient cannot be reached' },
  30004: { outcome: 'permanent', sentence: 'The recipient or the carrier blocks the sender' },
  30005: { outcome: 'permanent', sentence: 'The number of the recipient is unknown' },
  30006: { outcome: 'permanent', sentence: 'The number of the recipient is a landline' },
  30007: { outcome: 'permanent', sentence: 'The carrier filtered the text' },
  30008: { outcome: 'permanent', sentence: 'The carrier could not deliver the text and gave no reason' },
  30024: { outcome: 'sender', sentence: 'The sender is not provisioned for the destination' },
  30034: {
    outcome: 'sender',
    sentence: 'The sender is not registered with the carriers of the destination (A2P 10DLC)',
  },
  30036: { outcome: 'permanent', sentence: 'The validity period of the text ended before Twilio could send it' },
  30009: { outcome: 'permanent', sentence: 'A part of the text was lost' },
  30010: { outcome: 'permanent', sentence: 'The text costs more than the price that the account allows' },
  30032: { outcome: 'sender', sentence: 'The toll-free number of the sender is not verified' },
  // Of WhatsApp and templates of the Content API: https://www.twilio.com/docs/whatsapp/api/error-code-mapping.
  21654: { outcome: 'permanent', sentence: 'The template has no ContentSid' },
  21655: { outcome: 'permanent', sentence: 'There is no template with this ContentSid' },
  21656: { outcome: 'permanent', sentence: 'The variables are not those of the template' },
  63001: { outcome: 'account', sentence: 'WhatsApp did not accept the credentials of the sender at Twilio' },
  63002: { outcome: 'account', sentence: 'WhatsApp does not know the sender' },
  63003: { outcome: 'permanent', sentence: 'The number of the recipient is not on WhatsApp' },
  63005: { outcome: 'permanent', sentence: 'WhatsApp did not accept the content' },
  63007: { outcome: 'account', sentence: 'The number of the sender is not registered with WhatsApp' },
  63008: { outcome: 'account', sentence: 'The WhatsApp sender is not configured correctly' },
  63009: away,
  63010: away,
  63012: away,
  63013: { outcome: 'permanent', sentence: 'The message violates a policy of WhatsApp' },
  63014: { outcome: 'suppressed', sentence: 'The recipient blocks the sender' },
  63015: { outcome: 'permanent', sentence: 'The recipient has not joined the sandbox of Twilio, or did so days ago' },
  63016: {
    outcome: 'permanent',
    sentence: 'The recipient has not written in 24 hours, and the message is no approved template',
  },
  63018: { outcome: 'transient', sentence: 'WhatsApp got too many messages from the sender' },
  63020: { outcome: 'account', sentence: 'WhatsApp does not accept the Business Account of the sender' },
  63021: {
    outcome: 'permanent',
    sentence: 'WhatsApp rejected the content, such as a template that is too long with its values',
  },
  63024: { outcome: 'permanent', sentence: 'WhatsApp cannot deliver to the recipient, who may not use it' },
  63027: { outcome: 'permanent', sentence: 'There is no such template in this language' },
  63028: { outcome: 'permanent', sentence: 'The template has another number of variables' },
  63030: { outcome: 'permanent', sentence: 'A variable of the template has another format' },
  63031: { outcome: 'permanent', sentence: 'The recipient is the sender' },
  63032: { outcome: 'permanent', sentence: 'The recipient is part of an experiment of Meta, and gets no such message' },
  63033: { outcome: 'permanent', sentence: 'The recipient cannot get this message by WhatsApp' },
  63038: { outcome: 'account', sentence: 'The Twilio account has reached its daily limit' },
  63040: { outcome: 'permanent', sentence: 'Meta rejected the template' },
  63041: { outcome: 'permanent', sentence: 'The template is paused because of its quality' },
  63042: { outcome: 'permanent', sentence: 'The template is disabled because of its quality' },
  63049: {
    outcome: 'permanent',
    sentence: 'Meta held the message back, and counts the template as marketing; have it approved as utility',
  },
}

/** Refused requests are final, unless classified otherwise below. */
const refused: Classification = { outcome: 'permanent', sentence: 'Twilio refused the message' }

/**
 * What an unsuccessful HTTP response means for a message.
 * - 429 is "never processed and always safe to retry" (https://www.twilio.com/docs/api/errors/20429).
 * - 503 is "temporarily unavailable, try again" (errors/20503): the server did not accept the request.
 * - 500 for a message "may lead to several messages" when repeated (errors/20500), and 502 and 504 of a gateway are as
 *   ambiguous. These, and statuses that the API does not have, leave the outcome unknown.
 */
export function classify(status: number, code: number | null): Classification {
  if (status === 503) return { outcome: 'transient', sentence: 'Twilio is temporarily unavailable' }
  if (status < 400 || status >= 500) {
    return { outcome: 'unknown', sentence: 'Twilio failed, and may or may not have accepted the message' }
  }
  const known = code === null ? undefined : byCode[code]
  if (known !== undefined) return known
  if (status === 429) return { outcome: 'transient', sentence: 'Twilio got too many requests' }
  if (status === 408) return { outcome: 'transient', sentence: 'Twilio did not receive the whole request' }
  if (status === 407) return { outcome: 'account', sentence: 'The HTTP proxy of this host requires credentials' }
  if (status === 401) return { outcome: 'account', sentence: 'Twilio refused the credentials' }
  // 20xxx are codes of the platform: an unknown Account SID, a request that the account may not make.
  const ofPlatform = code === null || code < 21_000
  if ((status === 403 || status === 404) && ofPlatform) {
    return { outcome: 'account', sentence: 'Twilio does not serve this account' }
  }
  return refused
}

/** What the error code of a message with the status failed or undelivered means. */
export const classifyFailed = (code: number | null): Classification =>
  code === null ? refused : (byCode[code] ?? refused)
