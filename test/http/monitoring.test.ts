import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { capture } from '../../adapters/transport/capture.ts'
import { type SendContext, TransportError } from '../../src/index.ts'
import { newProgress, writeProgress } from '../../src/services/planning/reconcile-progress.ts'
import { admin, ask, openWorld, otherAdmin, patient, service, type World } from '../conformance/http/world.ts'
import { ada } from '../support/clinic.ts'

const health = (world: World, caller: typeof service | null = service) =>
  ask(world, { method: 'GET', path: '/health', caller })

describe('health', () => {
  test('tells of overdue work: 503 as soon as the scheduler lags', async () => {
    const world = await openWorld({ sweepMs: 30_000 })
    expect((await health(world)).status).toBe(200)
    world.clock.jump('2024-09-20T12:02:00Z')
    const lagging = await health(world)
    expect(lagging).toMatchObject({
      status: 503,
      answer: { status: 'failing', scheduler: { status: 'failing', lag_ms: 120_000 } },
    })
    expect(lagging.headers['retry-after']).toBeUndefined()
    expect(await health(world, null)).toMatchObject({ status: 503, answer: { status: 'failing' } })
    await world.start()
    await world.settle()
    expect((await health(world)).status).toBe(200)
    await world.stop()
  })

  test('tells of a storage that is gone, to anybody', async () => {
    const world = await openWorld()
    await world.stop()
    expect(await health(world, null)).toMatchObject({ status: 503, answer: { status: 'failing' } })
    expect(await health(world)).toMatchObject({ status: 503, answer: { storage: { status: 'failing' } } })
  })

  test('verifies providers for a service only, once a minute, and shows no credentials', async () => {
    const seen: SendContext[] = []
    let fault: TransportError | null = null
    const verify = async (context: SendContext) => {
      seen.push(context)
      if (fault !== null) throw fault
    }
    const env = {
      DEFAULT_SMTP_HOST: 'smtp.example.org',
      DEFAULT_EMAIL_USERNAME: 'a@example.org',
      DEFAULT_EMAIL_PASSWORD: 'hush',
    }
    const world = await openWorld({
      transports: [{ ...capture(), name: 'smtp', channels: ['EMAIL'], needsAccount: true, verify }],
      env,
    })
    await health(world, null)
    expect(seen).toHaveLength(0)
    await Promise.all([health(world), health(world)])
    await health(world)
    expect(seen).toHaveLength(1)
    expect(seen[0]?.account).toMatchObject({ host: 'smtp.example.org', password: 'hush' })
    fault = new TransportError('535 bad password hush', { outcome: 'permanent', code: 'smtp_535' })
    world.clock.jump(new Date(world.clock.now().getTime() + 60_000))
    const failing = await health(world)
    const told = { code: 'smtp_535', message: '535 bad password [credential]' }
    const email = { channel: 'EMAIL', provider: 'smtp', status: 'failing', ...told }
    expect(failing).toMatchObject({
      status: 503,
      answer: { providers: [email, { channel: 'SMS', provider: null, status: 'unknown' }] },
    })
    expect(failing.text).not.toContain('hush')
    await world.stop()
  })

  test('shows a reconciliation of any process, running or interrupted', async () => {
    const storage = sqlite(':memory:')
    const world = await openWorld({ storage })
    expect(await health(world)).toMatchObject({ status: 200, answer: { reconciliation: null } })
    const startedAt = world.clock.now()
    const until = new Date(startedAt.getTime() + 300_000)
    await storage.jobs.acquire('reconcile', 'another process', startedAt, until)
    const progress = newProgress(startedAt, false)
    progress.tally.countChecked('unchanged', 1)
    await storage.jobs.keepProgress('reconcile', 'another process', writeProgress(progress, startedAt))
    const at = startedAt.toISOString()
    const seen = { phase: 'plans', checked: 1, started_at: at, saved_at: at }
    expect(await health(world)).toMatchObject({ answer: { reconciliation: { ...seen, status: 'running' } } })
    world.clock.jump(until)
    expect(await health(world)).toMatchObject({ answer: { reconciliation: { ...seen, status: 'interrupted' } } })
    expect(await world.reconcile()).toMatchObject({ status: 'done', resumed: true, startedAt })
    expect(await health(world)).toMatchObject({ answer: { reconciliation: null } })
    await world.stop()
  })

  test('a provider that does not answer is not waited for', async () => {
    const world = await openWorld({
      transports: [{ ...capture(), channels: ['EMAIL', 'SMS'], verify: () => new Promise(() => {}) }],
    })
    const waiting = health(world)
    await world.clock.advance(2000)
    expect(await waiting).toMatchObject({
      status: 200,
      answer: { providers: [{ status: 'unknown' }, { status: 'unknown' }] },
    })
    await world.clock.advance(10_000)
    expect((await health(world, null)).status).not.toBe(200)
    await world.stop()
  })
})

describe('statistics', () => {
  test('count what settled, by channel, category and day', async () => {
    const world = await openWorld()
    await world.start()
    await world.clock.advanceTo('2024-09-26T00:00:00Z')
    const read = async (path: string, caller = service) => (await ask(world, { method: 'GET', path, caller })).answer
    const all = await read('/statistics')
    expect(all).toMatchObject({ organization_id: null, success_rate: 1, failed: 0 })
    const own = await read('/statistics', admin)
    expect(own).toMatchObject({
      organization_id: world.own['organization_id'],
      by_notification_category: { CONFIRMATION: { total: 3 } },
    })
    expect(Object(own).total).toBeLessThan(Object(all).total)
    const reminders = await read('/reminder-statistics?notification_type=EMAIL', admin)
    expect(reminders).toMatchObject({
      by_notification_category: { CONFIRMATION: { total: 0 } },
      by_notification_type: { SMS: { total: 0 } },
    })
    expect(Object(reminders).total).toBeGreaterThan(0)
    const day = await read('/statistics?start_date=2024-09-20&end_date=2024-09-20T23:00:00Z', admin)
    expect(day).toMatchObject({
      start_date: '2024-09-20',
      end_date: '2024-09-20',
      total: 3,
      by_day: [{ day: '2024-09-20', sent: 3 }],
    })
    expect(await read('/statistics?start_date=2030-01-01')).toMatchObject({ total: 0, success_rate: null, by_day: [] })
    await world.stop()
  })

  test('tell what was planned, left out and withdrawn, how late, by provider, and who opted out', async () => {
    const world = await openWorld()
    await ask(world, { method: 'PUT', path: '/preferences/patient/12', body: { sms_enabled: false }, caller: patient })
    await ask(world, { method: 'DELETE', path: '/reminders/appointment/42', caller: admin })
    await world.start()
    await world.clock.advanceTo('2024-09-20T12:00:01Z')
    const { answer } = await ask(world, { method: 'GET', path: '/statistics', caller: admin })
    expect(answer).toMatchObject({
      cancelled_by_reason: { cancelled_by_request: expect.any(Number), channel_disabled_by_recipient: 1 },
      due_to_sent: { count: 2, p50_ms: 1, p95_ms: 1 },
      sent_to_delivered: { count: 0, p50_ms: null, p95_ms: null },
      by_provider: { capture: { sent: 2 } },
      opt_outs: { by_notification_type: { EMAIL: 0, SMS: 1 }, by_notification_category: { REMINDER: 0 } },
    })
    expect(Object(answer).planned).toBeGreaterThan(3)
    expect(Object(answer).skipped_by_reason).toMatchObject({ no_contact: expect.any(Number) })
    const other = await ask(world, { method: 'GET', path: '/statistics?provider=twilio', caller: admin })
    expect(other.answer).toMatchObject({ total: 0, by_provider: {} })
    await world.stop()
  })

  test('no-shows are told by the reminders that went out, with their intervals', async () => {
    const world = await openWorld()
    await world.start()
    for (const id of [101, 102, 103]) {
      world.host.book({ id, startsAt: '2024-09-22T12:00:00', recipients: [{ ...ada, phone: null }] })
    }
    await world.notifications.scheduleReminders(101, { customReminders: [24, 2] })
    await world.notifications.scheduleReminders(102, { customReminders: [24] })
    await world.clock.advanceTo('2024-09-23T00:00:00Z')
    const record = (id: number, outcome: string, caller = admin) =>
      ask(world, { method: 'PUT', path: `/outcomes/${id}`, body: { outcome }, caller })
    expect(await record(101, 'no_show')).toMatchObject({
      status: 200,
      answer: { appointment_id: 101, outcome: 'no_show' },
    })
    await record(101, 'attended')
    await record(102, 'attended')
    await record(103, 'no_show')
    expect((await record(103, 'asleep')).status).toBe(422)
    expect((await record(103, 'attended', otherAdmin)).status).toBe(404)
    expect((await record(999, 'attended')).status).toBe(404)
    const read = async (caller = admin) =>
      (await ask(world, { method: 'GET', path: '/reminder-statistics', caller })).answer
    const rate = { count: 1, of: 3, rate: 1 / 3, low: expect.closeTo(0.0615, 4), high: expect.closeTo(0.7923, 4) }
    const nobody = { count: 0, of: 0, rate: null, low: null, high: null }
    expect(await read()).toMatchObject({
      attendance: {
        kind: 'descriptive',
        note: expect.stringContaining('Descriptive'),
        attended: 2,
        no_show: 1,
        cancelled_late: 0,
        no_show_rate: rate,
        by_reminders: [
          { group: '0', count: 1, of: 1 },
          { group: '1', count: 0, of: 1 },
          {
            group: '2',
            count: 0,
            of: 1,
            cancelled_late: 0,
            rescheduled: 0,
            standardized: { rate: 0, overall: 0, coverage: expect.closeTo(2 / 3) },
            by_lead_time: expect.arrayContaining([expect.objectContaining({ group: '1 to 3 days', count: 0, of: 1 })]),
          },
          { group: '3', ...nobody },
          { group: '4+', ...nobody },
        ],
        by_channels: [{ group: 'none', of: 1 }, { group: 'EMAIL', of: 2 }, { group: 'SMS' }, { group: 'several' }],
      },
    })
    const nearest = z
      .object({ attendance: z.object({ by_nearest: z.array(z.object({ group: z.string(), of: z.int() })) }) })
      .parse(await read()).attendance.by_nearest
    expect(nearest.filter(({ of }) => of > 0)).toEqual([
      { group: 'none', of: 1 },
      { group: 'up to 2 h', of: 1 },
      { group: 'up to 24 h', of: 1 },
    ])
    expect(await read(otherAdmin)).toMatchObject({ attendance: { attended: 0, no_show: 0, no_show_rate: nobody } })
    await world.stop()
  })
})
