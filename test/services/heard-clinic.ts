import { type CaptureOptions, capture } from '../../adapters/transport/capture.ts'
import type { DirectoryRecipient, InboundMessage, NotificationsOptions, Transport } from '../../src/index.ts'
import { openClinic } from '../support/clinic.ts'

export const now = '2031-03-10T12:00:00.000Z'
export const phone = '+14155550123'
export const recipient = { type: 'PATIENT', id: 7 } as const
export const person = { ...recipient, name: 'Ada', email: 'ada@example.org', phone }

type Heard = {
  /** Whether the reply to the webhook carries what people are told; otherwise it is sent. Default true. */
  readonly canRespond?: boolean
  readonly fail?: CaptureOptions['fail']
  /** Beside the one that keeps what is sent. */
  readonly further?: readonly Transport[]
}

/** A clinic that wrote to Ada by SMS, and hears what she answers. */
export async function heard(
  id = 7,
  patient: DirectoryRecipient = { ...person, id },
  { canRespond = true, fail, further = [], ...options }: Partial<NotificationsOptions> & Heard = {},
) {
  const inbox: InboundMessage[] = []
  const replies: string[] = []
  const respond = (text: string) => {
    replies.push(text)
    return { type: 'text/plain', text } as const
  }
  const outbox = capture({
    ...(fail === undefined ? {} : { fail }),
    receipts: async () => ({ kind: 'read', reports: [], inbound: inbox.splice(0), ...(canRespond ? { respond } : {}) }),
  })
  const clinic = await openClinic(now, { transports: [outbox, ...further], ...options })
  const events: [string, unknown][] = []
  for (const name of ['consent.refused', 'consent.given', 'consent.doubted', 'possible_cancel_request'] as const) {
    clinic.events.on(name, (event: object) => void events.push([name, event]))
  }
  clinic.host.book({ id: 1, startsAt: new Date('2031-03-20T12:00:00Z'), recipients: [patient] })
  await clinic.start()
  await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION', channel: 'SMS' })
  await clinic.settle()
  let messages = 0
  const post = async (message: Partial<InboundMessage> & { readonly text: string }) => {
    messages += 1
    inbox.push({ from: phone, to: '+14155550100', messageId: `SM${messages}`, at: null, ...message })
    const path = '/webhooks/capture/sms'
    const readBody = async () => ({ kind: 'bytes', bytes: new Uint8Array() }) as const
    return clinic.handle({ method: 'POST', path, query: '', headers: {}, native: null, readBody })
  }
  const effective = async (channel = 'SMS', category = 'REMINDER') => {
    const { decisions } = await clinic.settings.effectivePreferences(recipient)
    return decisions.find((one) => one.channel === channel && one.category === category)
  }
  const enabled = async () => (await clinic.settings.getPreferences(recipient).catch(() => null))?.smsEnabled ?? null
  return { ...clinic, outbox, replies, events, post, effective, enabled }
}
