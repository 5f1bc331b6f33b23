import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { mediaTypesOf } from '../../../src/http/content.ts'
import type { Channel, Notifications } from '../../../src/index.ts'
import { preferencePlace } from '../../../src/schemas/channel-settings.ts'
import { toSnake } from '../../../src/schemas/fields.ts'
import { type Embedded, openLibrary } from './library.ts'
import { placed } from './of-channel.ts'
import { readingRules } from './reading.ts'
import { callerHeader, creates, seen, service, someoneAllowed, usesUp, validRequest } from './requests.ts'

export type Library = Pick<Notifications, 'handle'>
export type Mounted = {
  /** Such as `http://127.0.0.1:50123`. */
  readonly origin: string
  /** Stops the server and drops its connections: tests leave requests half sent. */
  readonly close: () => Promise<unknown>
}
/**
 * Mounts the library at `basePath` on a real server on port 0. With `parsed`, the host application reads JSON bodies before the
 * router does, as far as the framework has such a thing.
 */
export type Mount = (library: Library, basePath: string, how: { readonly parsed: boolean }) => Promise<Mounted>

export type RouterConformanceOptions = {
  /** Of the router, for the names of the tests. */
  readonly name: string
  readonly mount: Mount
  /** That the organizations of the tests send on. Default `EMAIL`. */
  readonly channel?: Channel
  /** False: the bytes of a body that the host application parsed are gone. Default true. */
  readonly keepsParsedBytes?: boolean
}

const basePath = '/api/notifications'
const json = { 'content-type': 'application/json' }

/**
 * Declares the tests that every router passes: each endpoint over a real server, and every way in which a request can go wrong.
 * Needs `better-sqlite3`, `kysely` and `swagger-ui-dist`.
 * @example
 * routerConformance({
 *   name: 'my framework',
 *   async mount(library, basePath, { parsed }) {
 *     const app = createApp()
 *     if (parsed) app.use(jsonParser())
 *     app.use(basePath, myRouter(library))
 *     const server = await app.listen(0, '127.0.0.1')
 *     return { origin: `http://127.0.0.1:${server.port}`, close: () => server.close() }
 *   },
 * })
 */
export function routerConformance({
  name,
  mount,
  channel = 'EMAIL',
  keepsParsedBytes = true,
}: RouterConformanceOptions): void {
  let world: Embedded
  let served: Library
  let mounted: Mounted
  let parsing: Mounted
  const library: Library = { handle: (request) => served.handle(request) }
  const as = { [callerHeader]: JSON.stringify(service) }
  const call = (path: string, init: RequestInit = {}, origin = mounted.origin) =>
    fetch(`${origin}${basePath}${path}`, { ...init, headers: { ...as, ...init.headers } })

  beforeAll(async () => {
    world = await openLibrary({ channel })
    served = world
    mounted = await mount(library, basePath, { parsed: false })
    parsing = await mount(library, basePath, { parsed: true })
  })
  afterAll(async () => {
    await mounted.close()
    await parsing.close()
    await world.stop()
  })

  describe(`router conformance: ${name}`, () => {
    // Before the requests of the examples, which change what is sent on.
    test('reminders, notices and wishes are of the channel', async () => {
      const { reminders } = z
        .object({ reminders: z.array(z.object({ reminder_type: z.string() })) })
        .parse(await (await call('/reminders/appointment/42')).json())
      const { notifications } = z
        .object({ notifications: z.array(z.object({ notification_type: z.string() })) })
        .parse(await (await call('/history?delivery_state=all')).json())
      expect(new Set(reminders.map((row) => row.reminder_type))).toEqual(new Set([channel]))
      expect(new Set(notifications.map((row) => row.notification_type))).toEqual(new Set([channel]))
      const place = preferencePlace(channel, 'enabled')
      for (const isWanted of [false, true]) {
        const wish = placed(place.map(toSnake), isWanted)
        const answer = await call('/preferences/patient/12', {
          method: 'PUT',
          headers: json,
          body: JSON.stringify(wish),
        })
        expect([answer.status, await answer.json()]).toMatchObject([200, wish])
        expect(await world.settings.getPreferences({ type: 'PATIENT', id: 12 })).toMatchObject(placed(place, isWanted))
      }
    })

    test('every row of the table answers a valid request, with and without a trailing slash', async () => {
      for (const row of world.endpoints) {
        for (const slash of ['', '/']) {
          const bare = creates(row)
          const stage = bare || usesUp(row) ? await openLibrary({ bare, channel }) : world
          served = stage
          const caller = someoneAllowed(row)
          const request = await seen(row, stage, stage.own, validRequest(row, stage.own, stage, caller, channel))
          const { method, path, body } = request
          const [pathname = '', query] = path.split('?')
          const url = `${pathname.replace(/\/$/, '')}${slash}${query === undefined ? '' : `?${query}`}`
          const headers: Record<string, string> = { ...(body === undefined ? {} : json), ...request.headers }
          if (caller !== null) headers[callerHeader] = JSON.stringify(caller)
          const answer = await fetch(`${mounted.origin}${basePath}${url}`, {
            method,
            headers,
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          })
          const text = await answer.text()
          const shape = row.responses[answer.status]
          expect(shape, `${row.id} ${answer.status} ${text}`).toBeDefined()
          const types = shape === undefined ? [] : mediaTypesOf(shape)
          expect(types.map((type) => `${type}; charset=utf-8`)).toContain(answer.headers.get('content-type'))
          expect(text).not.toBe('')
          if (stage !== world) await stage.stop()
        }
      }
      served = world
    })

    test('the page of the description finds its files and the description, with and without a trailing slash', async () => {
      for (const slash of ['', '/']) {
        const page = await call(`/docs${slash}`, { redirect: 'error' })
        const html = await page.text()
        const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = '']) => new URL(link, page.url))
        const files = links.filter(({ protocol }) => protocol !== 'data:')
        expect(files).toHaveLength(5)
        for (const file of files) {
          expect(file.href.startsWith(`${mounted.origin}${basePath}/`)).toBe(true)
          expect([file.pathname, (await fetch(file)).status]).toEqual([file.pathname, 200])
        }
        expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/)
      }
      const { servers, paths } = z
        .object({ servers: z.array(z.object({ url: z.string() })), paths: z.looseObject({}) })
        .parse(await (await call('/openapi.json')).json())
      expect(new URL(servers[0]?.url ?? '', `${mounted.origin}${basePath}/openapi.json`).pathname).toBe(`${basePath}/`)
      expect(Object.keys(paths)).toEqual([...new Set(world.endpoints.map(({ path }) => path))])
    })

    test('a path that is no endpoint is 404 as problem+json, at the mount point too', async () => {
      for (const path of ['', '/', '/nothing', '/settings/a/b', '/%00/x']) {
        const answer = await call(path)
        expect([path, answer.status]).toEqual([path, 404])
        expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
        expect(await answer.json()).toMatchObject({ status: 404, code: 'not_found' })
      }
      expect((await call('/settings/%E0%A4%A')).status).toBe(400)
    })

    test('another method is 405 with Allow; OPTIONS tells what is allowed', async () => {
      const wrong = await call('/reminders/appointment/42', { method: 'PUT', body: '{}', headers: json })
      expect(wrong.status).toBe(405)
      expect(wrong.headers.get('allow')).toBe('POST, GET, DELETE, HEAD, OPTIONS')
      expect(await wrong.json()).toMatchObject({ code: 'method_not_allowed' })
      const options = await call('/settings/', { method: 'OPTIONS' })
      expect([options.status, options.headers.get('allow'), await options.text()]).toEqual([204, 'POST, OPTIONS', ''])
    })

    test('HEAD is GET without the body', async () => {
      const path = '/reminders/appointment/42'
      const whole = await call(path)
      const length = String((await whole.arrayBuffer()).byteLength)
      const head = await call(path, { method: 'HEAD' })
      expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, length, ''])
      expect((await call('/settings/unknown', { method: 'HEAD' })).status).toBe(404)
    })

    test('a request that names its server in its target finds the endpoints, as the routes of the host', async () => {
      const { port, host } = new URL(mounted.origin)
      for (const target of [
        `http://${host}${basePath}/history/?limit=1`,
        `http://clinic.example:80${basePath}/history?limit=1`,
      ]) {
        const answer = await new Promise<{ status: number; text: string }>((resolve, reject) => {
          const asked = httpRequest({ host: '127.0.0.1', port, path: target, headers: as }, (response) => {
            const parts: Buffer[] = []
            response.on('data', (part: Buffer) => parts.push(part))
            response.on('end', () =>
              resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }),
            )
          })
          asked.on('error', reject)
          asked.end()
        })
        expect([target, answer.status, JSON.parse(answer.text)]).toEqual([
          target,
          200,
          expect.objectContaining({ limit: 1 }),
        ])
      }
    })

    readingRules({
      mounted: () => mounted,
      parsing: () => parsing,
      call,
      serve: (other) => {
        served = other ?? world
      },
      as,
      keepsParsedBytes,
    })

    test('a client that goes away in the middle of its body harms nobody', async () => {
      const { port } = new URL(mounted.origin)
      await new Promise<void>((resolve) => {
        const socket = connect(Number(port), '127.0.0.1', () => {
          const head = `POST ${basePath}/reminders/appointment/42 HTTP/1.1\r\nHost: x\r\n${callerHeader}: ${as[callerHeader]}\r\n`
          socket.write(`${head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"custom`, () =>
            socket.destroy(),
          )
        })
        socket.on('close', () => resolve())
      })
      expect((await call('/health')).status).toBe(200)
      expect(world.log.lines.filter((line) => line.includes('internal_error'))).toEqual([])
    })

    test('a page of another origin reschedules nothing with the cookies of a user; servers do', async () => {
      const post = (headers: Record<string, string>) =>
        call('/reminders/appointment/42/reschedule', { method: 'POST', headers })
      const answer = await post({ cookie: 'session=of-a-user', origin: 'https://evil.example' })
      expect([answer.status, await answer.json()]).toMatchObject([403, { code: 'forbidden' }])
      expect((await post({ cookie: 'session=of-a-user', origin: 'https://clinic.example' })).status).toBe(200)
      expect((await post({ cookie: 'session=of-a-user' })).status).toBe(200)
    })

    test('the headers of an answer arrive: a request too many is 429 with Retry-After', async () => {
      const stage = await openLibrary({
        channel,
        rateLimits: { service: { reading: { points: 1, durationSeconds: 60 } } },
      })
      served = stage
      const headersOf = ({ status, headers }: Response) => [
        status,
        ...['ratelimit-policy', 'ratelimit', 'retry-after'].map((name) => headers.get(name)),
      ]
      const policy = '"reading";q=1;w=60'
      const answers = [await call('/statistics'), await call('/statistics', { method: 'HEAD' })]
      expect(answers.map(headersOf)).toEqual([
        [200, policy, expect.stringMatching(/^"reading";r=0;t=\d+$/), null],
        [429, policy, expect.stringMatching(/^"reading";r=0;t=\d+$/), expect.stringMatching(/^\d+$/)],
      ])
      served = world
      await stage.stop()
    })

    test('a directory that fails is a generic 502, and the next request is answered', async () => {
      world.host.fault = new Error('secret words of the host')
      const answer = await call('/reminders/appointment/42', { method: 'POST' })
      world.host.fault = null
      const text = await answer.text()
      expect(answer.status).toBe(502)
      expect(text).not.toContain('secret words')
      expect((await call('/reminders/appointment/42')).status).toBe(200)
    })
  })
}
