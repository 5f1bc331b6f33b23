import { describe, expect, it } from 'vitest'
import { TaskManagerClient, taskStatuses } from '../../../src/index.ts'
import { clientOf, draft, failure, key, server } from './fixture.ts'

const documentedBody = {
  name: 'Appointment Reminder - 123',
  description: 'Send EMAIL reminder for appointment 123',
  task_type: 'email',
  payload: draft.payload,
  scheduled_time: '2024-01-14T14:00:00Z',
  callback_url: 'http://localhost:8000/api/notifications/reminder-callback/456',
  max_retries: 3,
}

describe('createTask', () => {
  it('sends the documented body to the letter, with the key and the token in headers', async () => {
    const api = await server({ status: 201, json: { id: 17, status: 'pending' } })
    const task = await clientOf(api.url, { token: 'service-token' }).createTask(draft, key)
    expect(task).toMatchObject({ id: '17', status: 'pending', executionId: null, retriesLeft: null })
    const [asked] = api.asked
    expect(asked).toMatchObject({
      method: 'POST',
      path: '/api/tasks',
      headers: {
        'content-type': 'application/json',
        'idempotency-key': 'reminder-456-1',
        authorization: 'Bearer service-token',
      },
    })
    expect(asked?.body).toBe(JSON.stringify(documentedBody))
  })

  it('does not wait for a fetch that heeds no signal', async () => {
    const deaf = clientOf('http://127.0.0.1:9', {
      fetch: () => new Promise(() => {}),
      timeoutMs: 20,
      retry: { maxRetries: 0 },
    })
    await expect(deaf.createTask(draft, key)).rejects.toMatchObject({
      code: 'task_manager_unavailable',
      message: expect.stringContaining('no answer in time'),
    })
  })

  it.each([
    [{ id: 'a7f3-1' }, 'a7f3-1'],
    [{ task_id: 9 }, '9'],
    [{ id: 0 }, '0'],
  ])('takes the id of %j', async (json, id) => {
    const api = await server({ status: 200, json })
    expect((await clientOf(api.url).createTask(draft, key)).id).toBe(id)
  })

  it.each([
    {},
    { id: null },
    { id: 1.5 },
    { id: -1 },
    { id: '' },
    { id: '..' },
    { id: 'a b' },
    { id: 'x'.repeat(256) },
    { id: { of: 1 } },
    // JSON.parse has made another number of it.
    { id: 2 ** 60 },
  ])('refuses the id of %j, naming the field and the URL', async (json) => {
    const api = await server({ status: 201, json })
    const error = await failure(clientOf(api.url).createTask(draft, key))
    expect(error).toMatchObject({ code: 'task_manager_invalid', status: 502 })
    expect(error.message).toContain(`POST ${api.url}/api/tasks`)
    expect(error.message).toContain('"id"')
    expect(api.asked).toHaveLength(1)
  })

  it.each(['<html>welcome</html>', '', '[]', '"ok"', '{"id":'])('refuses the answer %j', async (text) => {
    const api = await server({ status: 200, text })
    const error = await failure(clientOf(api.url).createTask(draft, key))
    expect(error.code).toBe('task_manager_invalid')
    expect(error.message).not.toContain('welcome')
  })

  it('refuses a draft or key that cannot be sent, without sending it', async () => {
    const api = await server({ status: 201, json: { id: 1 } })
    const client = clientOf(api.url)
    for (const wrong of [{ callbackUrl: 'javascript:1' }, { name: 'a\r\nb' }, { maxRetries: -1 }]) {
      const error = await failure(client.createTask({ ...draft, ...wrong }, key))
      expect([error.code, error.field]).toEqual(['invalid_input', Object.keys(wrong)[0]])
    }
    expect((await failure(client.createTask(draft, { idempotencyKey: 'a\nb' }))).field).toBe('idempotencyKey')
    expect(api.asked).toEqual([])
  })
})

describe('getTask', () => {
  it('reads what TaskManager tells', async () => {
    const json = {
      id: 17,
      execution_id: 99,
      status: 'FAILED',
      scheduled_time: '2024-01-14T15:00:00+01:00',
      // FastAPI's naive UTC.
      started_at: '2024-01-14T14:00:00.5',
      finished_at: '2024-01-14T14:00:01Z',
      attempts: 2,
      max_retries: 3,
      callback_url: draft.callbackUrl,
      error: 'mailbox full',
      result: { message_id: 'm1' },
      payload: draft.payload,
      owner: 'scheduling',
    }
    const api = await server({ status: 200, json })
    expect(await clientOf(api.url).getTask('17')).toEqual({
      id: '17',
      executionId: '99',
      status: 'failed',
      scheduledTime: new Date('2024-01-14T14:00:00Z'),
      startedAt: new Date('2024-01-14T14:00:00.500Z'),
      finishedAt: new Date('2024-01-14T14:00:01Z'),
      attempts: 2,
      maxRetries: 3,
      retriesLeft: true,
      callbackUrl: draft.callbackUrl,
      error: 'mailbox full',
      result: { message_id: 'm1' },
    })
    expect(api.asked[0]).toMatchObject({ method: 'GET', path: '/api/tasks/17' })
  })

  it('takes what it cannot read of the rest for not told', async () => {
    const json = { id: 1, status: 7, scheduled_time: 'soon', attempts: -1, result: 'ok', error: { code: 5 } }
    const api = await server({ status: 200, json })
    const task = await clientOf(api.url).getTask('1')
    expect(task).toMatchObject({ status: 'unknown', scheduledTime: null, attempts: null, result: null, error: null })
  })

  it.each([
    ['scheduled', 'pending'],
    ['in_progress', 'running'],
    ['SUCCESS', 'completed'],
    ['error', 'failed'],
    ['canceled', 'cancelled'],
    // Finished well or badly?
    ['finished', 'unknown'],
  ])('the word %j means %j', async (status, meaning) => {
    const api = await server({ status: 200, json: { id: 1, status } })
    expect((await clientOf(api.url).getTask('1'))?.status).toBe(meaning)
    expect(taskStatuses).toContain(meaning)
  })

  it.each([
    [{ attempts: 3, max_retries: 3 }, true],
    [{ attempts: 4, max_retries: 3 }, false],
    [{ attempts: 1, max_retries: 0 }, false],
    [{ attempts: 1 }, null],
    [{ attempts: 1, max_retries: 3, retries_left: 0 }, false],
    [{ retries_left: true }, true],
  ])('%j: retries are left: %j', async (told, left) => {
    const api = await server({ status: 200, json: { id: 1, ...told } })
    expect((await clientOf(api.url).getTask('1'))?.retriesLeft).toBe(left)
  })

  it('is null where TaskManager knows none, and does not believe a proxy', async () => {
    const api = await server(
      { status: 404, json: { detail: 'Task not found' } },
      { status: 404, text: '<h1>404</h1>', headers: { 'content-type': 'text/html' } },
    )
    const client = clientOf(api.url)
    expect(await client.getTask('1')).toBeNull()
    expect((await failure(client.getTask('1'))).code).toBe('task_manager_invalid')
  })

  it('keeps an id inside its place in the path', async () => {
    const api = await server({ status: 200, json: { id: 'a/b?c#d' } })
    await clientOf(api.url).getTask('a/b?c#d')
    expect(api.asked[0]?.path).toBe('/api/tasks/a%2Fb%3Fc%23d')
  })
})

describe('updateTask', () => {
  it('sends what changes and nothing else', async () => {
    const api = await server({ status: 200, json: { id: 17, status: 'pending' } })
    const task = await clientOf(api.url).updateTask('17', { scheduledTime: new Date('2024-01-14T16:30:00.250Z') })
    expect(task?.id).toBe('17')
    expect(api.asked[0]).toMatchObject({
      method: 'PUT',
      path: '/api/tasks/17',
      body: '{"scheduled_time":"2024-01-14T16:30:00.250Z"}',
    })
  })

  it('says when there is none, and when it is too late', async () => {
    const api = await server({ status: 404, json: {} }, { status: 409, json: { code: 'task_running' } })
    const client = clientOf(api.url)
    expect(await client.updateTask('17', { maxRetries: 1 })).toBeNull()
    const error = await failure(client.updateTask('17', { maxRetries: 1 }))
    expect(error).toMatchObject({ code: 'task_manager_conflict', status: 409 })
    expect(error.message).toContain('task_running')
  })
})

describe('cancelTask', () => {
  it.each([
    [{ status: 204 }, 'cancelled'],
    [{ status: 200, json: { id: 17, status: 'cancelled' } }, 'cancelled'],
    [{ status: 200, json: { detail: 'ok' } }, 'cancelled'],
    [{ status: 200, json: { id: 17, status: 'completed' } }, 'not_cancellable'],
    [{ status: 409, json: { detail: 'running' } }, 'not_cancellable'],
    [{ status: 404, json: { detail: 'Not found' } }, 'gone'],
    [{ status: 410, json: {} }, 'gone'],
  ])('%j is %j', async (reply, outcome) => {
    const api = await server(reply)
    expect(await clientOf(api.url).cancelTask('17')).toBe(outcome)
    expect(api.asked[0]).toMatchObject({ method: 'DELETE', path: '/api/tasks/17' })
  })
})

describe('listTasks', () => {
  it('reads pages, counts what it cannot read', async () => {
    const tasks = [{ id: 1, status: 'pending' }, { status: 'pending' }, { id: 3, status: 'running' }]
    const api = await server({ status: 200, json: { tasks, next_cursor: 3 } }, { status: 200, json: [{ id: 4 }] })
    const client = clientOf(api.url)
    const first = await client.listTasks({ status: 'pending', limit: 3 })
    expect([first.tasks.map(({ id }) => id), first.unreadable, first.nextCursor]).toEqual([['1', '3'], 1, '3'])
    const second = await client.listTasks({ cursor: '3' })
    expect([second.tasks.map(({ id }) => id), second.nextCursor]).toEqual([['4'], null])
    expect(api.asked.map(({ path }) => path)).toEqual([
      '/api/tasks?limit=3&status=pending',
      '/api/tasks?limit=100&cursor=3',
    ])
  })

  it('does not take anything else for an empty list', async () => {
    const api = await server({ status: 200, json: { detail: 'hello' } })
    expect((await failure(clientOf(api.url).listTasks())).code).toBe('task_manager_invalid')
  })
})

describe('health', () => {
  it('tells the latency, and why not', async () => {
    const api = await server({ status: 200, json: { status: 'ok' } }, { status: 503 })
    const client = clientOf(api.url)
    expect(await client.health()).toMatchObject({ ok: true, reason: null, latencyMs: expect.any(Number) })
    expect(await client.health()).toMatchObject({ ok: false, reason: 'it answered 503', circuit: 'closed' })
    await api.shut()
    expect(await client.health()).toMatchObject({
      ok: false,
      reason: expect.stringContaining('connection'),
      latencyMs: null,
    })
    expect(api.asked.map(({ path }) => path)).toEqual(['/health', '/health'])
  })
})

describe('options', () => {
  it('finds the service by TASK_MANAGER_URL, below any path, and by other paths', async () => {
    const api = await server({ status: 200, json: { id: 1 } })
    const env = { TASK_MANAGER_URL: `${api.url}/tm/`, TASK_MANAGER_TOKEN: 'from-env' }
    const client = new TaskManagerClient({
      env,
      paths: { task: '/v2/tasks/{id}/' },
    })
    await client.getTask('1')
    expect(client.url).toBe(`${api.url}/tm`)
    expect(api.asked[0]).toMatchObject({ path: '/tm/v2/tasks/1/', headers: { authorization: 'Bearer from-env' } })
  })

  it.each([
    [{}, 'url'],
    [{ url: 'nonsense' }, 'url'],
    [{ url: 'taskmanager:8001' }, 'url'],
    [{ url: 'ftp://taskmanager' }, 'url'],
    [{ url: 'http://user:canary@taskmanager' }, 'url'],
    [{ url: 'http://taskmanager', token: 'canary canary' }, 'token'],
    [{ url: 'http://taskmanager', paths: { task: '/api/task' } }, 'paths.task'],
    [{ url: 'http://taskmanager', breaker: { failures: 0 } }, 'breaker.failures'],
    [{ url: 'http://taskmanager', timeoutMs: 0 }, 'timeoutMs'],
  ])('refuses %j, naming the field', async (options, field) => {
    const error = await failure(Promise.resolve().then(() => new TaskManagerClient({ env: {}, ...options })))
    expect([error.code, error.field]).toEqual(['options_invalid', field])
    expect(error.message).not.toContain('canary')
  })
})
