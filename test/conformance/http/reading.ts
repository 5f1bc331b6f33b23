import { createHash } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { noOwner } from '../../../src/http/access.ts'
import { rawBody } from '../../../src/http/body.ts'
import { bytes, defineRoute, nothing } from '../../../src/http/define-route.ts'
import { formBody, SentForm } from '../../../src/http/form.ts'
import { createHandler, type HandlerOptions } from '../../../src/http/handler.ts'
import { bodyLimit, silentLogger, systemClock } from '../../../src/index.ts'
import type { Library, Mounted } from './suite.ts'

type Stage = {
  readonly mounted: () => Mounted
  /** Behind a host that parses bodies. */
  readonly parsing: () => Mounted
  readonly call: (path: string, init?: RequestInit, origin?: string) => Promise<Response>
  /** Null: the library again. */
  readonly serve: (other: Library | null) => void
  readonly as: Readonly<Record<string, string>>
  readonly keepsParsedBytes: boolean
}

const fields: [string, string][] = [
  ['a.b', 'é & ='],
  ['c', '1'],
  ['c', '2'],
]
const basePath = '/api/notifications'
const json = { 'content-type': 'application/json' }

/** What is read of bodies, and what is refused. */
export function readingRules({ mounted, parsing, call, serve, as, keepsParsedBytes }: Stage): void {
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
    for (const type of [
      'application/json',
      'application/json; charset=utf-8',
      'application/json; version=1',
      'Application/JSON ;charset="UTF-8";profile="https://clinic.example/a;b"',
      'application/vnd.clinic+json',
    ]) {
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
    for (const send of [sendWhole, sendChunked]) {
      const refused = await send(`${mounted().origin}${basePath}${path}`, as, large)
      expect([refused.status, JSON.parse(refused.text).code]).toEqual([413, 'payload_too_large'])
    }
    const most = `{"custom_reminders":[24]${' '.repeat(bodyLimit - 25)}}`
    expect(Buffer.byteLength(most)).toBe(bodyLimit)
    expect((await call(path, { method: 'POST', headers: json, body: most })).status).toBe(201)
    expect((await sendChunked(`${mounted().origin}${basePath}${path}`, as, most)).status).toBe(201)
  })

  test('a row that takes less says so', async () => {
    const small = defineRoute({ ...echo, bodyForm: { kind: 'json', limit: 20 } })
    serve({ handle: createHandler({ ...handlerParts, table: [small] }) })
    for (const { origin } of [mounted(), parsing()]) {
      expect((await call('/echo', { method: 'POST', headers: json, body: '{"a":1}' }, origin)).status).toBe(200)
      const large = `{"a":1${' '.repeat(14)}}`
      const refused = await sendWhole(`${origin}${basePath}/echo`, as, large)
      expect([refused.status, JSON.parse(refused.text).detail]).toEqual([413, 'The body must be at most 20 bytes.'])
    }
    serve(null)
  })

  test('a body that the host parsed before is taken, and its size still counts', async () => {
    const path = '/reminders/appointment/42'
    const post = (body: string, headers: Record<string, string> = json) =>
      call(path, { method: 'POST', headers, body }, parsing().origin)
    const wrong = await post('{"custom_reminders":["x"]}')
    expect([wrong.status, (await problemIn(wrong)).field]).toEqual([422, 'custom_reminders[0]'])
    expect((await post('{"custom_reminders":[24]}')).status).toBe(201)
    expect((await call(path, { method: 'POST' }, parsing().origin)).status).toBe(201)
    expect((await post('a=b', { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(415)
    const large = `{"pad":"${'x'.repeat(bodyLimit)}"}`
    for (const send of [sendWhole, sendChunked]) {
      expect((await send(`${parsing().origin}${basePath}${path}`, as, large)).status).toBe(413)
    }
    // Deeper than a serializer can follow.
    for (const origin of [mounted().origin, parsing().origin]) {
      const deep = `{"pad":${'['.repeat(50_000)}${']'.repeat(50_000)}}`
      expect((await sendChunked(`${origin}${basePath}${path}`, as, deep)).status).toBeOneOf([400, 422])
    }
  })

  test('the bytes of a body reach the row as they were sent', async () => {
    serve({ handle: createHandler({ ...handlerParts, table: [defineRoute(echo)] }) })
    const sent = '{ "a" : 1.0,\n\t"é": "\\u00e9" }'
    const init = { method: 'POST', headers: json, body: sent }
    expect(await (await call('/echo', init)).json()).toEqual({ digest: digestOf(Buffer.from(sent)) })
    if (keepsParsedBytes) {
      expect(await (await call('/echo', init, parsing().origin)).json()).toEqual({
        digest: digestOf(Buffer.from(sent)),
      })
    }
    serve(null)
  })

  test('a row for providers gets any body as it was sent, up to 3 MB, and the query as it was written', async () => {
    serve({ handle: createHandler({ ...handlerParts, table: [defineRoute(rawEcho)] }) })
    const post = (type: string | null, body: string | Uint8Array<ArrayBuffer>, query = '') =>
      call(`/raw${query}`, { method: 'POST', body, ...(type === null ? {} : { headers: { 'content-type': type } }) })
    const types = [
      'application/json',
      'application/x-www-form-urlencoded; charset=utf-8',
      'text/plain; charset=UTF-8',
      'application/octet-stream',
    ]
    for (const type of types) {
      const body = 'a=1&b=%C3%A9 \r\n{"a":1}\n'
      const answer = await post(type, body, '?a=1&a=2&b=%2B')
      const digest = digestOf(Buffer.from(body))
      expect([type, await answer.json()]).toEqual([type, { digest, query: 'a=1&a=2&b=%2B' }])
    }
    const most = new Uint8Array(rawBody.limit).fill(0xff)
    const taken = await post('application/octet-stream', most)
    expect([taken.status, await taken.json()]).toEqual([200, { digest: digestOf(most), query: '' }])
    const large = await sendChunked(`${mounted().origin}${basePath}/raw`, {}, 'x'.repeat(rawBody.limit + 1))
    expect(large.status).toBe(413)
    serve(null)
  })

  test('a form arrives, as a page or a mail program sends it, whatever the host parses before', async () => {
    serve({ handle: createHandler({ ...handlerParts, table: [defineRoute(formEcho)] }) })
    const form = new FormData()
    for (const [name, value] of fields) form.append(name, value)
    for (const { origin } of [mounted(), parsing()]) {
      for (const body of [new URLSearchParams(fields), form]) {
        const answer = await call('/form/x', { method: 'POST', body }, origin)
        expect([answer.status, await answer.json()]).toEqual([200, { one: 'é & =', all: ['1', '2'] }])
      }
      const empty = await call('/form/x', { method: 'POST' }, origin)
      expect(await empty.json()).toEqual({ one: null, all: [] })
    }
    expect((await call('/form/x', { method: 'POST', headers: json, body: '{"c":1}' })).status).toBe(415)
    serve(null)
  })

  test('where the host has parsed the body of a provider and kept no bytes, the answer is 500 in words', async () => {
    serve({ handle: createHandler({ ...handlerParts, table: [defineRoute(rawEcho)] }) })
    const answer = await call('/raw', { method: 'POST', headers: json, body: '{"a":1}' }, parsing().origin)
    if (keepsParsedBytes) expect(await answer.json()).toMatchObject({ digest: digestOf(Buffer.from('{"a":1}')) })
    else {
      const { code, detail } = await problemIn(answer)
      expect([answer.status, code, detail]).toEqual([
        500,
        'body_unreadable',
        expect.stringContaining('before any body'),
      ])
    }
    serve(null)
  })
}

const formEcho = {
  id: 'form',
  method: 'POST',
  path: '/form/{token}',
  summary: 'For these tests',
  params: z.strictObject({ token: z.string() }),
  query: nothing,
  body: z.custom<SentForm>((value) => value instanceof SentForm),
  bodyForm: formBody,
  responses: { 200: z.object({ one: z.string().nullable(), all: z.array(z.string()) }) },
  errors: [],
  access: { kind: 'link', token: ({ token }: { readonly token: string }) => token, owner: () => noOwner },
  handler: async ({ body }: { readonly body: SentForm }) => ({ one: body.one('a.b'), all: [...body.all('c')] }),
} as const

/** Only the bytes matter, whatever they are said to be. */
const rawEcho = {
  id: 'raw',
  method: 'POST',
  path: '/raw',
  summary: 'For these tests',
  params: nothing,
  query: nothing,
  body: bytes,
  bodyForm: rawBody,
  responses: { 200: z.object({ digest: z.string(), query: z.string() }) },
  errors: [],
  access: { kind: 'provider', require: async () => {}, owner: () => noOwner },
  handler: async ({
    body,
    received,
  }: {
    readonly body: Uint8Array
    readonly received: { readonly query: string }
  }) => ({
    digest: digestOf(body),
    query: received.query,
  }),
} as const

const echo = {
  id: 'echo',
  method: 'POST',
  path: '/echo',
  summary: 'For these tests',
  params: nothing,
  query: nothing,
  body: z.object({ a: z.number() }),
  responses: { 200: z.object({ digest: z.string().nullable() }) },
  errors: [],
  access: { kind: 'open', owner: () => noOwner },
  handler: async ({ bytes }: { readonly bytes: Uint8Array | null }) => ({
    digest: bytes === null ? null : digestOf(bytes),
  }),
} as const

const handlerParts: Omit<HandlerOptions, 'table'> = {
  identify: async () => null,
  requireOrigin: () => {},
  rateLimiter: null,
  idempotency: { once: (_key, _request, run) => run(undefined) },
  logger: silentLogger,
  clock: systemClock,
  requireToken: () => {},
}

const problemIn = async (answer: Response) =>
  z.object({ code: z.string(), detail: z.string(), field: z.string().optional() }).parse(await answer.json())

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Without a content length, in pieces. */
const sendChunked = (url: string, headers: Record<string, string>, body: string) =>
  sendAlone(url, headers, body.match(/[\s\S]{1,16384}/g) ?? [])

/** With a content length. */
const sendWhole = (url: string, headers: Record<string, string>, body: string) =>
  sendAlone(url, { ...headers, 'content-length': String(Buffer.byteLength(body)) }, [body])

/** Over a connection of its own: a server may close one whose request it refused before it had read all of it. */
function sendAlone(url: string, headers: Record<string, string>, pieces: readonly string[]) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const options = { method: 'POST', agent: false, headers: { ...headers, ...json } }
    const request = httpRequest(url, options, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }))
    })
    request.on('error', reject)
    for (const piece of pieces) request.write(piece)
    request.end()
  })
}
