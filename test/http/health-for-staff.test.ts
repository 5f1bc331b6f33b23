/** Staff see in health what concerns their organization and what concerns everybody, and nothing of another organization. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { type Caller, type EntityId, TransportError } from '../../src/index.ts'
import { ask, authenticate, service } from '../conformance/http/world.ts'
import { ada, openClinic, organizationId, otherOrganizationId } from '../support/clinic.ts'

const quietId = 'quiet-clinic'
/** Ids of rows that are found in no other number. */
const rowsOf: Readonly<Record<string, readonly [broken: number, mail: number, late: number]>> = {
  [organizationId]: [710_001, 710_002, 710_003],
  [otherOrganizationId]: [820_001, 820_002, 820_003],
  [quietId]: [930_001, 930_002, 930_003],
}
const troubled = Object.entries(rowsOf).filter(([id]) => id !== quietId)

type Clinic = Awaited<ReturnType<typeof openBroken>>

/** Two organizations for which everything is wrong that can be wrong for one, and one for which nothing is. */
async function openBroken() {
  const refused = (who: string) =>
    new TransportError(`Refused (${who.slice(0, 4)}).`, { outcome: 'transient', code: 'smtp_535', scope: 'account' })
  const mail = capture({ fail: ({ organizationId: who }) => (who === quietId ? null : refused(who)) })
  const smtp = { ...mail, name: 'smtp', needsAccount: true, channels: ['EMAIL'] as const }
  const texts = { ...capture(), name: 'texts', needsAccount: true, channels: ['SMS'] as const }
  const clinic = await openClinic('2026-03-02T11:59:00Z', {
    authenticate,
    transports: [smtp, texts],
    sweepMs: 30_000,
  })
  clinic.host.organizationRows.set(quietId, { id: quietId, name: 'Quiet Clinic' })
  const startOf = (minutes: number) => new Date(Date.parse('2026-03-03T12:00:00Z') + minutes * 60_000)
  for (const [id, ids] of Object.entries(rowsOf)) {
    await clinic.settings.createOrganizationSettings(id, {
      emailSmtpHost: `smtp.${id}.example`,
      emailFromAddress: 'clinic@example.org',
      ...(id !== quietId && { smsProvider: 'texts', smsApiKey: 'key' }),
    })
    const about = { organizationId: id, recipients: [{ ...ada, phone: null }] }
    for (const [index, row] of ids.entries()) clinic.host.book({ id: row, startsAt: startOf(index), ...about })
    await clinic.notifications.scheduleMany(ids, { customReminders: [24] })
  }
  const broken = new Set<EntityId>(troubled.map(([, [id]]) => id))
  const late = new Set<EntityId>(troubled.flatMap(([, ids]) => ids))
  let isAway = false
  const real = clinic.host.appointments.bind(clinic.host)
  const appointments = async (ids: readonly EntityId[]) => {
    if (isAway && ids.some((id) => late.has(id))) throw new Error('down')
    return (await real(ids)).map((row) => (broken.has(Number(row.id)) ? { ...row, status: 'booked' } : row))
  }
  Object.assign(clinic.host, { appointments })
  await clinic.start()
  await clinic.clock.advanceTo('2026-03-02T12:01:30Z')
  isAway = true
  await clinic.clock.advanceTo('2026-03-02T12:06:00Z')
  return clinic
}

let clinic: Clinic
beforeAll(async () => {
  clinic = await openBroken()
})
afterAll(() => clinic[Symbol.asyncDispose]())

const staffOf = (id: string, role: 'admin' | 'viewer'): Caller => ({ kind: 'staff', organizationId: id, role })
const health = (caller: Caller | null) => ask(clinic, { method: 'GET', path: '/health', caller })

describe.each(troubled)('staff of %s', (id, [broken]) => {
  test.each(['admin', 'viewer'] as const)('in the role of %s see what concerns them', async (role) => {
    const { status, answer, text } = await health(staffOf(id, role))
    expect(status).toBe(200)
    expect(answer).toMatchObject({
      status: 'degraded',
      storage: { status: 'ok', fault: null },
      scheduler: { status: 'degraded', organizations: { count: 1, ids: [id] }, lag_ms: null },
      accounts: {
        count: 1,
        paused: [{ organization_id: id, code: 'smtp_535', message: `Refused (${id.slice(0, 4)}).` }],
      },
      settings: { count: 1, faults: [{ organization_id: id, channel: 'SMS', code: 'no_credentials' }] },
      held: null,
    })
    const method = Object(answer).directory.methods.find((one: { method: string }) => one.method === 'appointments')
    expect(method).toMatchObject({ status: 'degraded', rows: { unreadable: { count: 1, ids: [broken] } } })
    expect(Object(answer).log.every((line: { organization_id: unknown }) => line.organization_id === id)).toBe(true)
    expect(text).toContain('account paused')
  })

  test('see nothing of others', async () => {
    const { text } = await health(staffOf(id, 'admin'))
    for (const [other, ids] of Object.entries(rowsOf)) {
      if (other !== id) for (const one of [other, ...ids]) expect(text).not.toContain(String(one))
    }
  })
})

test('staff of an organization for which all is well are told so, whatever is wrong for others', async () => {
  expect((await health(null)).answer).toEqual({ status: 'degraded' })
  const { answer, text } = await health(staffOf(quietId, 'viewer'))
  expect(answer).toMatchObject({ status: 'ok', accounts: { count: 0 }, settings: { count: 0 }, log: [] })
  for (const [id] of troubled) expect(text).not.toContain(id)
})

test('a service sees all of it', async () => {
  const { answer, text } = await health(service)
  expect(answer).toMatchObject({ accounts: { count: 2 }, scheduler: { organizations: { count: 2 } } })
  for (const [id, [broken]] of troubled) for (const one of [id, broken]) expect(text).toContain(String(one))
})

test('patients and clients see the status alone', async () => {
  for (const kind of ['patient', 'client'] as const) {
    expect((await health({ kind, organizationId, id: 12 })).answer).toEqual({ status: 'degraded' })
  }
})
