import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { sqlite } from '../../../adapters/storage/sqlite.ts'
import { ada, openClinic } from '../../support/clinic.ts'
import { server } from './fixture.ts'
import { minuteMs, openWithTaskManager, publicUrl, type World } from './world.ts'

const now = '2024-01-14T18:00:00Z'
const startsAt = '2024-01-14T21:00:00Z'

async function book(world: World, ids: readonly number[]) {
  for (const id of ids) {
    world.host.book({ id, startsAt, recipients: [{ ...ada, id, phone: null, email: `p${id}@example.org` }] })
  }
  await world.notifications.scheduleMany(ids, { customReminders: [2] })
}

describe('workers', () => {
  it('share the work: one at a time, and another where it ended', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'task-manager-'))
    const storage = () => sqlite(join(folder, 'rows.sqlite'))
    await using world = await openWithTaskManager(now, {}, { storage: storage() })
    const taskManager = { url: world.service.url }
    const shared = { clock: world.clock, directory: world.host, storage: storage(), publicUrl, taskManager }
    await using other = await openClinic(now, shared)
    await Promise.all([world.start(), other.start()])
    await book(world, [1, 2, 3, 4, 5])
    await world.eventually(async () => (await world.reminder(5))?.taskManagerTaskId).not.toBeNull()
    const created = () => world.service.asked.filter((one) => one.startsWith('POST')).length
    expect([world.service.tasks.length, created()]).toEqual([5, 5])
    await other.stop()
    await world.clock.advance(2 * minuteMs)
    await book(world, [6])
    await world.eventually(async () => (await world.reminder(6))?.taskManagerTaskId).toBe('6')
    expect(created()).toBe(6)
    await world.stop()
    await rm(folder, { recursive: true })
  })

  it('hand over no more in a minute than is allowed', async () => {
    await using world = await openWithTaskManager(now, { createsPerMinute: 2 })
    await world.start()
    await book(world, [1, 2, 3, 4, 5])
    await world.eventually(() => world.service.tasks.length).toBe(2)
    await world.clock.advance(30_000)
    await world.eventually(() => world.service.tasks.length).toBe(2)
    await world.clock.advance(31_000)
    await world.eventually(() => world.service.tasks.length).toBe(4)
    await world.run(1)
    await world.clock.advance(61_000)
    await world.eventually(() => world.service.tasks.length).toBe(5)
  })
})

describe('health', () => {
  const health = async (world: World) => {
    const answer = await world.handle({
      method: 'GET',
      path: '/health',
      query: '',
      headers: {},
      native: null,
      readBody: async () => ({ kind: 'bytes', bytes: Buffer.alloc(0) }),
    })
    return { status: answer.status, ...JSON.parse(answer.body ?? '{}') }
  }

  it('tells what is pending, since when, and why', async () => {
    await using world = await openWithTaskManager(now, {}, { authenticate: () => ({ kind: 'service' }) })
    await world.start()
    expect(await health(world)).toMatchObject({
      status: 'ok',
      task_manager: { mode: 'deliver', status: 'ok', circuit: 'closed', pending: 0, oldest_pending_at: null },
    })
    world.service.fault = 'lost'
    await book(world, [1, 2, 3])
    await world
      .eventually(async () => (await health(world)).task_manager)
      .toMatchObject({
        status: 'failing',
        circuit: 'open',
        pending: 3,
        oldest_pending_at: '2024-01-14T18:00:00.000Z',
        last_error_code: 'task_manager_unavailable',
      })
  })
})

describe('the option taskManager', () => {
  const options = { url: 'http://127.0.0.1:9' }
  it.each([
    ['publicUrl', { taskManager: options }],
    ['encryptionKey', { taskManager: options, publicUrl, encryptionKey: [] }],
    ['url', { taskManager: {}, publicUrl }],
    ['overdueAfterMs', { taskManager: { ...options, overdueAfterMs: 1 }, publicUrl }],
  ])('is refused at construction, naming %s', async (field, given) => {
    await expect(openClinic(now, given)).rejects.toMatchObject({ code: 'options_invalid', field })
  })

  it('takes the URL of the environment', async () => {
    const api = await server({ status: 200, json: { id: 1 } })
    const env = { TASK_MANAGER_URL: `${api.url}/below` }
    await using clinic = await openClinic(now, { taskManager: {}, publicUrl, env })
    clinic.host.book({ id: 1, startsAt, recipients: [{ ...ada, phone: null }] })
    await clinic.notifications.scheduleReminders(1, { customReminders: [2] })
    await clinic.start()
    const asked = () => api.asked.map(({ method, path }) => `${method} ${path}`)
    await expect.poll(asked, { timeout: 5000, interval: 5 }).toContain('POST /below/api/tasks')
  })
})
