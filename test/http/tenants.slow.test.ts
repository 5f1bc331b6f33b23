import Database from 'better-sqlite3'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import type { Caller, Endpoint } from '../../src/index.ts'
import { refKey } from '../../src/schemas/common.ts'
import {
  admin,
  ask,
  client,
  creates,
  type Ids,
  missingIds,
  openWorld,
  otherAdmin,
  patient,
  requestAbout,
  service,
  viewer,
  withoutIds,
} from '../conformance/http/world.ts'
import { ada, organizationId, otherOrganizationId } from '../support/clinic.ts'
import { migratedSqlite } from '../support/migrated-sqlite.ts'
import { recorded } from '../support/recorded.ts'

const kinds = { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' } as const
const members: Readonly<Record<string, Caller>> = { admin, viewer, patient, client }
/** What only the first organization may see. */
const canary = 'canary'

/** A world that tells what each request asks of storage and directory. */
async function openTraced(options: { readonly bare?: boolean } = {}) {
  const calls: string[] = []
  const storage = recorded(sqlite({ database: new Database(await migratedSqlite(kinds)) }), calls, 'storage')
  const world = await openWorld({ ...options, storage })
  for (const method of ['appointments', 'organizations', 'recipients', 'waitlistEntries'] as const) {
    const own: unknown = Reflect.get(world.host, method)
    Reflect.set(world.host, method, (...args: unknown[]) => {
      calls.push(`directory.${method}`)
      return typeof own === 'function' ? Reflect.apply(own, world.host, args) : undefined
    })
  }
  const traced = async (request: Parameters<typeof ask>[1]) => {
    calls.length = 0
    const answer = await ask(world, request)
    // What is asked at once may begin in another order.
    return { ...answer, calls: calls.toSorted() }
  }
  return { ...world, traced }
}
type Traced = Awaited<ReturnType<typeof openTraced>>

/** Every id of the first organization is the other's now, and nobody told the library. */
async function changeHands(world: Traced): Promise<Ids> {
  const { host, own } = world
  const other = otherOrganizationId
  for (const [id, row] of host.waitlistRows) if (id === 7) host.waitlistRows.set(id, { ...row, organizationId: other })
  host.change(42, { organizationId: other })
  for (const ref of [patient, client]) {
    if (ref.kind !== 'patient' && ref.kind !== 'client') continue
    const key = refKey({ type: ref.kind === 'patient' ? 'PATIENT' : 'CLIENT', id: ref.id })
    const row = host.recipientRows.get(key)
    if (row !== undefined) host.recipientRows.set(key, { ...row, organizationId: other })
  }
  return own
}

const rows = await (async () => {
  await using probe = await openWorld({ bare: true })
  return probe.endpoints.filter((row) => row.access.kind === 'members')
})()
const mayBe = ({ access }: Endpoint, caller: Caller): boolean => {
  if (access.kind !== 'members') return true
  if (caller.kind !== 'staff') return access.self
  return access.staff === 'viewer' || (access.staff === 'admin' && caller.role === 'admin')
}
/** Rows that name what an organization has by an id of the host. */
const byHostId = rows.filter(({ path }) => /\{(?:patient|client|appointment|waitlist_entry)_id\}/.test(path))

describe.each(['there', 'down', 'down after it changed hands'])('while the directory is %s', (state) => {
  let world: Traced
  let bare: Traced
  beforeAll(async () => {
    world = await openTraced()
    bare = await openTraced({ bare: true })
    if (state.endsWith('hands')) for (const one of [world, bare]) await changeHands(one)
    if (state.startsWith('down')) for (const one of [world, bare]) one.host.fault = new Error('down')
  })
  afterAll(async () => {
    await world.stop()
    await bare.stop()
  })

  test.each(rows)('$id: what is not there and what is not yours cost the same and say the same', async (row) => {
    const stage = creates(row) ? bare : world
    for (const caller of Object.values(members).filter((one) => mayBe(row, one))) {
      // Once before, so that neither is the first to find the directory down.
      await stage.traced(requestAbout(row, stage, missingIds, caller))
      const missing = await stage.traced(requestAbout(row, stage, missingIds, caller))
      const foreign = await stage.traced(requestAbout(row, stage, stage.foreign, caller))
      expect([caller.kind, foreign.status, foreign.calls]).toEqual([caller.kind, missing.status, missing.calls])
      expect(foreign.status).toBeOneOf(state === 'there' ? [404] : [404, 502])
      expect(withoutIds(foreign.text, stage.foreign)).toBe(withoutIds(missing.text, missingIds))
    }
  })
})

describe('an id that changed hands', () => {
  let world: Traced
  let moved: Ids
  beforeAll(async () => {
    world = await openTraced()
    const { settings, notifications } = world
    const mail = `${canary}@example.org`
    await settings.updatePreferences({ type: 'PATIENT', id: 12 }, { emailAddress: mail, emailReminders: [11] })
    await settings.updatePreferences({ type: 'CLIENT', id: 31 }, { emailAddress: mail, emailReminders: [11] })
    await settings.updateOrganizationSettings(organizationId, {
      emailTemplates: { appointment_confirmation: `${canary} {date}`, appointment_reminder: `${canary} {date}` },
    })
    await notifications.scheduleReminders(42, { customReminders: [11] })
    await notifications.sendAppointmentNotification(42, { category: 'CONFIRMATION' })
    moved = await changeHands(world)
  })
  afterAll(() => world.stop())

  test.each(byHostId)('$id: those who had it find nothing, as if it were not there', async (row) => {
    for (const caller of Object.values(members).filter((one) => mayBe(row, one))) {
      const gone = await world.traced(requestAbout(row, world, moved, caller))
      const missing = await world.traced(requestAbout(row, world, missingIds, caller))
      expect([caller.kind, gone.status, gone.calls]).toEqual([caller.kind, 404, missing.calls])
      expect(withoutIds(gone.text, moved)).toBe(withoutIds(missing.text, missingIds))
    }
  })

  test.each(byHostId)('$id: those who have it now see nothing of what was there before', async (row) => {
    const patientNow: Caller = { ...patient, kind: 'patient', organizationId: otherOrganizationId, id: 12 }
    const clientNow: Caller = { ...client, kind: 'client', organizationId: otherOrganizationId, id: 31 }
    for (const caller of [otherAdmin, patientNow, clientNow].filter((one) => mayBe(row, one))) {
      const { status, text } = await world.traced(requestAbout(row, world, moved, caller))
      expect([row.id, caller.kind, status < 500, text]).toEqual([
        row.id,
        caller.kind,
        true,
        expect.not.stringContaining(canary),
      ])
      expect(text).not.toContain(organizationId)
    }
  })

  test('the messages of those who have it now go where the directory says', async () => {
    await using stage = await openTraced()
    const { settings, notifications, host, outbox, clock } = stage
    const patientRef = { type: 'PATIENT', id: 12 } as const
    await settings.updatePreferences(patientRef, { emailAddress: `${canary}@example.org` })
    await changeHands(stage)
    expect(host.appointmentRows.get(42)?.organizationId).toBe(otherOrganizationId)
    await stage.start()
    await notifications.sendAppointmentNotification(42, { category: 'CONFIRMATION', channel: 'EMAIL' })
    await clock.advance(1000)
    const told = () => outbox.sent.filter((message) => message.organizationId === otherOrganizationId)
    expect(told().map((message) => message.to)).toContain('patient12@example.org')
    expect(told().map((message) => message.to)).not.toContain(`${canary}@example.org`)
    // Who opted out may be the same person.
    const before = told().length
    await settings.updatePreferences(patientRef, { emailEnabled: false })
    await notifications.sendAppointmentNotification(42, {
      category: 'CONFIRMATION',
      channel: 'EMAIL',
      recipients: [patientRef],
    })
    await clock.advance(1000)
    expect(told()).toHaveLength(before)
  })

  test.each(['PUT', 'POST'])(
    'those who have it now make preferences of their own in place of those: %s',
    async (method) => {
      await using stage = await openTraced()
      await changeHands(stage)
      const now: Caller = { kind: 'patient', organizationId: otherOrganizationId, id: 12 }
      const path = '/preferences/patient/12'
      const body = { sms_enabled: false }
      const at = method === 'PUT' ? path : '/preferences/patient/'
      const created = await ask(stage, { method, path: at, body, caller: now })
      expect([created.status, created.answer]).toMatchObject([
        method === 'PUT' ? 200 : 201,
        { organization_id: otherOrganizationId, sms_enabled: false, email_reminders: null },
      ])
      expect((await ask(stage, { method: 'PUT', path, body: { sms_enabled: null }, caller: now })).status).toBe(200)
      expect((await ask(stage, { method: 'GET', path, caller: patient })).status).toBe(404)
    },
  )

  test('between the check and the content, nothing of the new owner is shown or changed for the old', async () => {
    await using stage = await openTraced()
    const { host } = stage
    for (const row of byHostId.filter(({ path }) => path.includes('appointment_id'))) {
      host.change(42, { organizationId })
      const asked = host.appointments.bind(host)
      let count = 0
      host.appointments = async (ids) => {
        const told = await asked(ids)
        count += 1
        if (count === 1) host.change(42, { organizationId: otherOrganizationId, location: canary })
        return told
      }
      const answer = await ask(stage, requestAbout(row, stage, stage.own, admin))
      host.appointments = asked
      // What the old one had planned itself, it may still cancel.
      const status = row.id === 'reminders.cancel' ? 200 : 404
      expect([row.id, answer.status, answer.text]).toEqual([row.id, status, expect.not.stringContaining(canary)])
    }
    const { notifications } = await stage.notifications.history({ organizationId: otherOrganizationId, state: 'all' })
    expect(notifications.filter((one) => one.appointmentId === 42)).toEqual([])
  })
})

type Step = readonly ['book' | 'schedule' | 'send' | 'cancel' | 'delete' | 'forget', id: number, first: boolean]
const step = fc.tuple(
  fc.constantFrom('book', 'schedule', 'send', 'cancel', 'delete', 'forget'),
  fc.integer({ min: 1, max: 3 }),
  fc.boolean(),
)

test("whatever changes hands how often: each organization sees its own only, and all that it asks for is the directory's", async () => {
  const world = await openWorld({ bare: true })
  const { host, notifications } = world
  const staff = { [organizationId]: admin, [otherOrganizationId]: otherAdmin }
  const paths = (id: number) =>
    ['', '/explain', '/plan']
      .map((end) => `/reminders/appointment/${id}${end}`)
      .concat(`/history/?appointment_id=${id}&delivery_state=all`)
  const markOf = (organization: string) => `of-${organization.slice(0, 8)}@example.org`
  let base = 100
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async (steps: readonly Step[]) => {
      base += 10
      for (const [what, offset, first] of steps) {
        const id = base + offset
        const organization = first ? organizationId : otherOrganizationId
        const person = {
          ...ada,
          id: 1000 + id + (first ? 0 : 5),
          email: markOf(organization),
          name: markOf(organization),
        }
        const by = staff[organization]
        const reach = (method: string, path: string, body?: unknown) =>
          ask(world, { method, path, body, caller: by ?? service })
        if (what === 'book')
          host.book({ id, startsAt: '2024-09-25T14:30:00', organizationId: organization, recipients: [person] })
        if (what === 'schedule')
          await reach('POST', `/reminders/appointment/${id}`, { custom_reminders: [first ? 7 : 9] })
        if (what === 'send') await reach('POST', `/send/appointment/${id}`, { notification_type: 'confirmation' })
        if (what === 'cancel') await reach('DELETE', `/reminders/appointment/${id}`)
        if (what === 'delete') host.appointmentRows.delete(id)
        if (what === 'forget') await notifications.appointmentDeleted(id)
      }
      for (const id of [base + 1, base + 2, base + 3]) {
        const owner = host.appointmentRows.get(id)?.organizationId
        for (const [organization, caller] of Object.entries(staff)) {
          const other = organization === organizationId ? otherOrganizationId : organizationId
          for (const path of paths(id)) {
            const { status, text } = await ask(world, { method: 'GET', path, caller })
            const isHistory = path.startsWith('/history')
            if (owner !== undefined && !isHistory)
              expect([path, status]).toEqual([path, owner === organization ? 200 : 404])
            expect([path, text]).toEqual([path, expect.not.stringContaining(markOf(other))])
            expect(text).not.toContain(`"organization_id":"${other}"`)
          }
        }
      }
    }),
    { numRuns: 60, seed: 18 },
  )
  await world.stop()
})
