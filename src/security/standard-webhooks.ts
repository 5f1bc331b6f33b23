import { createHmac, timingSafeEqual } from 'node:crypto'
import { NotificationError } from '../errors.ts'

/** The headers of a request, as the scheme names them. */
export type WebhookHeaders = Readonly<Record<string, string | undefined>>

/** Verifies requests that are signed by the scheme of Standard Webhooks (https://www.standardwebhooks.com). */
export interface WebhookVerifier {
  /** @throws NotificationError `signature_invalid`: unsigned, stale or forged. */
  verify(headers: WebhookHeaders, body: Uint8Array, now: Date): void
}

/** How far the time of a request may be off, in seconds. */
const toleranceSeconds = 300
/** A sender that rotates its secret signs with both. More than a few are an attack. */
const maxSignatures = 10

const secretShape = /^whsec_([A-Za-z0-9+/]+={0,2})$/

/** True for `whsec_` and 24 to 64 bytes as base64. */
export function isWebhookSecret(secret: string): boolean {
  const { length } = Buffer.from(secretShape.exec(secret)?.[1] ?? '', 'base64')
  return length >= 24 && length <= 64
}

/** Any of the secrets verifies, so that one can be replaced; with none, nothing does. */
export function createWebhookVerifier(secrets: readonly string[]): WebhookVerifier {
  const keys = secrets.map((secret) => Buffer.from(secretShape.exec(secret)?.[1] ?? '', 'base64'))
  return {
    verify(headers, body, now) {
      const id = headers['webhook-id'] ?? ''
      const timestamp = headers['webhook-timestamp'] ?? ''
      const signatures = signaturesIn(headers['webhook-signature'] ?? '')
      if (id === '' || !/^\d{1,12}$/.test(timestamp) || signatures.length === 0) throw refused(unsigned)
      if (Math.abs(now.getTime() / 1000 - Number(timestamp)) > toleranceSeconds) throw refused(stale)
      let isSigned = false
      for (const key of keys) {
        const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest()
        for (const signature of signatures) isSigned = timingSafeEqual(signature, expected) || isSigned
      }
      if (!isSigned) throw refused(forged)
    },
  }
}

const signaturesIn = (header: string): readonly Buffer[] =>
  header
    .split(' ', maxSignatures)
    .flatMap((one) => (one.startsWith('v1,') ? [Buffer.from(one.slice(3), 'base64')] : []))
    .filter(({ length }) => length === 32)

const unsigned =
  'The request is not signed: it needs the headers webhook-id, webhook-timestamp and webhook-signature (Standard Webhooks).'
const stale = 'The webhook-timestamp is more than five minutes off.'
const forged = 'The webhook-signature does not belong to this body and the option "webhookSecret".'

const refused = (message: string): NotificationError => new NotificationError('signature_invalid', message)
