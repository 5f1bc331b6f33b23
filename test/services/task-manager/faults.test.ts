/** What the client does when the service fails: against a real server that does, and one that is not there. */
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { type LogFields, type Logger, silentLogger } from '../../../src/index.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import type { Reply } from '../../support/scripted-server.ts'
import { clientOf, draft, failure, key, server } from './fixture.ts'

const created: Reply = { status: 201, json: { id: 17 } }
const busy = (retryAfter: string): Reply => ({ status: 429, headers: { 'retry-after': retryAfter } })

describe('retries', () => {
  it.each<[string, Reply]>([
    ['500', { status: 500 }],
    ['503', { status: 503, text: 'down' }],
    ['429', busy('0')],
    ['408', { status: 408 }],
    ['a dropped connection', 'drop'],
    ['an answer that breaks off', 'drop-answer'],
    ['no answer in time', 'silent'],
  ])('%s, then an answer: the same request again, under the same key', async (_name, reply) => {
    const api = await server(reply, created)
    expect((await clientOf(api.url, { timeoutMs: 150 }).createTask(draft, key)).id).toBe('17')
    const [first, second] = api.asked
    expect(api.asked).toHaveLength(2)
    expect(second?.body).toBe(first?.body)
    expect([first, second].map((asked) => asked?.headers['idempotency-key'])).toEqual([
      'reminder-456-1',
      'reminder-456-1',
    ])
  })

  it.each([400, 401, 403, 404, 409, 422, 301, 307])('%i is not repeated', async (status) => {
    const api = await server({ status, json: {}, headers: { location: '/api/elsewhere' } })
    const error = await failure(clientOf(api.url, { breaker: { failures: 1 } }).createTask(draft, key))
    expect(error).toMatchObject({ code: 'task_manager_refused', status: 502 })
    expect(error.message).toContain(`POST ${api.url}/api/tasks with ${status}`)
    expect(api.asked).toHaveLength(1)
  })

  it('ends after the allowed ones, with the document’s words, the URL and the cause', async () => {
    const api = await server({ status: 500 })
    const error = await failure(clientOf(api.url).createTask(draft, key))
    expect(error).toMatchObject({ code: 'task_manager_unavailable', status: 503 })
    expect(error.message).toBe(
      `TaskManager connection failed: POST ${api.url}/api/tasks: it answered 500, 3 times. ` +
        'Check TASK_MANAGER_URL, and that the service is running and reachable.',
    )
    expect(api.asked).toHaveLength(3)
  })

  it('names a refused connection', async () => {
    const api = await server()
    await api.shut()
    const error = await failure(clientOf(api.url, { retry: { maxRetries: 0 } }).getTask('1'))
    expect(error.message).toContain('connection refused (ECONNREFUSED)')
  })

  it('waits as long as Retry-After says, in seconds or as a date', async () => {
    const clock = new ManualClock('2026-03-01T09:00:00Z')
    for (const retryAfter of ['60', 'Sun, 01 Mar 2026 09:01:00 GMT']) {
      const api = await server(busy(retryAfter), created)
      const error = await failure(clientOf(api.url, { clock }).createTask(draft, key))
      expect(error, 'a minute is more than a call may take').toMatchObject({
        code: 'task_manager_unavailable',
        retryAfterMs: 60_000,
      })
      expect(api.asked).toHaveLength(1)
    }
    clock.jump('2026-03-01T09:00:59.750Z')
    const api = await server(busy('Sun, 01 Mar 2026 09:01:00 GMT'), created)
    const beganAt = performance.now()
    await clientOf(api.url, { clock }).createTask(draft, key)
    expect(performance.now() - beganAt).toBeGreaterThan(240)
  })

  it('takes no longer in all than it may, however often it may try', async () => {
    const api = await server('silent')
    const beganAt = performance.now()
    const client = clientOf(api.url, { timeoutMs: 120, totalTimeoutMs: 200, retry: { maxRetries: 20 } })
    expect((await failure(client.getTask('1'))).message).toContain('no answer in time')
    expect(performance.now() - beganAt).toBeLessThan(1000)
    expect(api.asked.length).toBeLessThanOrEqual(3)
  })

  it('stops at once when it is closed, also between two attempts', async () => {
    const api = await server(busy('20'))
    const client = clientOf(api.url)
    const waiting = failure(client.getTask('1'))
    while (api.asked.length === 0) await new Promise((resolve) => setImmediate(resolve))
    client.close()
    expect((await waiting).message).toContain('closed')
    expect((await failure(client.getTask('1'))).message).toContain('closed')
    expect(api.asked).toHaveLength(1)
  })
})

describe('answers that do harm', () => {
  it('reads no more of one than it may', async () => {
    const text = JSON.stringify({ id: 1, filler: 'x'.repeat(5000) })
    const api = await server({ status: 200, text })
    const error = await failure(clientOf(api.url, { maxResponseBytes: 4096 }).getTask('1'))
    expect(error.code).toBe('task_manager_invalid')
    expect(error.message).toContain('more than 4096 bytes')
    expect((await clientOf(api.url, { maxResponseBytes: 8192 }).getTask('1'))?.id).toBe('1')
  })

  it('does not follow a redirect with the token and the payload', async () => {
    const elsewhere = await server(created)
    const api = await server({ status: 307, headers: { location: `${elsewhere.url}/api/tasks` } })
    const error = await failure(clientOf(api.url, { token: 'canary' }).createTask(draft, key))
    expect(error.message).toContain('Redirects are not followed')
    expect(elsewhere.asked).toEqual([])
  })
})

describe('the circuit breaker', () => {
  const settings = { retry: { maxRetries: 0 }, breaker: { failures: 3, halfOpenAfterMs: 10_000 } }

  it('opens after failures in a row, fails fast, lets one call try, and closes by itself', async () => {
    const clock = new ManualClock('2026-03-01T09:00:00Z')
    const api = await server({ status: 500 })
    const client = clientOf(api.url, { ...settings, clock })
    for (let call = 0; call < 3; call++) await failure(client.getTask('1'))
    expect([client.circuit, client.isAvailable]).toEqual(['open', false])

    clock.jump('2026-03-01T09:00:04Z')
    const error = await failure(client.createTask(draft, key))
    expect(error).toMatchObject({ code: 'task_manager_unavailable', retryAfterMs: 6000 })
    expect(error.message).toContain('it answered 500')
    expect(api.asked).toHaveLength(3)

    clock.jump('2026-03-01T09:00:10Z')
    expect([client.circuit, client.isAvailable]).toEqual(['half_open', true])
    await failure(client.getTask('1'))
    expect(client.circuit, 'the one that tried failed').toBe('open')
    expect(api.asked).toHaveLength(4)

    clock.jump('2026-03-01T09:00:20Z')
    api.replies = ['silent']
    const trying = failure(client.getTask('1'))
    expect(client.circuit).toBe('half_open')
    const others = await Promise.all([failure(client.getTask('2')), failure(client.getTask('3'))])
    for (const other of others) expect(other.message).toContain('are suspended for another')
    await api.shut()
    await trying
    expect(client.circuit).toBe('open')

    await api.reopen()
    api.replies = [{ status: 200, json: { id: 1 } }]
    clock.jump('2026-03-01T09:00:30Z')
    expect((await client.getTask('1'))?.id).toBe('1')
    expect([client.circuit, client.isAvailable]).toEqual(['closed', true])
  })

  it('counts failures in a row: an answer between them, even a refusal, starts anew', async () => {
    const api = await server(
      { status: 500 },
      { status: 500 },
      { status: 422, json: {} },
      { status: 500 },
      { status: 500 },
    )
    const client = clientOf(api.url, settings)
    for (let call = 0; call < 5; call++) await failure(client.getTask('1'))
    expect(client.circuit).toBe('closed')
    await failure(client.getTask('1'))
    expect(client.circuit).toBe('open')
  })

  it('counts attempts, and gives a call up when it opens', async () => {
    const api = await server({ status: 500 })
    let waits = 0
    const random = () => {
      waits += 1
      return 0
    }
    const client = clientOf(api.url, { random, retry: { maxRetries: 9 }, breaker: settings.breaker })
    const error = await failure(client.getTask('1'))
    expect(error.message).toContain('it answered 500, 3 times')
    expect([api.asked.length, waits]).toEqual([3, 2])
  })

  it('gives a call up that waits for its next attempt while others open it', async () => {
    const clock = new ManualClock('2026-03-01T08:59:59.800Z')
    const api = await server(busy('Sun, 01 Mar 2026 09:00:00 GMT'), { status: 500 })
    const client = clientOf(api.url, { clock, breaker: { failures: 4 }, retry: { maxRetries: 9 } })
    const beganAt = performance.now()
    const waiting = failure(client.getTask('1'))
    while (api.asked.length === 0) await new Promise((resolve) => setImmediate(resolve))
    await failure(client.getTask('2'))
    expect(client.circuit).toBe('open')
    expect((await waiting).message).toContain('it answered 429.')
    expect(performance.now() - beganAt, 'one wait, not nine').toBeLessThan(1000)
    expect(api.asked).toHaveLength(4)
  })

  it('is asked about health also while it is open', async () => {
    const api = await server({ status: 500 }, { status: 500 }, { status: 500 }, { status: 200 })
    const client = clientOf(api.url, settings)
    for (let call = 0; call < 3; call++) await failure(client.getTask('1'))
    expect(await client.health()).toMatchObject({ ok: true, circuit: 'open' })
  })
})

describe('secrets', () => {
  const token = 'canary-token'
  const secrets = [token, 'patient@email.com', '+1234567890', 'January', 'Dr. Smith', 'reminder-callback']

  it('are in no error and no log, whatever the service answers', async () => {
    const lines: string[] = []
    const log = (message: string, fields?: LogFields) => void lines.push(inspect({ message, fields }))
    const logger: Logger = { ...silentLogger, debug: log, info: log, warn: log, error: log }
    const echo = { detail: [{ loc: ['body', 'payload', 'recipient_email'], input: draft }], code: 'Dr. Smith', token }
    const replies: Reply[] = [
      { status: 500, json: echo },
      { status: 422, json: echo },
      { status: 400, text: JSON.stringify(echo).slice(3) },
      { status: 200, json: { id: echo } },
      { status: 404, text: token },
      'drop',
      'drop-answer',
      'silent',
    ]
    for (const reply of replies) {
      const api = await server(reply)
      const client = clientOf(api.url, { token, logger, timeoutMs: 100, breaker: { failures: 1 } })
      const calls = [
        () => client.createTask(draft, key),
        () => client.updateTask('1', draft),
        () => client.getTask('1'),
      ]
      for (const call of calls) {
        const told = inspect(await failure(call()), { depth: 20, showHidden: true })
        for (const secret of secrets) expect(told).not.toContain(secret)
      }
    }
    expect(lines.length).toBeGreaterThan(0)
    for (const secret of secrets) expect(lines.join('\n')).not.toContain(secret)
  })

  it('names the fields that a refusal names', async () => {
    const detail = [{ loc: ['body', 'scheduled_time'], msg: 'bad', input: 'x' }]
    const api = await server({ status: 422, json: { code: 'validation_failed', detail } })
    const error = await failure(clientOf(api.url).createTask(draft, key))
    expect(error.message).toContain('(validation_failed, body.scheduled_time)')
  })

  it('are in no error of a fetch that puts the whole request into its own', async () => {
    const fetch: typeof globalThis.fetch = async (_url, init) => {
      throw Object.assign(new Error(inspect(init)), { code: `E_${token}`, request: init })
    }
    const told = inspect(await failure(clientOf('http://127.0.0.1:1', { token, fetch }).createTask(draft, key)), {
      depth: 20,
      showHidden: true,
    })
    for (const secret of secrets) expect(told).not.toContain(secret)
  })
})
