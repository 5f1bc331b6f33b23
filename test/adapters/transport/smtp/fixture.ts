import {
  type EmailAccount,
  isTransportError,
  type OutboundMessage,
  type SendContext,
  type TransportError,
} from '../../../../src/index.ts'

/** Values that may show up nowhere but in the mail itself. */
export const canaries = {
  address: 'canary.patient@example.org',
  name: 'Canary Patient',
  password: 'canary-password',
  username: 'canary-username',
  subject: 'canary subject',
  text: 'canary text',
}

export const emailMessage = (values: Partial<OutboundMessage> = {}): OutboundMessage => ({
  notificationId: 7,
  idempotencyKey: 'delivery-1',
  organizationId: 'org-1',
  category: 'REMINDER',
  channel: 'EMAIL',
  to: canaries.address,
  toName: canaries.name,
  from: 'clinic@example.com',
  fromName: 'Clinic',
  replyTo: null,
  subject: canaries.subject,
  text: canaries.text,
  html: `<p>${canaries.text}</p>`,
  template: null,
  deadline: null,
  ...values,
})

export const account = (port: number, values: Partial<EmailAccount> = {}): EmailAccount => ({
  channel: 'EMAIL',
  host: '127.0.0.1',
  port,
  username: null,
  password: null,
  ...values,
})

/** A trusted account with credentials of its own. */
export const contextFor = (port: number, values: Partial<SendContext> = {}): SendContext => ({
  account: account(port),
  accountKey: `account-${port}`,
  receiptUrl: null,
  trusted: true,
  now: () => new Date(),
  signal: new AbortController().signal,
  ...values,
})

/** The TransportError that a send fails with. */
export async function failure(sending: Promise<unknown>): Promise<TransportError> {
  const error: unknown = await sending.then(
    () => new Error('it did not fail'),
    (reason) => reason,
  )
  if (!isTransportError(error)) throw error
  return error
}
