import type { FailureOutcome } from '../../../src/index.ts'

/**
 * What a failure means. `account`: every message of this account would fail, which pauses it; `sender`: every one to the recipient's
 * country. `later`: this person gets no such message for now, and trying again soon makes it worse.
 */
export type Classification = {
  readonly outcome: FailureOutcome | 'account' | 'sender' | 'service' | 'later'
  readonly sentence: string
  /** Meta took the account, and what it refused is about this recipient or this template. */
  readonly accountProven?: true
}

const token: Classification = { outcome: 'account', sentence: 'Meta refused the access token' }
const permission: Classification = { outcome: 'account', sentence: 'The access token lacks a permission' }
const tooMany: Classification = { outcome: 'transient', sentence: 'Meta got too many messages from this account' }
const unregistered: Classification = {
  outcome: 'account',
  sentence: 'The phone number is not registered with the Cloud API',
}
/** Meta failed: with a status of 500 and above it may have taken the message all the same. */
const service: Classification = { outcome: 'service', sentence: 'WhatsApp is not available' }
const faulty = (sentence: string): Classification => ({ outcome: 'permanent', sentence, accountProven: true })

/**
 * Meta's error codes, in responses and in webhooks: developers.facebook.com, WhatsApp Business Platform, Error codes. Titles and
 * messages change; codes do not.
 */
const byCode: Readonly<Record<number, Classification>> = {
  0: token,
  190: token,
  3: permission,
  10: permission,
  131005: permission,
  33: { outcome: 'account', sentence: 'There is no such phone number ID, or the access token may not use it' },
  368: { outcome: 'account', sentence: 'The WhatsApp Business Account is restricted for violating a policy' },
  131031: { outcome: 'account', sentence: 'The WhatsApp Business Account is locked' },
  131042: { outcome: 'account', sentence: 'The WhatsApp Business Account has a problem with its payment' },
  131048: {
    outcome: 'account',
    sentence: 'The sender is restricted: too many of its messages were blocked or reported',
  },
  131064: { outcome: 'account', sentence: 'The account is restricted: Meta counts its templates as another category' },
  131037: { outcome: 'account', sentence: 'The display name of the phone number is not approved' },
  131045: unregistered,
  133006: unregistered,
  133010: unregistered,
  130497: { outcome: 'sender', sentence: 'The account may not write to the country of the recipient' },

  4: tooMany,
  80007: tooMany,
  130429: tooMany,
  131056: { outcome: 'transient', sentence: 'Meta got too many messages to this recipient from this account' },
  131057: { outcome: 'transient', sentence: 'Meta is changing the account, which takes about a minute' },

  1: service,
  2: service,
  131000: service,
  131016: service,
  133004: service,

  131026: faulty(
    'WhatsApp cannot deliver to the recipient, who may not use it, use an old version, not have accepted its terms, or block the sender',
  ),
  130403: faulty('The sender blocks the recipient'),
  131021: faulty('The recipient is the sender'),
  131030: faulty('A test number of Meta may write to the numbers on its list only, and the recipient is not there'),
  130472: faulty('The recipient is part of an experiment of Meta, and gets no such message'),
  131047: faulty('More than 24 hours have passed since the recipient wrote, and the message is not a template'),
  131050: faulty('The recipient stopped marketing by this business, and Meta counts the template as marketing'),
  131049: {
    outcome: 'later',
    sentence:
      'Meta held the message back, since the recipient got enough marketing; have the template approved as utility',
  },

  131008: faulty('A value is missing; the header and the buttons of the template may have no variables'),
  131009: faulty('Meta takes none such value, which may be the number of the recipient'),
  131063: faulty('Meta counts the template as marketing, which this account does not send by the Cloud API'),
  132000: faulty('The template has another number of variables than the organization says'),
  132001: faulty('There is no such template in this language, or it is not approved'),
  132005: faulty('The template is too long with its values'),
  132007: faulty('The template violates a policy of WhatsApp'),
  132012: faulty('A variable of the template has another format, such as a name in place of a number'),
  132015: faulty('The template is paused because of its quality'),
  132016: faulty('The template is disabled because of its quality'),
  132018: faulty('The values are none for this template'),
}

/** What an error with this code means; `status`: of the response, null in a webhook. */
export function classify(code: number | null, status: number | null, isTransient = false): Classification {
  const known = code === null ? undefined : byCode[code]
  const isServerError = status !== null && (status < 400 || status >= 500)
  if (known?.outcome === 'service' || (known === undefined && isServerError)) {
    return isServerError
      ? { outcome: 'unknown', sentence: 'Meta failed, and may or may not have accepted the message' }
      : { ...service, outcome: 'transient' }
  }
  if (known !== undefined) return known
  if (code !== null && code >= 200 && code < 300) return permission
  if (status === 401 || status === 403) return token
  if (status === 429 || status === 408 || isTransient)
    return { outcome: 'transient', sentence: 'Meta asks to try again' }
  return { outcome: 'permanent', sentence: 'Meta refused the message' }
}
