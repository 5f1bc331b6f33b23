import { Agent, request as httpRequest } from 'node:http'
import Database from 'better-sqlite3'
import express from 'express'
import fc from 'fast-check'
import { expressRouter } from '../../../adapters/http/express.ts'
import { sqlite } from '../../../adapters/storage/sqlite.ts'
import { openApiDocument } from '../../../src/index.ts'
import { listening } from '../../adapters/http/listening.ts'
import { callerHeader, creates, openWorld, tokenFor } from '../../conformance/http/world.ts'
import { type Operation, operationsOf } from './operations.ts'
import { type FuzzRequest, requestsOf } from './requests.ts'
import { Contract } from './schema.ts'

/** What became of the requests of a row. */
export type RowReport = {
  readonly id: string
  readonly requests: number
  /** How many were valid by the document and by somebody who may; how many of these the row understood, whatever it then said. */
  readonly valid: number
  readonly understood: number
  readonly byStatus: Readonly<Record<string, number>>
  readonly slowestMs: number
  /** The first fault, with what repeats it; null: none. */
  readonly fault: string | null
}

export type Answer = { readonly status: number; readonly contentType: string; readonly text: string }

export type FuzzOptions = {
  /** Is given every report as soon as it is there. */
  readonly tell?: (report: RowReport) => void
  /** The id of the only row to ask. Default: all of them are asked. */
  readonly only?: string | undefined
  /** What is done to an answer before it is judged, where the judging itself is tested. */
  readonly distort?: (answer: Answer) => Answer
}

/** The check-up asks DNS and the public URL, each for five seconds at most, where a network does not answer. */
const boundMs = ({ id }: Operation): number => (id === 'health-check' ? 10_000 : 2000)
const rowMs = 600_000

/**
 * Asks every operation of the document `requests` things, over a real server, and judges the answers by the document.
 *
 * @throws where there is no row to ask.
 */
export async function fuzzRows(
  requests: number,
  seed: number,
  { tell = () => {}, only, distort = (answer) => answer }: FuzzOptions = {},
): Promise<RowReport[]> {
  const probe = await openWorld({ bare: true })
  await probe.stop()
  const document = openApiDocument(probe.endpoints)
  const contract = new Contract(JSON.parse(JSON.stringify(document)))
  const reports: RowReport[] = []
  for (const operation of operationsOf(document, contract)) {
    if (only !== undefined && operation.id !== only) continue
    const report = await fuzzRow(contract, operation, requests, seed, distort)
    tell(report)
    reports.push(report)
  }
  if (reports.length === 0)
    throw new Error(only === undefined ? 'the document has no rows' : `no row is called ${only}`)
  return reports
}

async function fuzzRow(
  contract: Contract,
  operation: Operation,
  requests: number,
  seed: number,
  distort: (answer: Answer) => Answer,
): Promise<RowReport> {
  const stage = await openStage(operation)
  try {
    return await askAndJudge(stage, contract, operation, requests, seed, distort)
  } finally {
    await stage.close()
  }
}

async function askAndJudge(
  stage: Awaited<ReturnType<typeof openStage>>,
  contract: Contract,
  operation: Operation,
  requests: number,
  seed: number,
  distort: (answer: Answer) => Answer,
): Promise<RowReport> {
  const byStatus: Record<string, number> = {}
  const ownPath = new RegExp(`^${operation.path.replace(/\{\w+\}/g, '[^/]+').replace(/\/$/, '')}/?$`)
  let [valid, understood, asked, slowestMs] = [0, 0, 0, 0]
  const property = fc.asyncProperty(requestsOf(contract, operation, stage), async (request) => {
    const before = stage.written()
    const began = performance.now()
    const { status, contentType, text } = distort(await stage.send(request))
    const ms = performance.now() - began
    asked += 1
    slowestMs = Math.max(slowestMs, ms)
    byStatus[status] = (byStatus[status] ?? 0) + 1
    if (request.valid && status !== 401 && status !== 403) {
      valid += 1
      if (status !== 400 && status !== 422) understood += 1
    }
    if (status >= 500) throw new Error(`answered ${status}: ${text}`)
    if (ms > boundMs(operation)) throw new Error(`took ${Math.round(ms)} ms`)
    if (status >= 400 && stage.written() !== before) throw new Error(`${status}, and yet something was written`)
    const place = operation.answers(status, contentType)
    // A fault in the path may have led to another row, or to none: and the document of this one says nothing of it.
    if (!ownPath.test(request.path.replace(/\?.*/s, ''))) {
      if (contentType === '') throw new Error('answered as nothing in particular')
      return
    }
    if (typeof place === 'string') throw new Error(`${place}: ${text}`)
    const fault = contract.fault(place, /json\b/.test(contentType) ? JSON.parse(text) : text)
    if (fault !== null) throw new Error(`${status} is not what the document says: ${fault}; ${text.slice(0, 500)}`)
  })
  const limits = { interruptAfterTimeLimit: rowMs, markInterruptAsFailure: true }
  const outcome = await fc.check(property, { numRuns: requests, seed, ...limits })
  const alive = await stage.send({ ...healthRequest })
  const { counterexample, counterexamplePath, errorInstance } = outcome
  const late = `only ${asked} of ${requests} requests in ${rowMs / 1000} s`
  const words = errorInstance instanceof Error ? errorInstance.message : String(errorInstance ?? late)
  const fault = outcome.failed
    ? `${words}\n  by ${JSON.stringify(counterexample)}\n  seed ${seed}, path ${counterexamplePath}`
    : alive.status === 200
      ? null
      : `health answers ${alive.status} afterwards`
  return { id: operation.id, requests: asked, valid, understood, byStatus, slowestMs, fault }
}

const healthRequest: FuzzRequest = {
  valid: true,
  caller: null,
  method: 'GET',
  path: '/health',
  headers: {},
  body: null,
}

/** A world behind Express on a port of its own, and what was written to its database. */
async function openStage(operation: Operation) {
  const database = new Database(':memory:')
  const world = await openWorld({ storage: sqlite({ database }), rateLimits: false })
  const row = world.endpoints.find(({ id }) => id === operation.id)
  // Who first asks for the accounts gives those of the host application their ids.
  await world.settings.effectiveSettings(String(world.own['organizationId'] ?? world.own['organization_id']))
  // Rows that create settings or preferences are asked by a world without.
  const isBare = row !== undefined && creates(row)
  if (isBare) for (const table of stored) database.prepare(`delete from ${table}`).run()
  const app = express()
  app.use('/n', expressRouter(world))
  const { origin, close } = await listening(app.listen(0, '127.0.0.1'))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const changes = database.prepare('select total_changes()').pluck()
  return {
    own: world.own,
    foreign: world.foreign,
    token: (ids: typeof world.own) => (row === undefined ? '' : tokenFor(row, ids, world)),
    written: () => Number(changes.get()),
    send: (request: FuzzRequest) => send(agent, `${origin}/n`, request),
    async close() {
      agent.destroy()
      await close()
      await world.stop()
      database.close()
    },
  }
}

const stored = [
  'notification_settings',
  'notification_template_versions',
  'patient_notification_preferences',
  'client_notification_preferences',
]

function send(agent: Agent, origin: string, { method, path, caller, headers, body }: FuzzRequest) {
  return new Promise<Answer>((resolve, reject) => {
    const identity = caller === null ? {} : { [callerHeader]: JSON.stringify(caller) }
    const request = httpRequest(
      `${origin}${path}`,
      {
        agent,
        method,
        headers: { ...headers, ...identity },
        timeout: 30_000,
        path: `${new URL(origin).pathname}${path}`,
      },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            contentType: response.headers['content-type'] ?? '',
            text: Buffer.concat(parts).toString(),
          }),
        )
      },
    )
    request.on('timeout', () => request.destroy(new Error('no answer')))
    request.on('error', reject)
    request.end(body ?? undefined)
  })
}
