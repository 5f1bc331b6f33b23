import { NotificationError } from '../../../src/errors.ts'
import type { ReceiptReader, WebhookAccount } from '../../../src/index.ts'
import { readProviderReport } from '../../../src/schemas/receipt.ts'
import { createWebhookVerifier } from '../../../src/security/standard-webhooks.ts'
import { fieldOf } from '../shared/json.ts'
import { requireNumbers } from '../shared/numbers.ts'

/** Options of `standardWebhooks()`. */
export type StandardWebhooksOptions = {
  /**
   * Secrets, each `whsec_` and 24 to 64 bytes in base64. Requests signed with any of them are accepted, so that a secret can
   * be replaced without a gap. A list is for the host application's own account; a function returns those of the account
   * given.
   */
  readonly secrets: readonly string[] | ((account: WebhookAccount) => readonly string[] | Promise<readonly string[]>)
  /** How far the time of a signature may be from this clock, in ms. Default 300000. */
  readonly toleranceMs?: number
}

/**
 * Reads reports signed by the rules of Standard Webhooks (https://www.standardwebhooks.com): headers `webhook-id`, `webhook-timestamp`
 * and `webhook-signature`. The body is JSON: one report, or `{ "reports": [...] }`, each with
 *
 * - `notification_id`, as `send` got it, or `message_id`, as `send` returned it;
 * - `outcome`: `sent`, `delivered`, `read`, `failed`, `bounced` or `complained`;
 * - and optional `at` (ISO 8601), `to`, `code`, `error`, `transient`, `opted_out`, `address_unknown`.
 * @throws NotificationError `options_invalid` for an invalid secret or tolerance.
 */
export function standardWebhooks(options: StandardWebhooksOptions): ReceiptReader {
  requireNumbers('standardWebhooks', options, { toleranceMs: 1000 })
  const { secrets, toleranceMs } = options
  const own = createWebhookVerifier(typeof secrets === 'function' ? [] : secrets, toleranceMs)
  const nobody = createWebhookVerifier([])
  return async (request, account) => {
    const isOwners = account.organizationId === null
    const verify =
      typeof secrets === 'function'
        ? createWebhookVerifier(await secrets(account), toleranceMs)
        : isOwners
          ? own
          : nobody
    const refusal = verify(request)
    if (refusal !== null) return { kind: 'refused', reason: refusal }
    return { kind: 'read', reports: reportsIn(request.body).map((one) => readProviderReport(named(one))) }
  }
}

function reportsIn(body: Uint8Array): readonly unknown[] {
  const value = parsed(body)
  const reports = fieldOf(value, 'reports')
  return Array.isArray(reports) ? reports : [value]
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'))
  } catch {
    // The parser's message would quote the body.
    throw new NotificationError('bad_request', 'The body is not well-formed JSON in UTF-8.')
  }
}

/** In the names of TypeScript. */
function named(report: unknown) {
  const of = (name: string) => fieldOf(report, name) ?? undefined
  const at = of('at')
  const receipt = {
    outcome: of('outcome'),
    at: typeof at === 'string' ? new Date(at) : at,
    code: of('code'),
    error: of('error'),
    transient: of('transient'),
    optedOut: of('opted_out'),
    addressUnknown: of('address_unknown'),
  }
  return { notificationId: of('notification_id'), messageId: of('message_id'), to: of('to'), receipt }
}
