import { createHmac, timingSafeEqual } from 'node:crypto'
import { NotificationError } from '../errors.ts'

/** A request as it arrived. */
export type SignedWebhook = {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Uint8Array
  readonly now: Date
}

/** `unsigned`: none of the secrets signed this id, time and body. `stale`: one of them did, too long ago or by a wrong clock. */
export type WebhookRefusal = 'unsigned' | 'stale'

/** Why a request is refused; null: it is genuine. */
export type WebhookVerifier = (webhook: SignedWebhook) => WebhookRefusal | null

/** How far the time of a request may be off by default, in ms. */
export const webhookToleranceMs = 300_000
/** A sender that rotates its secret signs with both. More than a few are an attack. */
const maxSignatures = 10

const secretShape = /^whsec_([A-Za-z0-9+/]+)={0,2}$/

/** Null: it is not `whsec_` and 24 to 64 bytes in base64, of which the padding may be missing. */
function keyOf(secret: string): Buffer | null {
  const text = secretShape.exec(secret)?.[1] ?? ''
  const key = Buffer.from(text, 'base64')
  // What was lost or changed on the way decodes to something all the same.
  const isWhole = key.toString('base64').replace(/=+$/, '') === text
  return isWhole && key.length >= 24 && key.length <= 64 ? key : null
}

export const isWebhookSecret = (secret: string): boolean => keyOf(secret) !== null

/**
 * Verifies requests signed by Standard Webhooks (https://www.standardwebhooks.com): headers `webhook-id`, `webhook-timestamp` and
 * `webhook-signature`. Any of the secrets verifies, so that one can be replaced; with none, nothing does.
 * @throws NotificationError `options_invalid` for a secret that is not `whsec_` and 24 to 64 bytes in base64.
 */
export function createWebhookVerifier(secrets: readonly string[], toleranceMs = webhookToleranceMs): WebhookVerifier {
  const keys = secrets.map((secret) => {
    const key = keyOf(secret)
    if (key !== null) return key
    const message = 'A secret of Standard Webhooks must be "whsec_" and 24 to 64 bytes in base64.'
    throw new NotificationError('options_invalid', message, { field: 'secrets' })
  })
  return ({ headers, body, now }) => {
    const id = headers['webhook-id'] ?? ''
    const timestamp = headers['webhook-timestamp'] ?? ''
    // With a full stop in the id, what was signed as a body could be passed off as a later time.
    if (!/^[^.]+$/.test(id) || !/^\d{1,12}$/.test(timestamp)) return 'unsigned'
    const given = signaturesIn(headers['webhook-signature'] ?? '')
    let isSigned = false
    for (const key of keys) {
      const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')
      for (const one of given) isSigned = isSame(one, expected) || isSigned
    }
    if (!isSigned) return 'unsigned'
    return Math.abs(now.getTime() - Number(timestamp) * 1000) <= toleranceMs ? null : 'stale'
  }
}

/** In base64, as they are compared: a decoder would take other letters for the same bytes. */
const signaturesIn = (header: string): readonly string[] =>
  header.split(' ', maxSignatures).flatMap((one) => (one.startsWith('v1,') ? [one.slice(3)] : []))

function isSame(one: string, other: string): boolean {
  const [given, expected] = [Buffer.from(one), Buffer.from(other)]
  return given.length === expected.length && timingSafeEqual(given, expected)
}
