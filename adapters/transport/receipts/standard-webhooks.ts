import { createHmac, timingSafeEqual } from 'node:crypto'
import { NotificationError, type ReceiptReader, readProviderReport, type WebhookAccount } from '../../../src/index.ts'
import { fieldOf } from '../shared/json.ts'

export type StandardWebhooksOptions = {
  /**
   * Secrets, each `whsec_` and 24 to 64 bytes in base64: requests signed with any of them are accepted, so that one can be replaced
   * without a gap. A list speaks for the host application's own account; a function returns those of the account that is asked for.
   */
  readonly secrets: readonly string[] | ((account: WebhookAccount) => readonly string[] | Promise<readonly string[]>)
  /** How old, or how far ahead of this clock, a signature may be, in ms. Default 300000. */
  readonly toleranceMs?: number
}

/**
 * Reads reports signed by the rules of Standard Webhooks (https://www.standardwebhooks.com): headers `webhook-id`, `webhook-timestamp`
 * and `webhook-signature`. The body is JSON: one report, or `{ "reports": [...] }`, each with
 *
 * - `notification_id`, as `send` got it, or `message_id`, as `send` returned it;
 * - `outcome`: `sent`, `delivered`, `read`, `failed`, `bounced` or `complained`;
 * - and optional `at` (ISO 8601), `to`, `code`, `error`, `transient`, `opted_out`, `address_unknown`.
 * @throws NotificationError `options_invalid` for a secret that is none.
 */
export function standardWebhooks({ secrets, toleranceMs = 300_000 }: StandardWebhooksOptions): ReceiptReader {
  const own = typeof secrets === 'function' ? null : secrets.map(keyOf)
  return async ({ headers, body, now }, account) => {
    const id = headers['webhook-id'] ?? ''
    const timestamp = headers['webhook-timestamp'] ?? ''
    const isOwners = account.organizationId === null
    const keys = typeof secrets === 'function' ? (await secrets(account)).map(keyOf) : isOwners ? (own ?? []) : []
    const content = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body])
    if (!isSigned(keys, content, headers['webhook-signature'] ?? '')) return { kind: 'refused', reason: 'unsigned' }
    if (!/^\d{1,12}$/.test(timestamp) || Math.abs(now.getTime() - Number(timestamp) * 1000) > toleranceMs) {
      return { kind: 'refused', reason: 'stale' }
    }
    return { kind: 'read', reports: reportsIn(body).map((one) => readProviderReport(named(one))) }
  }
}

function keyOf(secret: string): Buffer {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  if (key.length >= 24 && key.length <= 64) return key
  throw new NotificationError(
    'options_invalid',
    'standardWebhooks: a secret must be "whsec_" and 24 to 64 bytes in base64',
    {
      field: 'secrets',
    },
  )
}

/** Whether one of the signatures, separated by blanks, is of one of the keys. */
function isSigned(keys: readonly Buffer[], content: Buffer, header: string): boolean {
  const given = header.split(' ').flatMap((one) => (one.startsWith('v1,') ? [Buffer.from(one.slice(3))] : []))
  let found = false
  for (const key of keys) {
    const expected = Buffer.from(createHmac('sha256', key).update(content).digest('base64'))
    for (const one of given) found = (one.length === expected.length && timingSafeEqual(one, expected)) || found
  }
  return found
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
