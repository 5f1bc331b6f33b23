/** A clinic that confirms appointment 1 to Ada, and the messages as they are sent. */
import type { DirectoryAppointment, NotificationsOptions } from '../../src/index.ts'
import { ask, service } from '../conformance/http/world.ts'
import { ada, openClinic, organizationId } from './clinic.ts'

export const now = '2030-01-10T12:00:00Z'
const startsAt = new Date('2030-01-15T19:00:00Z')
export type Settings = Parameters<Awaited<ReturnType<typeof openClinic>>['settings']['createOrganizationSettings']>[1]

export type World = {
  readonly locale?: string | undefined
  readonly organization?: string | undefined
  readonly settings?: Settings
  readonly row?: Partial<DirectoryAppointment>
  readonly options?: Partial<NotificationsOptions>
}

export async function opened({ locale, organization, settings = {}, row, options }: World) {
  const clinic = await openClinic(now, { authenticate: () => service, ...options })
  clinic.host.organizationRows.set(organizationId, { id: organizationId, name: 'Harbour Clinic', locale: organization })
  await clinic.settings.createOrganizationSettings(organizationId, settings)
  clinic.host.book({ id: 1, startsAt, recipients: [{ ...ada, locale }], ...row })
  await clinic.start()
  return clinic
}

export const preview = (clinic: Awaited<ReturnType<typeof opened>>, locale: string) =>
  ask(clinic, {
    method: 'POST',
    path: `/templates/${organizationId}/preview`,
    caller: service,
    body: { channel: 'EMAIL', template_key: 'appointment_reminder', locale },
  })

/** The confirmation, as it is sent. */
export async function confirmation(world: World) {
  await using clinic = await opened(world)
  await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
  await clinic.settle()
  const mail = clinic.outbox.sent.find(({ channel }) => channel === 'EMAIL')
  const sms = clinic.outbox.sent.find(({ channel }) => channel === 'SMS')
  const explained = (await clinic.notifications.explain(1)).filter(({ action }) => action === 'send')
  return { subject: mail?.subject, mail: mail?.text ?? '', html: mail?.html ?? '', sms: sms?.text ?? '', explained }
}
