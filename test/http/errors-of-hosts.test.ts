import { expect, test } from 'vitest'
import { admin, authenticate, callerHeader, openWorld, service } from '../conformance/http/world.ts'

const canary = 'canary7d1f'

/** As clients of HTTP throw them: with the request that failed, its headers and its address. */
const thrown = () =>
  Object.assign(new Error(`Request failed: https://user:${canary}@host.example/?token=${canary}`), {
    name: 'AxiosError',
    code: 'ERR_BAD_REQUEST',
    config: { headers: { Authorization: `Bearer ${canary}` } },
    response: { data: canary },
    cause: new Error(canary),
  })
const fail = async () => {
  throw thrown()
}

test('of what the code of a host throws, log, health, answers and events tell the name, the code and the place', async () => {
  const world = await openWorld({
    authenticate,
    transports: [{ name: 'broken', channels: ['EMAIL', 'SMS'], needsAccount: false, send: fail, verify: fail }],
    rateLimits: { store: { postgres: { query: fail } } },
  })
  const { clock, log, told, host } = world
  world.events.on('notification.failed', fail)
  world.events.on('reminder.scheduled', () => {
    throw thrown()
  })
  await world.start()
  await world.notifications.scheduleReminders(42, { customReminders: [3] })
  for (let minutes = 0; minutes < 10; minutes++) await clock.advance(60_000)
  host.fault = thrown()
  const answers: string[] = []
  const asked = [
    ['POST', '/reminders/appointment/42'],
    ['GET', '/preferences/patient/12'],
    ['GET', '/debug/preferences/12'],
    ['GET', '/reminders/appointment/42/explain'],
    ['GET', '/history/'],
    ['GET', '/health'],
  ] as const
  for (const [method, path] of asked) {
    for (const caller of [service, admin]) {
      const headers = { [callerHeader]: JSON.stringify(caller) }
      const readBody = async () => ({ kind: 'bytes', bytes: new Uint8Array() }) as const
      const answering = world.handle({ method, path, query: '', headers, native: null, readBody })
      await clock.advance(3000)
      answers.push((await answering).body ?? '')
    }
  }
  await world.stop()
  const all = [...log.lines, ...answers, JSON.stringify(told)].join('\n')
  expect(all).not.toContain(canary)
  expect(log.lines.filter((line) => line.includes('AxiosError (ERR_BAD_REQUEST)')).length).toBeGreaterThan(5)
  for (const subject of [
    'directory method failed',
    'rate limit store failed',
    'event listener failed',
    'provider failed its check',
  ]) {
    expect(log.lines).toContainEqual(expect.stringContaining(subject))
  }
})
