import { createHash } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { nobodys } from '../../../src/http/access.ts'
import { mediaTypesOf } from '../../../src/http/content.ts'
import { defineRoute, nothing } from '../../../src/http/define-route.ts'
import { createHandler } from '../../../src/http/handler.ts'
import { bodyLimit, type Notifications, silentLogger, systemClock } from '../../../src/index.ts'
import { callerHeader, creates, openWorld, service, someoneAllowed, validRequest, type World } from './world.ts'

export type Library = Pick<Notifications, 'handle'>
export type Mounted = { readonly origin: string; readonly close: () => Promise<unknown> }
/** Mounts the library at `basePath` on a real server on port 0. `parsed`: the host reads JSON bodies before it. */
export type Mount = (library: Library, basePath: string, how: { readonly parsed: boolean }) => Promise<Mounted>

export type RouterUnderTest = {
  readonly name: string
  readonly mount: Mount
  /** False: a body that the host parsed is not the router's to see, or its bytes are gone. Default true. */
  readonly keepsParsedBytes?: boolean
}

const basePath = '/api/notifications'
const json = { 'content-type': 'application/json' }

/** What every adapter must do, row by row of the endpoint table and for every way a request can go wrong. */
export function routerConformance({ name, mount, keepsParsedBytes = true }: RouterUnderTest): void {
  let world: World
  let bareWorld: World
  let served: Library
  let mounted: Mounted
  let parsing: Mounted
  const library: Library = { handle: (request) => served.handle(request) }
  const as = { [callerHeader]: JSON.stringify(service) }
  const call = (path: string, init: RequestInit = {}, origin = mounted.origin) =>
    fetch(`${origin}${basePath}${path}`, { ...init, headers: { ...as, ...init.headers } })

  beforeAll(async () => {
    world = await openWorld()
    bareWorld = await openWorld({ bare: true })
    served = world
    mounted = await mount(library, basePath, { parsed: false })
    parsing = await mount(library, basePath, { parsed: true })
  })
  afterAll(async () => {
    await mounted.close()
    await parsing.close()
    await world.stop()
    await bareWorld.stop()
  })

  describe(`router conformance: ${name}`, () => {
    test('every row of the table answers a valid request, with and without a trailing slash', async () => {
      for (const row of world.endpoints) {
        for (const slash of ['', '/']) {
          const stage = creates(row) ? await openWorld({ bare: true }) : world
          served = stage
          const caller = someoneAllowed(row)
          const { method, path, body } = validRequest(row, stage.own, stage, caller)
          const [pathname = '', query] = path.split('?')
          const url = `${pathname.replace(/\/$/, '')}${slash}${query === undefined ? '' : `?${query}`}`
          const headers: Record<string, string> = body === undefined ? {} : json
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

    test('a body that is not JSON is refused: 400 malformed, 415 another type or compressed', async () => {
      const path = '/reminders/appointment/42'
      for (const body of ['{"a":', 'nonsense', new Uint8Array([0x7b, 0xff, 0x7d])]) {
        const answer = await call(path, { method: 'POST', headers: json, body })
        expect([answer.status, (await problemIn(answer)).code]).toEqual([400, 'bad_request'])
      }
      const otherTypes = ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1']
      // No media types at all: a framework must not answer these in its own words.
      const noTypes = [
        'json',
        'application/',
        '/json',
        ';',
        'a b/c',
        'application/json charset=utf-8',
        '"',
        '\u00e9/\u00e9',
      ]
      for (const type of [...otherTypes, ...noTypes]) {
        const answer = await call(path, { method: 'POST', headers: { 'content-type': type }, body: '{}' })
        expect([type, answer.status, (await problemIn(answer)).code]).toEqual([type, 415, 'unsupported_media_type'])
      }
      for (const type of ['application/json', 'application/json; charset=utf-8', 'application/vnd.clinic+json']) {
        const answer = await call(path, { method: 'POST', headers: { 'content-type': type }, body: '{}' })
        expect([type, answer.status]).toEqual([type, 201])
      }
      for (const body of ['null', '[]', '"text"', '1']) {
        expect((await call(path, { method: 'POST', headers: json, body })).status).toBe(422)
      }
      expect((await call(path, { method: 'POST' })).status).toBe(201)
      for (const body of [gzipSync('{}'), '{}']) {
        const answer = await call(path, { method: 'POST', headers: { ...json, 'content-encoding': 'gzip' }, body })
        expect([answer.status, (await problemIn(answer)).code]).toEqual([415, 'unsupported_media_type'])
      }
    })

    test('a body above 256 KiB is 413, also when chunked; one just below is read', async () => {
      const path = '/reminders/appointment/42'
      const large = `{"custom_reminders":[24],"pad":"${'x'.repeat(bodyLimit)}"}`
      const told = await call(path, { method: 'POST', headers: json, body: large })
      expect([told.status, (await problemIn(told)).code]).toEqual([413, 'payload_too_large'])
      const chunked = await sendChunked(`${mounted.origin}${basePath}${path}`, as, large)
      expect([chunked.status, JSON.parse(chunked.text).code]).toEqual([413, 'payload_too_large'])
      const most = `{"custom_reminders":[24]${' '.repeat(bodyLimit - 25)}}`
      expect(Buffer.byteLength(most)).toBe(bodyLimit)
      expect((await call(path, { method: 'POST', headers: json, body: most })).status).toBe(201)
      expect((await sendChunked(`${mounted.origin}${basePath}${path}`, as, most)).status).toBe(201)
    })

    test('pain 17: a body that the host parsed before is taken, and its size still counts', async () => {
      const path = '/reminders/appointment/42'
      const post = (body: string, headers: Record<string, string> = json) =>
        call(path, { method: 'POST', headers, body }, parsing.origin)
      const wrong = await post('{"custom_reminders":["x"]}')
      expect([wrong.status, (await problemIn(wrong)).field]).toEqual([422, 'custom_reminders[0]'])
      expect((await post('{"custom_reminders":[24]}')).status).toBe(201)
      expect((await call(path, { method: 'POST' }, parsing.origin)).status).toBe(201)
      expect((await post('a=b', { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(415)
      const large = `{"pad":"${'x'.repeat(bodyLimit)}"}`
      expect((await post(large)).status).toBe(413)
      expect((await sendChunked(`${parsing.origin}${basePath}${path}`, as, large)).status).toBe(413)
      // Deeper than a serializer can follow.
      for (const origin of [mounted.origin, parsing.origin]) {
        const deep = `{"pad":${'['.repeat(50_000)}${']'.repeat(50_000)}}`
        expect((await sendChunked(`${origin}${basePath}${path}`, as, deep)).status).toBeOneOf([400, 422])
      }
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

    test('the bytes of a body reach the row as they were sent', async () => {
      const echo = defineRoute({
        id: 'echo',
        method: 'POST',
        path: '/echo',
        summary: 'For this test',
        params: nothing,
        query: nothing,
        body: z.object({ a: z.number() }),
        responses: { 200: z.object({ digest: z.string().nullable() }) },
        errors: [],
        access: { kind: 'open', owner: () => nobodys },
        handler: async ({ bytes }) => ({ digest: bytes === null ? null : digestOf(bytes) }),
      })
      served = {
        handle: createHandler({
          table: [echo],
          authenticate: null,
          rateLimiter: null,
          idempotency: { once: (_key, _request, run) => run(undefined) },
          logger: silentLogger,
          requireToken: () => {},
          clock: systemClock,
        }),
      }
      const sent = '{ "a" : 1.0,\n\t"é": "\\u00e9" }'
      const init = { method: 'POST', headers: json, body: sent }
      expect(await (await call('/echo', init)).json()).toEqual({ digest: digestOf(Buffer.from(sent)) })
      if (keepsParsedBytes) {
        expect(await (await call('/echo', init, parsing.origin)).json()).toEqual({
          digest: digestOf(Buffer.from(sent)),
        })
      }
      served = world
    })

    test('the headers of an answer arrive: a request too many is 429 with Retry-After', async () => {
      const stage = await openWorld({ rateLimits: { service: { reading: { points: 1, durationSeconds: 60 } } } })
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

    test('a fault inside is a generic 500, and the next request is answered', async () => {
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

const problemIn = async (answer: Response) =>
  z.object({ code: z.string(), field: z.string().optional() }).parse(await answer.json())

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Without a content length, in pieces. */
function sendChunked(url: string, headers: Record<string, string>, body: string) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const request = httpRequest(url, { method: 'POST', headers: { ...headers, ...json } }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }))
    })
    request.on('error', reject)
    for (let from = 0; from < body.length; from += 16_384) request.write(body.slice(from, from + 16_384))
    request.end()
  })
}
