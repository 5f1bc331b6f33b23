import { afterEach } from 'vitest'
import { type TwilioOptions, twilio } from '../../../adapters/transport/twilio.ts'
import {
  isTransportError,
  type OutboundMessage,
  type SendContext,
  type Transport,
  type TransportError,
} from '../../../src/index.ts'
import { startTwilioServer, type TwilioServerSettings } from '../../support/twilio-server.ts'

/** Values that may show up nowhere but in the request itself. */
export const canaries = {
  phone: '+14155550167',
  text: 'canary text',
  accountSid: 'ACcanary0000000000000000000000000a',
  authToken: 'canary-auth-token',
}
export const credentials = { accountSid: canaries.accountSid, authToken: canaries.authToken }

const cleanups: (() => Promise<void>)[] = []

/** Call at the top of a test file: transports and servers end with the test that made them. */
export function cleanUpAfterEach(): void {
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })
}

export function transportTo(baseUrl: string, options: TwilioOptions = {}): Transport {
  const made = twilio({ baseUrl, ...options })
  cleanups.push(async () => made.close?.())
  return made
}

export const server = (settings: TwilioServerSettings = {}) => serverForAll({ credentials, ...settings })

/** Every account may send. */
export async function serverForAll(settings: TwilioServerSettings = {}) {
  const made = await startTwilioServer(settings)
  cleanups.push(made.close)
  return made
}

export const smsMessage = (values: Partial<OutboundMessage> = {}): OutboundMessage => ({
  notificationId: 7,
  idempotencyKey: 'delivery-1',
  organizationId: 'org-1',
  category: 'REMINDER',
  channel: 'SMS',
  to: canaries.phone,
  toName: 'Canary Patient',
  from: '+14155550100',
  fromName: null,
  replyTo: null,
  subject: null,
  text: canaries.text,
  html: null,
  template: null,
  deadline: null,
  ...values,
})

/** An organization's own account. */
export const contextFor = (values: Partial<SendContext> = {}): SendContext => ({
  account: { channel: 'SMS', provider: 'twilio', apiKey: canaries.accountSid, apiSecret: canaries.authToken },
  accountKey: 'account-1',
  receiptUrl: null,
  trusted: false,
  now: () => new Date(),
  signal: new AbortController().signal,
  ...values,
})

/** The TransportError that a send or a verification fails with. */
export async function failure(work: Promise<unknown> | undefined): Promise<TransportError> {
  const error: unknown = await work?.then(
    () => new Error('it did not fail'),
    (reason) => reason,
  )
  if (!isTransportError(error)) throw error
  return error
}
