import { afterEach } from 'vitest'
import { awsSms } from '../../../adapters/transport/aws-sms.ts'
import { awsSns } from '../../../adapters/transport/aws-sns.ts'
import {
  isTransportError,
  type OutboundMessage,
  type SendContext,
  type SmsAccount,
  type TransportError,
} from '../../../src/index.ts'
import { type AwsServerSettings, startAwsServer } from '../../support/aws-server.ts'

/** Values that may show up nowhere but in the request itself. */
export const canaries = {
  phone: '+14155550167',
  text: 'canary text',
  accessKeyId: 'AKIACANARY0000000000',
  secretAccessKey: 'canary/secret+access/key/0000000000000000',
}
export const keys = { [canaries.accessKeyId]: canaries.secretAccessKey }

/** Both, for what they have in common. */
export const transports = { aws_sns: awsSns, aws_sms: awsSms } as const
export type Name = keyof typeof transports
export const names = ['aws_sns', 'aws_sms'] as const

const cleanups: (() => Promise<void>)[] = []

/** Call at the top of a test file: transports and servers end with the test that made them. */
export function cleanUpAfterEach(): void {
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })
}

/** A transport, and the stand-in that it sends to. */
export async function opened<Options extends object>(
  name: Name,
  options: Options | Record<string, never> = {},
  settings: Partial<AwsServerSettings> = {},
) {
  const api = await startAwsServer({ keys, ...settings })
  const transport = transports[name]({ endpoint: api.endpoint, ...options })
  cleanups.push(api.close, async () => transport.close?.())
  return { api, transport }
}

export const account = (values: Partial<SmsAccount> = {}): SmsAccount => ({
  channel: 'SMS',
  provider: 'aws_sms',
  apiKey: canaries.accessKeyId,
  apiSecret: canaries.secretAccessKey,
  region: 'eu-west-1',
  ...values,
})

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
  account: account(),
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
