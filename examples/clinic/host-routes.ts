import { randomUUID } from 'node:crypto'
import { isNotificationError, isTimeZone, type NotificationService } from 'appointment-notifications'
import { json, type NextFunction, type Request, type Response, Router } from 'express'
import { z } from 'zod'
import type { ClinicDatabase, PersonKind } from './database.ts'

const uuid = z.uuid()
const timeZone = z.string().refine(isTimeZone, 'must be an IANA time zone')
const id = z.int().positive()
const text = z.string().max(255).nullable().optional()
const startsAt = z.iso.datetime({ offset: true, local: true })

const organization = z.strictObject({ id: uuid, name: z.string().min(1).max(255), time_zone: timeZone })
const person = z.strictObject({
  organization_id: uuid,
  name: z.string().min(1).max(255),
  email: text,
  phone: text,
  locale: text,
  time_zone: timeZone.nullable().optional(),
})
const booking = z.strictObject({
  organization_id: uuid,
  patient_id: id,
  client_id: id.nullable().optional(),
  practitioner_id: id.nullable().optional(),
  starts_at: startsAt,
  duration_minutes: z.int().positive().default(30),
  time_zone: timeZone,
  location: text,
  notify: z.boolean().default(false),
})
const change = z.strictObject({
  starts_at: startsAt.optional(),
  status: z.enum(['scheduled', 'confirmed', 'cancelled', 'completed', 'no_show']).optional(),
  notify: z.boolean().default(false),
})
const waitlistEntry = z.strictObject({
  organization_id: uuid,
  patient_id: id,
  starts_at: startsAt.nullable().optional(),
  time_zone: timeZone,
  expires_at: z.iso.datetime({ offset: true }).nullable().optional(),
})
const token = z.strictObject({
  kind: z.enum(['staff', 'patient', 'client']),
  organization_id: uuid,
  id: id.optional(),
  role: z.enum(['admin', 'viewer']).optional(),
})

class Refusal extends Error {
  readonly status: number
  readonly field: string | null

  constructor(status: number, message: string, field: string | null = null) {
    super(message)
    this.status = status
    this.field = field
  }
}

/** The clinic's own endpoints, which also report appointment events to the library. */
export function hostRoutes(database: ClinicDatabase, notifications: NotificationService): Router {
  const router = Router()
  router.use(json())

  router.post('/organizations', (request, response) => {
    const body = read(organization, request)
    database.addOrganization(body)
    response.status(201).json(body)
  })

  for (const [path, kind] of [
    ['/patients', 'PATIENT'],
    ['/clients', 'CLIENT'],
    ['/practitioners', 'PRACTITIONER'],
  ] as const) {
    router.post(path, (request, response) => {
      const { email = null, phone = null, locale = null, time_zone = null, ...rest } = read(person, request)
      database.knowOrganization(rest.organization_id)
      const row = { kind, email, phone, locale, time_zone, ...rest }
      response.status(201).json({ id: database.addPerson(row), ...row, kind: undefined })
    })
  }

  router.post('/appointments', async (request, response) => {
    const { notify, client_id = null, practitioner_id = null, location = null, ...rest } = read(booking, request)
    database.knowOrganization(rest.organization_id)
    requirePerson(database, 'PATIENT', rest.patient_id, rest.organization_id, 'patient_id')
    if (client_id !== null) requirePerson(database, 'CLIENT', client_id, rest.organization_id, 'client_id')
    if (practitioner_id !== null) {
      requirePerson(database, 'PRACTITIONER', practitioner_id, rest.organization_id, 'practitioner_id')
    }
    const appointmentId = database.addAppointment({ client_id, practitioner_id, location, ...rest })
    if (notify) await notifications.appointmentBooked(appointmentId)
    response.status(201).json(appointment(database, appointmentId))
  })

  router.patch('/appointments/:id', async (request, response) => {
    const { starts_at = null, status = null, notify } = read(change, request)
    const before = appointment(database, Number(request.params.id))
    database.changeAppointment(before.id, starts_at, status)
    if (notify) {
      if (status === 'cancelled') await notifications.appointmentCancelled(before.id)
      else if (before.status === 'cancelled' && status !== null) await notifications.appointmentBooked(before.id)
      else if (starts_at !== null) await notifications.appointmentRescheduled(before.id)
    }
    response.json(appointment(database, before.id))
  })

  router.delete('/appointments/:id', async (request, response) => {
    const { id: appointmentId } = appointment(database, Number(request.params.id))
    database.deleteAppointment(appointmentId)
    await notifications.appointmentDeleted(appointmentId)
    response.status(204).end()
  })

  router.post('/waitlist-entries', (request, response) => {
    const { starts_at = null, expires_at = null, ...rest } = read(waitlistEntry, request)
    database.knowOrganization(rest.organization_id)
    requirePerson(database, 'PATIENT', rest.patient_id, rest.organization_id, 'patient_id')
    const row = { starts_at, expires_at, ...rest }
    response.status(201).json({ id: database.addWaitlistEntry(row), ...row })
  })

  router.post('/tokens', (request, response) => {
    const { kind, organization_id, id: personId, role } = read(token, request)
    if (kind !== 'staff') {
      if (personId === undefined) throw new Refusal(422, 'is required for a patient or client', 'id')
      requirePerson(database, kind === 'patient' ? 'PATIENT' : 'CLIENT', personId, organization_id, 'id')
    }
    database.knowOrganization(organization_id)
    const secret = randomUUID()
    const row = { token: secret, kind, organization_id, person_id: personId ?? null }
    database.addToken({ ...row, role: kind === 'staff' ? (role ?? 'viewer') : null })
    response.status(201).json({ token: secret })
  })

  router.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
    const refused = error instanceof Refusal ? error : (ofLibrary(error) ?? unreadable(error))
    if (refused === null || response.headersSent) return next(error)
    response.status(refused.status).json({ detail: refused.message, field: refused.field })
  })

  return router
}

/** An error of the library, shown to the caller. The clinic's own row has been written in any case. */
const ofLibrary = (error: unknown): Refusal | null =>
  isNotificationError(error) ? new Refusal(error.status, error.message, error.field ?? null) : null

/** A request that Express itself refused: invalid JSON, or a body that is too long. Its own message quotes the body. */
function unreadable(error: unknown): Refusal | null {
  const { data } = z.object({ status: z.int().min(400).max(499) }).safeParse(error)
  if (data === undefined) return null
  return new Refusal(
    data.status,
    data.status === 413 ? 'The request is too long' : 'The request cannot be read: send well-formed JSON',
  )
}

function read<T>(schema: z.ZodType<T>, request: Request): T {
  const result = schema.safeParse(request.body ?? {})
  if (result.success) return result.data
  const [issue] = result.error.issues
  const field = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path.join('.')
  throw new Refusal(422, issue?.message ?? 'is not valid', field ?? null)
}

function appointment(database: ClinicDatabase, appointmentId: number) {
  const [row] = Number.isSafeInteger(appointmentId) ? database.appointments([appointmentId]) : []
  if (row === undefined) throw new Refusal(404, 'There is no such appointment')
  return row
}

function requirePerson(
  database: ClinicDatabase,
  kind: PersonKind,
  personId: number,
  organization: string,
  field: string,
) {
  const [row] = database.people([personId])
  if (row?.kind === kind && row.organization_id === organization) return
  throw new Refusal(422, `is no ${kind.toLowerCase()} of this organization`, field)
}
