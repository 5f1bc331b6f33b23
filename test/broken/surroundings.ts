/** What else a host brings: TaskManager, an engine, a logger, a store of rate limits, who calls. */
import pg from 'pg'
import { onTestFinished, vi } from 'vitest'
import { pgBoss } from '../../adapters/scheduler/pg-boss.ts'
import type { NotificationsOptions } from '../../src/index.ts'
import { ask, authenticate } from '../conformance/http/world.ts'
import { freePort } from '../support/free-port.ts'
import { startTaskManagerServer, type TaskManagerFault } from '../support/task-manager-server.ts'
import { type BrokenSetUp, minute, openHost, service } from './host.ts'

const nowhere = async () => `postgres://clinic:canary-password@127.0.0.1:${await freePort()}/clinic`

/** TaskManager is to deliver a reminder, and does not answer as it should. */
async function delivering(url: string) {
  const retry = { maxRetries: 0 }
  const host = await openHost({ taskManager: { url, retry, pollMs: minute / 2 } })
  for (let step = 0; step < 20; step += 1) {
    await host.clock.advance(minute / 4)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return host
}

async function withTaskManager(fault: TaskManagerFault) {
  const server = await startTaskManagerServer()
  onTestFinished(() => server[Symbol.asyncDispose]())
  server.fault = fault
  return delivering(server.url)
}

const throwing = () => {
  throw new Error('disk full: ada@example.org')
}

/** Somebody asks for something. No time passes meanwhile: what refuses is heard before it is given up, on any machine. */
async function asked(options: Partial<NotificationsOptions>) {
  const host = await openHost(options)
  await ask(host, { method: 'GET', path: '/statistics', caller: service })
  return host
}

export const surroundings: readonly BrokenSetUp[] = [
  {
    name: 'TaskManager that cannot be reached',
    make: async () => delivering(`http://127.0.0.1:${await freePort()}`),
    log: /TaskManager did not respond.*connection refused \(ECONNREFUSED\)/,
    health: /"task_manager":\{"mode":"deliver","status":"failing"[^}]*ECONNREFUSED/,
    status: 'failing',
  },
  {
    name: 'TaskManager that refuses the token',
    make: () => withTaskManager({ status: 401 }),
    log: /TaskManager did not take a task.*task_manager_refused.*401.*TASK_MANAGER_TOKEN/,
    health: /"task_manager":\{"mode":"deliver","status":"failing"[^}]*401/,
    status: 'failing',
  },
  {
    name: 'something else at the URL of TaskManager',
    make: () => withTaskManager({ status: 404 }),
    log: /TaskManager did not take a task.*404/,
    health: /"task_manager":\{"mode":"deliver","status":"failing"[^}]*404/,
    status: 'failing',
  },
  {
    name: 'TaskManager that fails',
    make: () => withTaskManager({ status: 500 }),
    log: /TaskManager did not respond.*it answered 500/,
    health: /"task_manager":\{"mode":"deliver","status":"failing"[^}]*it answered 500/,
    status: 'failing',
  },
  {
    name: 'an engine that is away',
    make: async () => openHost({ scheduler: pgBoss({ url: await nowhere() }) }),
    log: /scheduler.*pg-boss/,
    health: /"scheduler":\{"status":"degraded"[^}]*"fault":"pg-boss: /,
    status: 'degraded',
  },
  {
    name: 'a store of rate limits that is away',
    make: async () => {
      const postgres = new pg.Pool({ connectionString: await nowhere() })
      onTestFinished(() => postgres.end())
      return asked({ rateLimits: { store: { postgres } } })
    },
    log: /rate limit store failed.*ECONNREFUSED/,
    health: /rate limit store failed[^}]*ECONNREFUSED/,
    status: 'ok',
    staff: null,
  },
  {
    name: 'an "authenticate" that throws',
    make: () =>
      asked({
        authenticate: (request) => {
          if (request.path !== '/health') throw new TypeError('jwt malformed: ada@example.org')
          return authenticate(request)
        },
      }),
    log: /authenticate failed.*internal_error.*TypeError/,
    health: /authenticate failed[^}]*TypeError/,
    status: 'ok',
    staff: null,
  },
  {
    name: 'an "authenticate" that returns no caller',
    make: () => {
      const odd = '{"kind":"staff","organizationId":"harbour","role":"superuser"}'
      return asked({
        authenticate: (request) => (request.path === '/health' ? authenticate(request) : JSON.parse(odd)),
      })
    },
    log: /authenticate failed.*role must be \\"admin\\" or \\"viewer\\"/,
    health: /authenticate failed[^}]*role must be \\"admin\\" or \\"viewer\\"/,
    status: 'ok',
    staff: null,
  },
  {
    name: 'a logger that throws',
    make: async () => {
      const written: string[] = []
      for (const level of ['warn', 'error'] as const) {
        const spy = vi.spyOn(console, level).mockImplementation((line: string) => void written.push(line))
        onTestFinished(() => spy.mockRestore())
      }
      const logger = { debug: throwing, info: throwing, warn: throwing, error: throwing }
      return { ...(await openHost({ logger })), lines: written }
    },
    log: /the option \\"logger\\" failed: its lines are written to stderr/,
    health: /the option \\"logger\\" failed: its lines are written to stderr/,
    status: 'ok',
    staff: null,
  },
  {
    name: 'a listener that throws',
    make: async () => {
      const host = await openHost({ isBooked: false })
      host.events.on('reminder.scheduled', throwing)
      await host.remind()
      return host
    },
    log: /event listener failed.*reminder\.scheduled/,
    health: /event listener failed[^}]*event: reminder\.scheduled/,
    status: 'ok',
    staff: null,
  },
]
