/** What an operator sees in health, log and `explain` while something of the outside does not answer. */
import { describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import {
  type Directory,
  type DirectoryContext,
  type EntityId,
  type Transport,
  TransportError,
} from '../../src/index.ts'
import { ask, service } from '../conformance/http/world.ts'
import { openClinic, organizationId, otherOrganizationId } from '../support/clinic.ts'
import { sqlite } from '../support/stores.ts'

const start = new Date('2026-03-03T12:00:00Z')
const due = '2026-03-02T12:00:00Z'
const patient = (id: number) => ({ type: 'PATIENT', id, email: `p${id}@example.org` }) as const
type Clinic = Awaited<ReturnType<typeof openClinic>>

/** Appointments 1 to 3 of one organization, 101 to 103 of another, due a minute after the start. */
async function openBooked(options: Parameters<typeof openClinic>[1] = {}) {
  const clinic = await openClinic('2026-03-02T11:59:00Z', {
    sweepMs: 30_000,
    authenticate: () => ({ kind: 'service' }),
    ...options,
  })
  const ids = [1, 2, 3, 101, 102, 103]
  for (const id of ids) {
    const organization = id > 100 ? otherOrganizationId : organizationId
    clinic.host.book({ id, startsAt: start, recipients: [patient(id)], organizationId: organization })
  }
  await clinic.notifications.scheduleMany(ids, { customReminders: [24] })
  return clinic
}

const health = (clinic: Clinic) => ask(clinic, { method: 'GET', path: '/health', caller: service })
const methodOf = (answer: unknown, method: string) =>
  Object(answer).directory.methods.find((one: { method: string }) => one.method === method)

function answering(clinic: Clinic, answer: (ids: readonly EntityId[], real: () => unknown) => unknown) {
  const real = clinic.host.appointments.bind(clinic.host)
  const appointments = (ids: readonly EntityId[], _context: DirectoryContext) => answer(ids, () => real(ids))
  Object.assign(clinic.host, { appointments } satisfies Partial<Record<keyof Directory, unknown>>)
  return () => Object.assign(clinic.host, { appointments: real })
}

describe('a directory that answers for nobody', () => {
  it.each([
    ['throws', () => Promise.reject(new Error('connection to ada@example.org lost')), 'Error'],
    ['never answers', () => new Promise(() => {}), 'no response in time'],
  ])(
    'is failing in health, named in the log and by explain, within a minute: one that %s',
    async (_what, answer, fault) => {
      await using clinic = await openBooked()
      await clinic.start()
      expect(await health(clinic)).toMatchObject({ status: 200, answer: { directory: { status: 'ok' } } })
      const heal = answering(clinic, answer)
      await clinic.clock.advanceTo(due)
      await clinic.clock.advance(60_000)
      const seen = await health(clinic)
      expect(seen).toMatchObject({ status: 503, answer: { status: 'failing', directory: { status: 'failing' } } })
      expect(methodOf(seen.answer, 'appointments')).toMatchObject({
        status: 'failing',
        fault,
        since: expect.any(String),
      })
      expect(clinic.log.lines.join()).toContain('directory method failed')
      const line = (await clinic.notifications.explain(1)).at(-1)
      expect(line).toMatchObject({ action: 'deferred', rule: 'directory_failed', reminderId: 1 })
      expect(line?.because).toContain(fault)
      expect(`${seen.text}${clinic.log.lines.join()}${line?.because}`).not.toContain('ada@')
      heal()
      await clinic.clock.advance(90_000)
      expect(clinic.outbox.sent).toHaveLength(6)
      expect(await health(clinic)).toMatchObject({ status: 200, answer: { directory: { status: 'ok' } } })
      expect((await clinic.notifications.explain(1)).at(-1)).toMatchObject({ action: 'sent' })
    },
  )

  it('writes one line a kind and minute, with a count', async () => {
    await using clinic = await openBooked()
    await clinic.start()
    answering(clinic, () => Promise.reject(new Error('down')))
    await clinic.clock.advanceTo(due)
    await clinic.clock.advance(10 * 60_000)
    const lines = clinic.log.lines.filter((one) => one.includes('directory method failed'))
    expect(lines.length).toBeLessThanOrEqual(11)
    expect(lines.join()).toContain('"repeated":')
    expect(lines.join(), 'where in the code of the host').toMatch(/"at":"at [^"]*visible-faults\.test/)
  })
})

describe('a directory that does not answer for one organization', () => {
  it('is degraded in health, answered 200 although its messages wait, and explained for that organization alone', async () => {
    await using clinic = await openBooked()
    await clinic.start()
    answering(clinic, (ids, real) => (ids.some((id) => Number(id) < 100) ? Promise.reject(new Error('down')) : real()))
    await clinic.clock.advanceTo(due)
    await clinic.clock.advance(5 * 60_000)
    expect(clinic.outbox.sent).toHaveLength(3)
    const seen = await health(clinic)
    expect(seen).toMatchObject({
      status: 200,
      answer: { status: 'degraded', directory: { status: 'degraded' }, scheduler: { status: 'degraded' } },
    })
    expect(methodOf(seen.answer, 'appointments')).toMatchObject({
      status: 'degraded',
      organizations: { count: 1, ids: [organizationId] },
    })
    expect((await clinic.notifications.explain(1)).at(-1)).toMatchObject({ rule: 'directory_failed' })
    expect((await clinic.notifications.explain(101)).at(-1)).toMatchObject({ action: 'sent' })
    const lines = clinic.log.lines.filter((one) => one.includes('fails for an organization'))
    expect(lines[0]).toContain(organizationId)
  })

  it('is explained too by a process that does not send, and was not asked before', async () => {
    await using clinic = await openBooked()
    await clinic.clock.advanceTo('2026-03-02T12:00:10Z')
    answering(clinic, () => new Promise(() => {}))
    const explaining = clinic.notifications.explain(1)
    await clinic.clock.advance(2000)
    expect((await explaining).at(-1)).toMatchObject({ rule: 'directory_failed', reminderId: 1 })
  })
})

describe('one organization whose server never answers', () => {
  it('makes health degraded, not failing, as long as everybody else is served', async () => {
    const silent: Transport = {
      name: 'smtp',
      channels: ['EMAIL'],
      needsAccount: true,
      concurrency: 2,
      send: (message) =>
        message.organizationId === organizationId ? new Promise(() => {}) : Promise.resolve({ messageId: null }),
    }
    await using clinic = await openBooked({ transports: [silent] })
    for (const organization of [organizationId, otherOrganizationId]) {
      await clinic.settings.createOrganizationSettings(organization, {
        emailSmtpHost: `smtp.${organization}.example`,
        emailFromAddress: 'clinic@example.org',
      })
    }
    await clinic.notifications.scheduleMany([1, 2, 3, 101, 102, 103], { customReminders: [24] })
    await clinic.start()
    await clinic.clock.advanceTo(due)
    await clinic.clock.advance(100_000)
    expect(await health(clinic)).toMatchObject({
      status: 200,
      answer: { status: 'degraded', scheduler: { status: 'degraded' } },
    })
  })
})

describe('an account that is refused', () => {
  const refused = new TransportError('Refused.', { outcome: 'transient', code: 'smtp_5.7.8', scope: 'account' })
  const smtpAccount = (organization: string, emailPassword: string) => ({
    emailSmtpHost: `smtp.${organization}.example`,
    emailUsername: 'clinic',
    emailPassword,
    emailFromAddress: 'clinic@example.org',
  })

  it('makes health degraded where it is of one organization, until that has other credentials', async () => {
    const storage = sqlite(':memory:')
    const passwords: (string | null)[] = []
    const transport = capture({
      fail: ({ organizationId: from }) => (from === organizationId && passwords.length === 0 ? refused : null),
    })
    await using clinic = await openBooked({
      storage,
      transports: [{ ...transport, name: 'smtp', needsAccount: true, channels: ['EMAIL'] }],
    })
    for (const organization of [organizationId, otherOrganizationId]) {
      await clinic.settings.createOrganizationSettings(organization, smtpAccount(organization, 'old'))
    }
    await clinic.start()
    await clinic.clock.advanceTo(due)
    await clinic.clock.advance(1000)
    const paused = { organization_id: organizationId, channel: 'EMAIL', provider: 'smtp', destination: null }
    expect(await health(clinic)).toMatchObject({
      status: 200,
      answer: { status: 'degraded', accounts: { count: 1, paused: [{ ...paused, code: 'smtp_5.7.8' }] } },
    })
    passwords.push('new')
    await clinic.settings.updateOrganizationSettings(organizationId, smtpAccount(organizationId, 'new'))
    expect(await health(clinic)).toMatchObject({ answer: { status: 'ok', accounts: { count: 0, paused: [] } } })
    await clinic.clock.advance(60_000)
    // Nobody will try the old password again.
    expect(await storage.accounts.paused()).toEqual([])
    expect(transport.sent).toHaveLength(6)
  })

  it('makes health failing where it is of the only provider there is', async () => {
    await using clinic = await openBooked({ transports: [capture({ fail: () => refused })] })
    await clinic.start()
    await clinic.clock.advanceTo(due)
    await clinic.clock.advance(1000)
    expect(await health(clinic)).toMatchObject({
      status: 503,
      answer: { accounts: { count: 1, paused: [{ organization_id: null, code: 'smtp_5.7.8' }] } },
    })
  })
})

describe('TaskManager that does not answer', () => {
  it('is named with its reason in health and in the log', async () => {
    await using clinic = await openBooked({
      taskManager: {
        url: 'http://127.0.0.1:9',
        fetch: async () => new Response(null, { status: 500 }),
        mode: 'trigger',
      },
      publicUrl: 'http://clinic.example',
    })
    await clinic.start()
    await clinic.clock.advance(30_000)
    const lines = clinic.log.lines.filter((one) => one.includes('TaskManager did not respond'))
    expect(lines).toEqual([expect.stringContaining('it answered 500')])
    const { answer, status } = await health(clinic)
    // The library does the work; without alarms its sweep finds what is due.
    expect(status).toBe(200)
    expect(answer).toMatchObject({ status: 'degraded', task_manager: { status: 'failing', fault: 'it answered 500' } })
  })
})
