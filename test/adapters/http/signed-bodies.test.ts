/** The bytes that a provider signed reach the webhook as they are, whatever framework and parsers stand in front of it. */

import { createHmac } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import express from 'express'
import express4 from 'express4'
import fastify from 'fastify'
import { Hono, type HonoRequest } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expressRouter } from '../../../adapters/http/express.ts'
import { fastifyPlugin } from '../../../adapters/http/fastify.ts'
import { fetchHandler } from '../../../adapters/http/fetch.ts'
import { honoHandler } from '../../../adapters/http/hono.ts'
import { capture } from '../../../adapters/transport/capture.ts'
import type { Notifications, ReceiptReader, WebhookRequest } from '../../../src/index.ts'
import { openClinic } from '../../support/clinic.ts'
import { listening } from './listening.ts'
import { nestMiddleware, nestOnExpress, nestOnFastify } from './nestjs.ts'

type Library = Pick<Notifications, 'handle'>
type Mount = (library: Library) => Promise<{ readonly origin: string; readonly close: () => Promise<unknown> }>

const basePath = '/api/notifications'
const keepBytes = (request: IncomingMessage & { rawBody?: unknown }, _response: ServerResponse, bytes: Buffer) => {
  request.rawBody = bytes
}
const behind =
  (make: typeof express, ...parsers: readonly express.RequestHandler[]): Mount =>
  (library) => {
    const app = make()
    for (const parser of parsers) app.use(parser)
    app.use(basePath, expressRouter(library))
    return listening(app.listen(0, '127.0.0.1'))
  }
const onFastify: Mount = async (library) => {
  const app = fastify({ forceCloseConnections: true })
  app.addContentTypeParser('text/plain', { parseAs: 'string' }, async () => ({ parsed: true }))
  await app.register(fastifyPlugin(library), { prefix: basePath })
  return { origin: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
}
const onWeb = (handler: (request: Request) => Response | Promise<Response>) =>
  listening(createAdaptorServer({ fetch: handler }).listen(0, '127.0.0.1'))
const onHono =
  (read: (request: HonoRequest) => Promise<unknown>): Mount =>
  (library) => {
    const app = new Hono()
    app.use(async (context, next) => {
      await read(context.req)
      await next()
    })
    app.all(`${basePath}/*`, honoHandler(library))
    return onWeb(app.fetch)
  }

const delivering: Readonly<Record<string, Mount>> = {
  'Express 5': behind(express),
  'Express 4': behind(express4),
  'Express 5 behind parsers that keep the bytes': behind(
    express,
    express.json({ verify: keepBytes, limit: '3mb' }),
    express.urlencoded({ extended: true, verify: keepBytes, limit: '3mb' }),
  ),
  'Express 4 behind parsers that keep the bytes': behind(
    express4,
    express4.json({ verify: keepBytes }),
    express4.urlencoded({ extended: true, verify: keepBytes }),
  ),
  'Express 5 behind a parser of bytes': behind(express, express.raw({ type: '*/*', limit: '3mb' })),
  Fastify: onFastify,
  'Hono behind a middleware that parsed the body': onHono((request) => request.parseBody()),
  fetch: (library) => onWeb(fetchHandler(library, { basePath })),
  'NestJS on Express, with rawBody': (library) => nestOnExpress({ rawBody: true })(library, basePath),
  'NestJS as a middleware, with rawBody': (library) => nestMiddleware({ rawBody: true })(library, basePath),
  'NestJS on Fastify': (library) => nestOnFastify()(library, basePath),
}

/** What providers send: [its type, its bytes]. */
const bodies: Readonly<Record<string, readonly [string, Buffer]>> = {
  'JSON with escapes, in the order and with the blanks of its sender': [
    'application/json',
    Buffer.from('{ "b":1.0, "a":"\\u00e4\\ud83d\\ude42 \\/ ä🙂", "b":2 }\r\n'),
  ],
  'JSON as text/plain, as SNS sends it': ['text/plain; charset=UTF-8', Buffer.from('{"Type":"Notification"}\n')],
  'a form with repeated fields and a plus': [
    'application/x-www-form-urlencoded; charset=utf-8',
    Buffer.from('To=%2B14155550123&A=b+c&A=b%20c&Empty=&MessageStatus=delivered'),
  ],
  'a mail in no charset': ['message/rfc822', Buffer.from([0x46, 0x3a, 0x20, 0xff, 0xfe, 0x0d, 0x0a, 0x00])],
  'no type at all': ['', Buffer.from('{"outcome":"read"}')],
}

const key = 'a key'
const path = '/webhooks/capture/sms'
const macOf = (bytes: Uint8Array) => createHmac('sha256', key).update(bytes).digest('hex')
const seen: WebhookRequest[] = []
const receipts: ReceiptReader = async (request) => {
  seen.push(request)
  const isSigned = request.headers['x-signature'] === macOf(request.body)
  return isSigned ? { kind: 'read', reports: [] } : { kind: 'refused', reason: 'unsigned' }
}

let clinic: Awaited<ReturnType<typeof openClinic>>
beforeAll(async () => {
  clinic = await openClinic('2031-03-10T12:00:00Z', {
    transports: [capture({ receipts })],
    publicUrl: 'https://clinic.example/api/notifications',
  })
})
afterAll(() => clinic[Symbol.asyncDispose]())

async function posting(mount: Mount, use: (post: typeof fetch) => Promise<void>) {
  const { origin, close } = await mount(clinic)
  try {
    await use((query, init) => fetch(`${origin}${basePath}${path}${query}`, init))
  } finally {
    await close()
  }
}

const requestOf = ([type, bytes]: readonly [string, Buffer]) => ({
  method: 'POST',
  body: new Uint8Array(bytes),
  headers: { 'x-signature': macOf(bytes), ...(type === '' ? {} : { 'content-type': type }) },
})

describe.each(Object.entries(delivering))('%s', (_name, mount) => {
  test('hands on the bytes that were signed, and the query as it was asked for', async () => {
    await posting(mount, async (post) => {
      for (const [what, body] of Object.entries(bodies)) {
        seen.length = 0
        const query = '?notification=7&x=%2B+%27&x=2'
        const answer = await post(query, requestOf(body))
        expect([what, answer.status, await answer.text()]).toEqual([what, 200, 'ok'])
        expect(Buffer.from(seen[0]?.body ?? []).equals(body[1])).toBe(true)
        expect(seen[0]?.url).toBe(`https://clinic.example/api/notifications${path}${query}`)
      }
    })
  })

  test('answers a body of more than 3 MB with 413, or as its parser does', async () => {
    await posting(mount, async (post) => {
      const body = ['application/json', Buffer.from(`"${'x'.repeat(3 * 1024 * 1024)}"`)] as const
      expect((await post('', requestOf(body))).status).toBe(413)
    })
  })
})

const parsing: Readonly<Record<string, readonly [Mount, body: readonly [string, Buffer]]>> = {
  'express.json()': [behind(express, express.json()), ['application/json', Buffer.from('{"a":1}')]],
  'express.json() of Express 4': [behind(express4, express4.json()), ['application/json', Buffer.from('{"a":1}')]],
  'express.urlencoded()': [
    behind(express, express.urlencoded({ extended: false })),
    ['application/x-www-form-urlencoded', Buffer.from('MessageStatus=delivered')],
  ],
  'a middleware of Hono that made a form of it': [
    onHono((request) => request.formData()),
    ['application/x-www-form-urlencoded', Buffer.from('MessageStatus=delivered')],
  ],
  'NestJS as a middleware': [
    (library) => nestMiddleware()(library, basePath),
    ['application/json', Buffer.from('{"a":1}')],
  ],
}
test.each(Object.entries(parsing))(
  '%s in front, which keeps no bytes, is 500 in words',
  async (_name, [mount, body]) => {
    await posting(mount, async (post) => {
      const answer = await post('', requestOf(body))
      expect(answer.status).toBe(500)
      expect(await answer.json()).toMatchObject({
        code: 'body_unreadable',
        detail: expect.stringMatching(/rawBody|arrayBuffer/),
      })
    })
  },
)
