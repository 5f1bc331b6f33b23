/**
 * The stand-in for TaskManager as a process of its own that can be killed, behind a proxy that misbehaves: errors, hangs,
 * lost tasks, and callbacks that come repeatedly, late, out of order or from a forger.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text as readText } from 'node:stream/consumers'
import { z } from 'zod'
import { type Chance, chanceFrom } from '../crash/chance.ts'
import { type ExampleProcess, endExample } from '../support/example-process.ts'
import { startTaskManager, type TaskManagerProcessOptions } from '../support/task-manager-process.ts'
import { CallbackStorm, pause, type StormCounts } from './callback-storm.ts'
import { calm, type Faults, requestFault } from './faults.ts'

export type FaultyTaskManagerOptions = Omit<TaskManagerProcessOptions, 'port'> & {
  /** Where the service keeps its database. */
  readonly folder: string
  /** The same choices again, as far as requests come in the same order. */
  readonly seed: number
  readonly faults?: Partial<Faults>
}

export type FaultyTaskManager = {
  /** What TASK_MANAGER_URL should be. It stays the same. */
  readonly url: string
  /** May be changed at any time. */
  faults: Faults
  readonly counts: { requests: number; errors: number; hangs: number; drops: number; lostTasks: number } & {
    readonly storm: StormCounts
  }
  /** Ends the service as a power cut does. Requests break until `restart`. */
  kill(): Promise<void>
  restart(): Promise<void>
  /** Connections are refused, and what is open breaks, until `comeBack`. The service lives on. */
  goDark(): Promise<void>
  comeBack(): Promise<void>
  /** Resolves when the callbacks that the service made so far were answered. */
  settled(): Promise<void>
  stop(): Promise<void>
}

/** Ids that the service will not come to. */
const firstLostId = 900_000_000

export async function startFaultyTaskManager(options: FaultyTaskManagerOptions): Promise<FaultyTaskManager> {
  const { folder, seed, faults, ...service } = options
  let child: ExampleProcess = await startTaskManager(folder, service)
  const target = child.origin
  const chance: Chance = chanceFrom(seed)
  const storm = new CallbackStorm(chanceFrom(seed + 1))
  const end = new AbortController()
  /** Keys of creations that came as far as the service. */
  const kept = new Set<string>()
  const counts = { requests: 0, errors: 0, hangs: 0, drops: 0, lostTasks: 0, storm: storm.counts }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readText(request)
    const path = request.url ?? ''
    if (path.startsWith('/callbacks?to=')) {
      storm.take(decodeURIComponent(path.slice('/callbacks?to='.length)), body, faulty.faults)
      return void response.end('{}')
    }
    counts.requests += 1
    const fault = requestFault(faulty.faults, chance)
    if (fault !== null) counts[`${fault.how}s`] += 1
    const answer = fault?.when === 'before' ? null : await ask(request, path, body)
    if (fault?.how === 'error') return reply(response, 500, '{"detail":"Internal Server Error"}')
    if (fault?.how === 'hang') await pause(faulty.faults.hangMs, end.signal)
    if (fault !== null || answer === null) return void response.destroy()
    reply(response, answer.status, answer.text)
  }

  /** What the service answers, or null where it does not. A lost task never gets that far. */
  async function ask(request: IncomingMessage, path: string, body: string) {
    const isCreation = request.method === 'POST' && path === '/api/tasks'
    const known = request.headers['idempotency-key']
    // A task that the service has already is not lost: it would run.
    const isNew = isCreation && !kept.has(String(known))
    if (isCreation && isNew && chance.next() < faulty.faults.lostTasks) {
      counts.lostTasks += 1
      return { status: 201, text: JSON.stringify({ id: firstLostId + counts.lostTasks, status: 'pending' }) }
    }
    if (isCreation) kept.add(String(known))
    const { authorization, 'idempotency-key': key } = request.headers
    try {
      const answer = await fetch(`${target}${path}`, {
        method: request.method ?? 'GET',
        headers: {
          'content-type': 'application/json',
          ...(authorization === undefined ? {} : { authorization }),
          ...(typeof key === 'string' ? { 'idempotency-key': key } : {}),
        },
        ...(body === '' ? {} : { body: diverted(body, faulty.url) }),
      })
      return { status: answer.status, text: restored(await answer.text(), faulty.url) }
    } catch {
      return null
    }
  }

  const server = createServer((request, response) => {
    // A client that went away in mid-request is what this is about.
    serve(request, response).catch(() => response.destroy())
  })
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const goDark = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })

  const faulty: FaultyTaskManager = {
    url: `http://127.0.0.1:${port}`,
    faults: { ...calm, ...faults },
    counts,
    kill: () => endExample(child, 'SIGKILL'),
    async restart() {
      child = await startTaskManager(folder, { ...service, port: Number(new URL(target).port) })
    },
    goDark,
    comeBack: () => listen(port),
    async settled() {
      const health = z.object({ callbacks: z.int() })
      const isOwing = async () => health.parse(await (await fetch(`${target}/health`)).json()).callbacks > 0
      while (await isOwing()) await pause(50, end.signal)
      await storm.settled()
    },
    async stop() {
      end.abort()
      await endExample(child, 'SIGTERM')
      await Promise.all([storm.stop(), goDark()])
    },
  }
  return faulty
}

function reply(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(text)
}

/** A body whose callbacks come to the storm. */
function diverted(body: string, url: string): string {
  const parsed = z.looseObject({ callback_url: z.string().optional() }).safeParse(JSON.parse(body)).data
  if (parsed?.callback_url === undefined) return body
  return JSON.stringify({ ...parsed, callback_url: `${url}/callbacks?to=${encodeURIComponent(parsed.callback_url)}` })
}

/** An answer that tells of the callbacks as they were asked for. */
const restored = (text: string, url: string): string =>
  text.replaceAll(
    new RegExp(`"callback_url":"${url}/callbacks\\?to=([^"]*)"`, 'g'),
    (_, to: string) => `"callback_url":${JSON.stringify(decodeURIComponent(to))}`,
  )
