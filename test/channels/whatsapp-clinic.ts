/** A clinic that sends by WhatsApp, to a stand-in of Meta's Cloud API. */
import { onTestFinished } from 'vitest'
import { whatsappCloud } from '../../adapters/transport/whatsapp-cloud.ts'
import type { FurtherSettings, Transport } from '../../src/index.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { requestsTo } from '../support/requests-under-way.ts'
import { startWhatsAppServer } from '../support/whatsapp-server.ts'

export const now = '2026-03-18T12:00:00Z'
export const startsAt = '2026-03-18T18:00:00Z'
export const patient = { type: 'PATIENT', id: ada.id } as const

export const reminder = {
  language: 'en_US',
  name: 'reminder_1',
  body: 'Hello {{1}}, see you {{2}} at {{3}}.',
  variables: ['patient_name', 'relative_day', 'time'],
}
export const confirmation = { language: 'en', name: 'confirmed', body: 'Confirmed: {{1}}.', variables: ['date'] }
export const account = {
  provider: 'whatsapp-cloud',
  apiKey: '106540352242922',
  apiSecret: 'canary-token',
  appSecret: 'canary-app',
}
export const whatsapp = {
  enabled: true,
  reminders: [3],
  categories: ['REMINDER' as const, 'CONFIRMATION' as const],
  approvedTemplates: { appointment_reminder: [reminder], appointment_confirmation: [confirmation] },
  account,
}
export type Part = FurtherSettings

/** A clinic whose organization sends by WhatsApp, and one appointment of Ada's at 2 PM of her day. */
export async function openSending(part: Part = whatsapp, transports: readonly Transport[] = [], isConsenting = true) {
  const api = await startWhatsAppServer({ credentials: { phoneNumberId: account.apiKey, token: account.apiSecret } })
  const requests = requestsTo(api.baseUrl)
  onTestFinished(requests.forget)
  const options = {
    transports: [whatsappCloud({ baseUrl: api.baseUrl }), ...transports],
    publicUrl: 'https://clinic.example/api',
  }
  // No time passes while a message is on its way: an hour of it would be more than a send may take.
  const clinic = await openClinic(now, options, { rest: requests.rest })
  onTestFinished(api.close)
  onTestFinished(() => clinic[Symbol.asyncDispose]())
  await clinic.settings.createOrganizationSettings(organizationId, { channels: { whatsapp: part } })
  clinic.host.book({ id: 1, startsAt })
  if (isConsenting) await clinic.settings.createPreferences(patient, { channels: { whatsapp: { enabled: true } } })
  await clinic.start()
  const confirm = () =>
    clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION', channel: 'WHATSAPP' })
  const last = async () => (await clinic.notifications.history({ channel: 'WHATSAPP', state: 'all' })).notifications[0]
  return { ...clinic, api, confirm, last }
}
