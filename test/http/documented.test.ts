import { expect, test } from 'vitest'
import { admin, ask, authenticate, openWorld, patient, service } from '../conformance/http/world.ts'
import { ada, openClinic } from '../support/clinic.ts'

/** The examples of the document, as its Python client would send them. */
const settings = {
  email_enabled: true,
  sms_enabled: true,
  email_smtp_host: 'smtp.gmail.com',
  email_smtp_port: 587,
  email_username: 'notifications@clinic.com',
  email_password: 'secure_password',
  email_from_address: 'notifications@clinic.com',
  email_from_name: 'Medical Clinic',
  sms_provider: 'capture',
  sms_api_key: 'your_twilio_key',
  sms_api_secret: 'your_twilio_secret',
  sms_from_number: '+1234567890',
  default_email_reminders: [24, 2, 1],
  default_sms_reminders: [24, 2],
  email_templates: {
    appointment_confirmation: 'Your appointment has been confirmed for {date} at {time}.',
    appointment_reminder: 'Reminder: You have an appointment tomorrow at {time}.',
  },
  sms_templates: {
    appointment_confirmation: 'Appt confirmed: {date} at {time}',
    appointment_reminder: 'Reminder: Appt tomorrow at {time}',
  },
}
const preferences = {
  email_enabled: true,
  sms_enabled: true,
  email_reminders: [24, 2, 1],
  sms_reminders: [24],
  appointment_confirmation: true,
  appointment_reminder: true,
  appointment_cancellation: true,
  appointment_reschedule: true,
  waitlist_notification: false,
  email_address: 'patient@email.com',
  phone_number: '+1234567890',
}

test('the story of the document, request by request', async () => {
  const world = await openWorld({ bare: true })
  const { organization_id: id } = world.own

  const created = await ask(world, { method: 'POST', path: '/settings/', body: settings, caller: admin })
  const masked = { email_password: '********', sms_api_key: '********', sms_api_secret: '********' }
  expect(created).toMatchObject({
    status: 201,
    answer: { ...settings, ...masked, id: expect.any(Number), organization_id: id },
  })
  expect(created.answer).toMatchObject({
    created_at: '2024-09-20T12:00:00.000Z',
    updated_at: '2024-09-20T12:00:00.000Z',
  })
  expect(created.answer).toMatchObject({
    warnings: expect.arrayContaining([
      expect.objectContaining({ field: 'sms_from_number', code: 'placeholder_number' }),
    ]),
  })
  expect((await ask(world, { method: 'POST', path: '/settings/', body: settings, caller: admin })).status).toBe(409)

  const own = await ask(world, { method: 'POST', path: '/preferences/patient/', body: preferences, caller: patient })
  expect(own).toMatchObject({ status: 201, answer: { ...preferences, patient_id: 12, organization_id: id } })

  const path = '/reminders/appointment/42'
  const scheduled = await ask(world, { method: 'POST', path, body: { custom_reminders: [24, 2, 1] }, caller: admin })
  expect(scheduled).toMatchObject({ status: 201, answer: { appointment_id: 42, in_flight: 0 } })
  const listed = await ask(world, { method: 'GET', path, caller: admin })
  const pending = {
    id: expect.any(Number),
    appointment_id: 42,
    organization_id: id,
    recipient_type: 'PATIENT',
    recipient_id: 12,
    reminder_type: 'EMAIL',
    reminder_time: '2024-09-24T18:30:00.000Z',
    hours_before_appointment: 24,
    offset: '24h',
    appointment_starts_at: '2024-09-25T18:30:00.000Z',
    subject: 'Appointment Reminder - September 25, 2024',
    message: 'Reminder: You have an appointment tomorrow at 2:30 PM.',
    is_preview: true,
    status: 'PENDING',
    reason: null,
    sent_at: null,
    error_message: null,
    task_manager_task_id: null,
    task_manager_execution_id: null,
    created_at: '2024-09-20T12:00:00.000Z',
    updated_at: '2024-09-20T12:00:00.000Z',
  }
  expect(listed.answer).toMatchObject({ reminders: expect.arrayContaining([pending]) })

  for (const type of ['confirmation', 'cancellation', 'reschedule']) {
    const body = { notification_type: type }
    const sent = await ask(world, { method: 'POST', path: '/send/appointment/42', body, caller: admin })
    const queued = expect.objectContaining({
      notification_category: type.toUpperCase(),
      delivery_state: 'queued',
      status: null,
    })
    expect(sent).toMatchObject({ status: 201, answer: { notifications: expect.arrayContaining([queued]) } })
  }

  await world.start()
  await world.clock.advance(1000)
  const query =
    'recipient_type=PATIENT&recipient_id=12&notification_type=EMAIL&start_date=2024-01-01T00:00:00Z&end_date=2024-12-31T23:59:59Z&limit=50&offset=0'
  const history = await ask(world, { method: 'GET', path: `/history/?${query}`, caller: admin })
  expect(history.answer).toMatchObject({ total: expect.any(Number), limit: 50, offset: 0, next_cursor: null })
  const delivered = expect.objectContaining({
    notification_type: 'EMAIL',
    notification_category: 'RESCHEDULE',
    recipient_type: 'PATIENT',
    recipient_id: 12,
    recipient_email: 'patient@email.com',
    recipient_phone: null,
    status: 'SENT',
    sent_at: '2024-09-20T12:00:00.000Z',
    delivered_at: null,
    appointment_id: 42,
    waitlist_entry_id: null,
  })
  expect(history.answer).toMatchObject({ notifications: expect.arrayContaining([delivered]) })

  expect(await ask(world, { method: 'POST', path: `${path}/reschedule`, caller: admin })).toMatchObject({ status: 200 })
  expect(await ask(world, { method: 'DELETE', path, caller: admin })).toMatchObject({
    status: 200,
    answer: { in_flight: 0 },
  })
  const plan = await ask(world, { method: 'GET', path: `${path}/plan`, caller: admin })
  expect(plan).toMatchObject({ status: 200, answer: { reminders: expect.any(Array), omitted: expect.any(Array) } })
  const explained = await ask(world, { method: 'GET', path: `${path}/explain`, caller: admin })
  const line = expect.objectContaining({
    action: 'sent',
    channel: 'EMAIL',
    recipient_type: 'PATIENT',
    recipient_id: 12,
  })
  expect(explained.answer).toMatchObject({ decisions: expect.arrayContaining([line]) })
  await world.stop()
})

test('a history cursor stays stable while rows arrive', async () => {
  const world = await openWorld()
  const page = async (query: string) => {
    const { answer } = await ask(world, {
      method: 'GET',
      path: `/history/?delivery_state=all&limit=2${query}`,
      caller: service,
    })
    return Object(answer)
  }
  const first = await page('')
  expect(first).toMatchObject({ total: 6, limit: 2, next_cursor: expect.any(String) })
  await world.clock.advance(1000)
  await world.notifications.sendAppointmentNotification(42, { category: 'RESCHEDULE' })
  const second = await page(`&cursor=${first.next_cursor}`)
  const third = await page(`&cursor=${second.next_cursor}`)
  const ids = [...first.notifications, ...second.notifications, ...third.notifications].map(({ id }) => id)
  expect(ids).toEqual([...new Set(ids)])
  expect(ids).toHaveLength(6)
  expect(third.next_cursor).toBeNull()
  await world.stop()
})

test('ids of hosts that use text are text on the wire', async () => {
  const ids = { appointment: 'text', recipient: 'text', waitlistEntry: 'text' } as const
  const clinic = await openClinic('2024-09-20T12:00:00Z', { ids, authenticate })
  const person = { ...ada, id: 'p-1/2' }
  clinic.host.book({ id: 'appt 7é', startsAt: '2024-09-25T14:30:00', recipients: [person] })
  const path = `/reminders/appointment/${encodeURIComponent('appt 7é')}`
  const scheduled = await ask(clinic, { method: 'POST', path, caller: service })
  const reminder = expect.objectContaining({ appointment_id: 'appt 7é', recipient_id: 'p-1/2' })
  expect(scheduled).toMatchObject({ status: 201, answer: { reminders: expect.arrayContaining([reminder]) } })
  const preferences = await ask(clinic, {
    method: 'POST',
    path: '/preferences/patient/',
    body: { patient_id: 'p-1/2' },
    caller: service,
  })
  expect(preferences).toMatchObject({ status: 201, answer: { patient_id: 'p-1/2' } })
  expect((await ask(clinic, { method: 'GET', path: '/preferences/patient/p-1%2F2', caller: service })).status).toBe(200)
  const wrong = await ask(clinic, {
    method: 'POST',
    path: '/preferences/patient/',
    body: { patient_id: 12 },
    caller: service,
  })
  expect(wrong).toMatchObject({ status: 422, answer: { field: 'patient_id' } })
  await clinic.stop()
})
