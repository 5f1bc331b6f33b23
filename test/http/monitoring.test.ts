import { describe, expect, test } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { type SendContext, TransportError } from '../../src/index.ts'
import { admin, ask, openWorld, service, type World } from '../conformance/http/world.ts'

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

  test('verifies providers for a service only, once a minute, and shows no more than a code', async () => {
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
    const email = { channel: 'EMAIL', provider: 'smtp', status: 'failing', code: 'smtp_535' }
    expect(failing).toMatchObject({
      status: 503,
      answer: { providers: [email, { channel: 'SMS', provider: null, status: 'unknown' }] },
    })
    expect(failing.text).not.toContain('hush')
    await world.stop()
  })

  test('a provider that does not answer is not waited for', async () => {
    const world = await openWorld({ transports: [{ ...capture(), verify: () => new Promise(() => {}) }] })
    const waiting = health(world)
    await world.clock.advance(2000)
    expect(await waiting).toMatchObject({
      status: 200,
      answer: { providers: [{ status: 'unknown' }, { status: 'unknown' }] },
    })
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
})
