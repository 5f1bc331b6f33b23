import { z } from 'zod'
import { swaggerUi } from '../../../adapters/docs/swagger-ui.ts'
import type {
  Caller,
  Channel,
  Endpoint,
  Notifications,
  NotificationsOptions,
  ReceiptReader,
} from '../../../src/index.ts'
import { channelKey } from '../../../src/schemas/channel-fields.ts'
import { ada, type HostData, organizationId, otherOrganizationId } from '../../support/host-data.ts'
import { preferencesOf, settingsOf } from './of-channel.ts'

/** Callers of tests say who they are in a header, as JSON. */
export const callerHeader = 'x-caller'
export const authenticate: NonNullable<NotificationsOptions['authenticate']> = ({ headers }) => {
  const told = headers[callerHeader]
  return told === undefined ? null : JSON.parse(told)
}

/** Test messages go to the caller. */
const contact = { email: 'caller@example.org', phone: '+14155550199' }
export const service: Caller = { kind: 'service', ...contact }
export const admin: Caller = { kind: 'staff', organizationId, role: 'admin', ...contact }
export const viewer: Caller = { kind: 'staff', organizationId, role: 'viewer', ...contact }
export const otherAdmin: Caller = { kind: 'staff', organizationId: otherOrganizationId, role: 'admin', ...contact }
export const patient: Caller = { kind: 'patient', organizationId, id: 12 }
export const client: Caller = { kind: 'client', organizationId, id: 31 }

/** The time of the library, which stands still. */
export const now = '2024-09-20T12:00:00Z'

/** Ids to put into paths: of an organization, and of what belongs to it. */
export type Ids = Readonly<Record<string, string>>

export const missingIds: Ids = {
  organization_id: '99999999-2222-4333-8444-555555555555',
  patient_id: '9912',
  client_id: '9931',
  appointment_id: '9942',
  waitlist_entry_id: '9907',
  notification_id: '99001',
  reminder_id: '99002',
  answer_id: '99003',
}

/** What the tests of the endpoints embed the library with. */
export const options = {
  authenticate,
  publicUrl: 'https://clinic.example/api/notifications',
  // Most of these tests ask as one caller, thousands of times.
  rateLimits: false,
  docs: swaggerUi(),
} satisfies Partial<NotificationsOptions>

type Clinic = Pick<Notifications, 'notifications' | 'settings' | 'templateVersions' | 'answers'> & {
  readonly host: HostData
}

export type Furniture = {
  /** No settings and preferences, for the rows that create them. Default false. */
  readonly bare?: boolean
  /** The only channel that is sent on, where there are settings. Default: e-mail, and SMS to patients. */
  readonly channel?: Channel | undefined
}

/** Gives two organizations everything that rows speak of. */
export async function furnish(
  clinic: Clinic,
  furniture: Furniture,
): Promise<{ readonly own: Ids; readonly foreign: Ids }> {
  const own = { organizationId, patient: 12, client: 31, appointment: 42, waitlist: 7, ...furniture }
  const others = {
    organizationId: otherOrganizationId,
    ...{ patient: 13, client: 32, appointment: 43, waitlist: 8 },
    ...furniture,
  }
  return { own: await furnishOne(clinic, own), foreign: await furnishOne(clinic, others) }
}

type Place = Furniture & {
  readonly organizationId: string
  readonly patient: number
  readonly client: number
  readonly appointment: number
  readonly waitlist: number
}

async function furnishOne(clinic: Clinic, place: Place): Promise<Ids> {
  const { channel } = place
  const person = { ...ada, id: place.patient, email: `patient${place.patient}@example.org` }
  const relative = {
    type: 'CLIENT',
    id: place.client,
    name: 'Cleo',
    email: `client${place.client}@example.org`,
    ...(channel !== undefined && { phone: `+141555501${place.client}` }),
  } as const
  const about = { organizationId: place.organizationId, recipients: [person, relative], timeZone: 'America/New_York' }
  clinic.host.book({ id: place.appointment, startsAt: '2024-09-25T14:30:00', ...about })
  clinic.host.waitlistRows.set(place.waitlist, { id: place.waitlist, ...about })
  const { notifications, settings } = clinic
  if (place.bare !== true) {
    const usual = channel === undefined ? { emailFromName: 'Clinic' } : settingsOf(channel)
    const wishes = channel === undefined ? { emailReminders: [24] } : preferencesOf(channel)
    await settings.createOrganizationSettings(place.organizationId, usual)
    const draft = { smsTemplates: { appointment_reminder: 'Draft: {date}' } }
    // One to publish, and one to discard.
    await clinic.templateVersions.draft(place.organizationId, draft)
    await clinic.templateVersions.draft(place.organizationId, draft)
    await settings.createPreferences({ type: 'PATIENT', id: place.patient }, wishes)
    await settings.createPreferences({ type: 'CLIENT', id: place.client }, {})
  }
  const { reminders } = await notifications.scheduleReminders(place.appointment)
  const sent = await notifications.sendAppointmentNotification(place.appointment, { category: 'CONFIRMATION' })
  const recipient = { type: 'PATIENT', id: place.patient } as const
  await clinic.answers.record(place.appointment, { recipient, action: 'confirm' })
  const { answers } = await clinic.answers.list(place.organizationId)
  return {
    organization_id: place.organizationId,
    patient_id: String(place.patient),
    client_id: String(place.client),
    appointment_id: String(place.appointment),
    waitlist_entry_id: String(place.waitlist),
    notification_id: String(sent.notifications[0]?.id),
    reminder_id: String(reminders[0]?.id),
    answer_id: String(answers[0]?.id),
  }
}

/** The webhook of the only transport in these tests, whose provider signs nothing. */
const webhookPath = (channel: Channel) => `/webhooks/capture/${channelKey(channel)}`
export const unsigned: ReceiptReader = async () => ({ kind: 'read', reports: [] })

/** True for rows that create what the document calls settings or preferences: they need a world without. */
export const creates = ({ method, path }: Endpoint): boolean => method === 'POST' && !path.includes('{')

/** True for the row after which what its example names is no more. */
export const usesUp = ({ id }: Endpoint): boolean => id === 'templates.discard'

/** Somebody whom the row lets in, and who can mean only one owner. */
export function someoneAllowed({ access, path }: Endpoint): Caller | null {
  if (access.kind === 'token' || access.kind === 'provider' || access.kind === 'link') return null
  if (access.kind === 'open') return service
  if (access.self) return path.includes('client') ? client : patient
  return access.staff === null ? service : admin
}

export type WireRequest = {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly caller: Caller | null
  readonly headers?: Readonly<Record<string, string>>
}

/** A valid request of a row, by its example, about the objects of `ids`; of a webhook, the one of `channel`. */
export function validRequest(
  row: Endpoint,
  ids: Ids,
  library: Notifications,
  caller: Caller | null,
  channel: Channel = 'EMAIL',
): WireRequest {
  const path = row.path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(ids[name === 'recipient_id' ? 'patient_id' : name] ?? row.example?.params?.[name] ?? 'missing'),
  )
  if (row.access.kind === 'provider') return { method: row.method, path: webhookPath(channel), caller: null }
  const query = new URLSearchParams(row.example?.query)
  if (query.has('recipient_id')) query.set('recipient_id', ids['patient_id'] ?? '')
  if (row.access.kind === 'token') query.set('token', tokenFor(row, ids, library))
  const search = query.size === 0 ? '' : `?${query}`
  return { method: row.method, path: `${path}${search}`, body: row.example?.body, caller }
}

/** The same by somebody who has seen what is published, where the row asks for that. */
export async function seen(
  row: Endpoint,
  library: Notifications,
  ids: Ids,
  request: WireRequest,
): Promise<WireRequest> {
  if (row.version !== 'required') return request
  const templates = await library.settings.getTemplates(ids['organization_id'] ?? '').catch(() => null)
  return { ...request, headers: { ...request.headers, 'if-match': `"${templates?.version ?? 0}"` } }
}

export function tokenFor(row: Endpoint, ids: Ids, library: Notifications): string {
  if (row.access.kind !== 'token') return ''
  const kind = row.access.purpose === 'reminder-callback' ? 'reminder' : 'notification'
  const url = library.callbackUrl(kind, Number(ids[`${kind}_id`]), new Date(now))
  return new URL(url).searchParams.get('token') ?? ''
}

/** The names of a schema's fields, one level deep, in TypeScript. */
export const fieldsOf = (schema: unknown): readonly string[] =>
  schema instanceof z.ZodObject ? Object.keys(schema.shape) : []

/** The row's request about the objects of `ids`, also where they are named in the query or the body. */
export function requestAbout(row: Endpoint, library: Notifications, ids: Ids, caller: Caller | null): WireRequest {
  const request = validRequest(row, ids, library, caller)
  if (row.path.includes('{')) return request
  if (fieldsOf(row.query).includes('organizationId')) {
    const mark = request.path.includes('?') ? '&' : '?'
    return { ...request, path: `${request.path}${mark}organization_id=${ids['organization_id']}` }
  }
  const body = typeof request.body === 'object' ? request.body : {}
  if (fieldsOf(row.body).includes('organizationId')) {
    return { ...request, body: { ...body, organization_id: ids['organization_id'] } }
  }
  const idName = row.path.includes('client') ? 'client_id' : 'patient_id'
  return { ...request, body: { ...body, [idName]: Number(ids[idName]) } }
}

/** A text in which every id is its name, so that texts about different ids can be compared. */
export const withoutIds = (text: string, ids: Ids): string =>
  Object.entries(ids)
    .sort(([, one], [, other]) => other.length - one.length)
    .reduce((told, [name, id]) => told.replaceAll(new RegExp(`\\b${id}\\b`, 'g'), name), text)
