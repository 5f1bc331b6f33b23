/**
 * A client that knows the API from its description alone: `api.d.ts` is generated from what the clinic serves, and stands
 * beside this file only while the test runs. The type errors it expects are the proof that the types say something.
 */
import assert from 'node:assert/strict'
import createClient from 'openapi-fetch'
import type { components, paths } from './api.d.ts'

type Reminder = components['schemas']['Reminder']
type Problem = components['schemas']['Problem']

const { CLINIC_ORIGIN = '', CLINIC_TOKEN = '', ORGANIZATION_ID = '', SMTP_PORT = '' } = process.env
const [patient_id = 0, appointment_id = 0] = [process.env['PATIENT_ID'], process.env['APPOINTMENT_ID']].map(Number)

const baseUrl = `${CLINIC_ORIGIN}/api/notifications`
const api = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${CLINIC_TOKEN}` } })
const nobody = createClient<paths>({ baseUrl })

/** The answer, or the problem as an error: its type knows the codes of the very operation. */
function expectData<Data>({ data, error }: { data?: Data; error?: Pick<Problem, 'code' | 'detail'> }): Data {
  if (data !== undefined) return data
  throw new Error(`${error?.code}: ${error?.detail}`)
}

// Settings and preferences.
const settings = expectData(
  await api.POST('/settings/', {
    body: {
      organization_id: ORGANIZATION_ID,
      email_smtp_host: '127.0.0.1',
      email_smtp_port: Number(SMTP_PORT),
      email_from_address: 'clinic@example.org',
      default_email_reminders: [24, '2h', '1d@18:00'],
      sms_enabled: false,
      past_reminders: 'skip',
    },
  }),
)
assert.deepEqual(settings.default_email_reminders, [24, '2h', '1d@18:00'])
const again = await api.POST('/settings/', { body: { organization_id: ORGANIZATION_ID } })
assert.equal(again.error?.code, 'already_exists')
const path = { organization_id: ORGANIZATION_ID }
const updated = await api.PUT('/settings/{organization_id}', {
  params: { path },
  body: {
    email_from_name: 'Harbour Clinic',
    email_templates: { appointment_confirmation: { subject: 'See you', body: 'Confirmed for {date} at {time}.' } },
  },
})
assert.equal(expectData(updated).email_from_name, 'Harbour Clinic')
// @ts-expect-error a field that does not exist
const camel: components['schemas']['SettingsUpdateBody'] = { emailFromName: 'x' }
const unknown = await api.PUT('/settings/{organization_id}', { params: { path }, body: camel })
assert.deepEqual(unknown.error?.errors, [{ field: 'emailFromName', message: 'is not a known field' }])
// @ts-expect-error a word that is not among the policies
const soon: components['schemas']['SettingsUpdateBody'] = { past_reminders: 'soon' }
const wrong = await api.PUT('/settings/{organization_id}', { params: { path }, body: soon })
assert.equal(wrong.error?.field, 'past_reminders')

const preferences = expectData(
  await api.POST('/preferences/patient/', {
    body: { patient_id, email_reminders: [48, 24], waitlist_notification: true },
  }),
)
assert.deepEqual([preferences.patient_id, preferences.sms_enabled], [patient_id, null])
const changed = await api.PUT('/preferences/patient/{patient_id}', {
  params: { path: { patient_id } },
  body: { email_reminders: null },
})
assert.equal(expectData(changed).email_reminders, null)

// Reminders.
const about = { params: { path: { appointment_id } } }
const scheduled = expectData(
  await api.POST('/reminders/appointment/{appointment_id}', { ...about, body: { custom_reminders: [24, 2] } }),
)
const [first] = scheduled.reminders
assert.ok(first)
const channel: 'EMAIL' | 'SMS' | 'WHATSAPP' = first.reminder_type
const status: 'PENDING' | 'SENT' | 'FAILED' | 'CANCELLED' = first.status
const dueAt: string = first.reminder_time
assert.deepEqual(
  [channel, status, first.hours_before_appointment, Date.parse(dueAt) > 0],
  ['EMAIL', 'PENDING', 24, true],
)
// @ts-expect-error the names of the wire are snake_case
assert.equal(first.reminderTime, undefined)
const listed: readonly Reminder[] = expectData(
  await api.GET('/reminders/appointment/{appointment_id}', about),
).reminders
assert.equal(listed.length, 2)
assert.equal(expectData(await api.POST('/reminders/appointment/{appointment_id}/reschedule', about)).cancelled, 0)
const missing = await api.GET('/reminders/appointment/{appointment_id}', {
  params: { path: { appointment_id: 987_654 } },
})
const code: 'appointment_not_found' | undefined = missing.response.status === 404 ? 'appointment_not_found' : undefined
assert.equal(missing.error?.code, code)

// Sending, and what came of it.
// @ts-expect-error the kind of notice is required
const nothing = await api.POST('/send/appointment/{appointment_id}', { ...about, body: {} })
assert.equal(nothing.error?.field, 'notification_type')
const sent = expectData(
  await api.POST('/send/appointment/{appointment_id}', {
    ...about,
    body: { notification_type: 'confirmation', channel: 'EMAIL' },
  }),
)
const [notification] = sent.notifications
assert.ok(notification)
const query = { recipient_type: 'PATIENT', recipient_id: patient_id, notification_type: 'EMAIL', limit: 10 } as const
let history = expectData(await api.GET('/history/', { params: { query } }))
for (let tries = 0; history.total === 0 && tries < 200; tries++) {
  await new Promise((resolve) => setTimeout(resolve, 25))
  history = expectData(await api.GET('/history/', { params: { query } }))
}
const [delivery] = history.notifications
assert.deepEqual([delivery?.id, delivery?.status, delivery?.subject], [notification.id, 'SENT', 'See you'])
const statistics = expectData(await api.GET('/statistics', { params: { query: { organization_id: ORGANIZATION_ID } } }))
assert.deepEqual([statistics.sent, statistics.by_notification_type.EMAIL.sent], [1, 1])
const explained = expectData(await api.GET('/reminders/appointment/{appointment_id}/explain', about))
assert.ok(
  explained.decisions.some(({ action, notification_id }) => action === 'sent' && notification_id === notification.id),
)

// Callbacks open to their token only, and nobody gets in elsewhere.
const report = await nobody.POST('/callback/{notification_id}', {
  params: { path: { notification_id: notification.id } },
  body: { status: 'success', result: { message_id: 'msg_1', delivered_at: new Date().toISOString() } },
})
assert.equal(report.error?.code, 'token_invalid')
assert.equal((await nobody.GET('/settings/{organization_id}', { params: { path } })).error?.code, 'unauthenticated')
assert.equal((await nobody.GET('/health')).data?.status, 'ok')
assert.deepEqual(expectData(await api.DELETE('/reminders/appointment/{appointment_id}', about)), {
  cancelled: 2,
  in_flight: 0,
})

console.log(`${listed.length} reminders, ${history.total} delivery`)
