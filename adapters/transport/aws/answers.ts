import type { FailureOutcome } from '../../../src/index.ts'

/**
 * What a failure means for the message. `account` pauses the account, `sender` only its messages to the recipient's country;
 * both put the message off.
 */
export type Classification = { readonly outcome: FailureOutcome | 'account' | 'sender'; readonly sentence: string }

/** `DESTINATION_COUNTRY_BLOCKED` and `InvalidParameterException` as words of ours; null: it is no such name. */
export function wordOf(name: string | null): string | null {
  if (name === null || !/^[A-Za-z][A-Za-z0-9_]{2,79}$/.test(name)) return null
  return name
    .replace(/Exception$/, '')
    .replace(/(?<=[a-z0-9])(?=[A-Z])/g, '_')
    .toLowerCase()
}

const tooMany: Classification = { outcome: 'transient', sentence: 'AWS got too many requests from the account' }
const key: Classification = { outcome: 'account', sentence: 'AWS refused the credentials' }
const permission: Classification = {
  outcome: 'account',
  sentence: 'The AWS account has no permission for this request',
}
const identity: Classification = {
  outcome: 'account',
  sentence: 'AWS does not know or cannot use the sender or the configuration set',
}
const country: Classification = { outcome: 'sender', sentence: 'The AWS account blocks the country of the recipient' }
const noSender: Classification = {
  outcome: 'sender',
  sentence: 'The AWS account has no sender that may send to the country of the recipient',
}
const optedOut: Classification = { outcome: 'suppressed', sentence: 'The recipient opted out' }
const parameter: Classification = {
  outcome: 'permanent',
  sentence: 'AWS refused the number of the recipient, or another part of the message',
}

/**
 * What errors of Amazon SNS and of End User Messaging SMS mean, by the reason where there is one, else by the name: the enums
 * `...ExceptionReason` of the SDK (aws/aws-sdk-js-v3, clients/client-pinpoint-sms-voice-v2/src/models/enums.ts).
 */
const byWord: Readonly<Record<string, Classification>> = {
  throttled: tooMany,
  throttling: tooMany,
  request_limit_exceeded: tooMany,
  too_many_requests: tooMany,
  service_unavailable: { outcome: 'transient', sentence: 'AWS is temporarily unavailable' },
  request_timeout: { outcome: 'transient', sentence: 'AWS did not receive the whole request' },

  invalid_security: key,
  invalid_client_token_id: key,
  unrecognized_client: key,
  signature_does_not_match: key,
  invalid_signature: key,
  incomplete_signature: key,
  missing_authentication_token: key,
  expired_token: key,
  request_expired: { outcome: 'account', sentence: 'The clock of this machine differs too much from that of AWS' },
  authorization_error: permission,
  access_denied: permission,
  opt_in_required: permission,
  account_disabled: { outcome: 'account', sentence: 'The AWS account is disabled' },
  insufficient_account_reputation: {
    outcome: 'account',
    sentence: 'The AWS account may not send: its reputation is too low',
  },

  monthly_spend_limit_reached_for_text: {
    outcome: 'account',
    sentence: 'The AWS account has reached its spending limit of the month',
  },
  service_quota_exceeded: { outcome: 'account', sentence: 'The AWS account has reached a limit' },

  resource_not_found: identity,
  resource_not_active: identity,
  resource_not_accessible: identity,
  sender_id_not_registered: identity,
  message_type_mismatch: { outcome: 'account', sentence: 'The sender is not for transactional messages' },
  number_capabilities_mismatch: { outcome: 'account', sentence: 'The sender is not for SMS' },

  no_origination_identities_found: noSender,
  invalid_identity_for_destination_country: noSender,
  international_sending_not_supported: noSender,
  sender_id_not_supported: noSender,
  sender_id_requires_registration: noSender,
  destination_country_blocked: country,
  destination_country_blocked_by_protect_configuration: country,
  country_not_enabled: country,

  opted_out: optedOut,
  destination_phone_number_opted_out: optedOut,
  destination_phone_number_blocked_by_protect_number_override: {
    outcome: 'permanent',
    sentence: 'The AWS account blocks the number of the recipient',
  },
  destination_phone_number_not_verified: {
    outcome: 'permanent',
    sentence: 'The AWS account is in the sandbox, and can send to verified numbers only',
  },
  price_over_threshold: {
    outcome: 'permanent',
    sentence: 'The text costs more than the price that the account allows',
  },
  invalid_parameter: parameter,
  invalid_parameter_value: parameter,
  parameter_value_invalid: parameter,
  validation: parameter,
}

/**
 * What an unsuccessful HTTP response means for a message.
 * - The JSON protocol answers 400 for almost everything, so words come first.
 * - 503 is "temporarily unavailable": the request was not accepted. Other server errors leave open whether it was.
 */
export function classify(status: number, reason: string | null, name: string | null): Classification {
  const known = (reason === null ? undefined : byWord[reason]) ?? (name === null ? undefined : byWord[name])
  if (status === 503) return { outcome: 'transient', sentence: 'AWS is temporarily unavailable' }
  if (status < 400 || status >= 500) {
    return { outcome: 'unknown', sentence: 'AWS failed, and may or may not have accepted the message' }
  }
  if (known !== undefined) return known
  if (status === 429) return tooMany
  if (status === 407) return { outcome: 'account', sentence: 'The HTTP proxy of this host requires credentials' }
  if (status === 401 || status === 403) return key
  return { outcome: 'permanent', sentence: 'AWS refused the message' }
}
