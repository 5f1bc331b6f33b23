import { afterAll, beforeAll, expect, it } from 'vitest'
import { postgres } from '../../../adapters/storage/postgres.ts'
import { ada } from '../../support/clinic.ts'
import { openPostgres, type PostgresServer } from '../../support/postgres-server.ts'
import { minuteMs, openWithTaskManager } from './world.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())

it('tells the same story with PostgreSQL: handed over, changed, cancelled, reported, taken over', async () => {
  const storage = postgres({ url: server.url, schema: `task_manager_${process.pid}` })
  await using world = await openWithTaskManager('2024-01-14T18:00:00Z', {}, { storage })
  const ids = [1, 2, 3]
  for (const id of ids) {
    const recipients = [{ ...ada, id, phone: null, email: `p${id}@example.org` }]
    world.host.book({ id, startsAt: '2024-01-14T21:00:00Z', recipients })
  }
  await world.start()
  await world.notifications.scheduleMany(ids, { customReminders: [2] })
  const taskIds = () => Promise.all(ids.map(async (id) => (await world.reminder(id))?.taskManagerTaskId))
  await world.eventually(taskIds).not.toContain(null)
  expect((await taskIds()).toSorted()).toEqual(['1', '2', '3'])
  world.host.change(1, { practitionerName: 'Dr. Who' })
  await world.notifications.rescheduleReminders(1, { customReminders: [2] })
  await world.eventually(() => world.taskFor(1).payload['practitioner_name']).toBe('Dr. Who')
  expect(await world.notifications.cancelReminders(2)).toEqual({ cancelled: 1, inFlight: 0 })
  await world.eventually(() => world.taskFor(2).status).toBe('cancelled')
  world.clock.jump('2024-01-14T19:00:01Z')
  // By its report, or because the library asked at the same moment what became of it.
  expect(await world.run(world.taskFor(1).id)).toMatchObject({ answer: { status: 'SENT' } })
  expect(await world.run(world.taskFor(1).id)).toMatchObject({ answer: { updated: false } })
  world.service.tasks.splice(world.service.tasks.indexOf(world.taskFor(3)), 1)
  await world
    .eventually(async () => {
      await world.clock.advance(minuteMs / 2)
      return (await world.reminder(3))?.status
    })
    .toBe('SENT')
  expect(world.sentTo()).toEqual(['EMAIL p3@example.org'])
  expect(await world.rules(3)).toContain('task_overdue')
  const { tasks, delivered, sent, cancelled } = await world.statistics.read()
  expect({ delivered, sent, cancelled }).toEqual({ delivered: 1, sent: 1, cancelled: 1 })
  expect(tasks).toMatchObject({ created: 3, updated: 1, cancelled: 1, takenOver: 1 })
})
