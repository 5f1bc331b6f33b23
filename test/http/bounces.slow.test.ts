import { spawn, spawnSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { text } from 'node:stream/consumers'
import express from 'express'
import Fastify from 'fastify'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { expressRouter } from '../../adapters/http/express.ts'
import { fastifyPlugin } from '../../adapters/http/fastify.ts'
import { bounces } from '../../adapters/transport/bounces.ts'
import { openApiDocument } from '../../src/http/openapi/document.ts'
import type { Notifications, NotificationsOptions } from '../../src/index.ts'
import { listening } from '../adapters/http/listening.ts'
import { guide } from '../package/guides.ts'
import { ada, openClinic } from '../support/clinic.ts'
import { bounceMail } from '../support/report-mails.ts'

const now = '2031-03-10T12:00:00.000Z'
const key = Buffer.alloc(32, 9)
const webhookSecret = `whsec_${key.toString('base64')}`
const isMissing = (program: string) => spawnSync(program, ['--version']).error !== undefined
const seconds = (at: string) => String(Math.trunc(Date.parse(at) / 1000))

/** Signed as by any library for Standard Webhooks. */
function signed(body: string, { at = now, by = key } = {}): Record<string, string> {
  const [id, timestamp] = ['msg_1', seconds(at)]
  const signature = createHmac('sha256', by).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}

async function open(options: Partial<NotificationsOptions> = {}) {
  const clinic = await openClinic(now, { bounces: bounces(), webhookSecret, ...options })
  await clinic.start()
  clinic.host.book({ id: 1, startsAt: new Date('2031-04-10T12:00:00Z'), recipients: [{ ...ada, phone: null }] })
  await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION', channel: 'EMAIL' })
  await clinic.clock.advance(1000)
  const [message] = clinic.outbox.sent
  if (message === undefined) throw new Error('nothing was sent')
  const status = async () => (await clinic.notifications.getNotification(message.notificationId)).status
  const mail = bounceMail({ messageId: `${message.idempotencyKey}@clinic.example`, to: message.to })
  return Object.assign(clinic, { id: message.notificationId, mail, status })
}

const path = '/api/notifications/webhooks/bounce'
type Mount = (library: Pick<Notifications, 'handle'>) => ReturnType<typeof listening>
const mounts: Record<'express' | 'fastify', Mount> = {
  express: (library) => listening(express().use('/api/notifications', expressRouter(library)).listen(0, '127.0.0.1')),
  async fastify(library) {
    const app = Fastify({ forceCloseConnections: true })
    await app.register(fastifyPlugin(library), { prefix: '/api/notifications' })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { origin } = await listening(app.server)
    return { origin, close: () => app.close() }
  },
}

describe.each(Object.entries(mounts))('POST /webhooks/bounce on %s', (_name, mount) => {
  const asking = async (library: Pick<Notifications, 'handle'>) => {
    const { origin, close } = await mount(library)
    return {
      async post(body: string, headers: Record<string, string>) {
        const sent = { 'content-type': 'message/rfc822', ...headers }
        const answer = await fetch(`${origin}${path}`, { method: 'POST', headers: sent, body })
        return { status: answer.status, answer: z.record(z.string(), z.unknown()).parse(await answer.json()) }
      },
      [Symbol.asyncDispose]: async () => void (await close()),
    }
  }

  it('takes a mail as it arrived, and repeats the answer of one that was read before', async () => {
    await using clinic = await open()
    await using host = await asking(clinic)
    const { id, mail } = clinic
    const answer = { report: 'bounced', notification_id: id, updated: true }
    expect(await host.post(mail, signed(mail))).toEqual({ status: 200, answer })
    expect(await host.post(mail, signed(mail))).toEqual({ status: 200, answer: { ...answer, updated: false } })
    expect(await clinic.status()).toBe('BOUNCED')
    const other = 'From: a@b.example\r\n\r\nHello'
    const none = { report: 'none', notification_id: null, updated: false }
    expect(await host.post(other, { ...signed(other), 'content-type': 'text/plain' })).toEqual({
      status: 200,
      answer: none,
    })
  })

  it.each<[what: string, change: (mail: string) => [body: string, headers: Record<string, string>], status: number]>([
    ['no signature', (mail) => [mail, {}], 401],
    ['the signature of another mail', (mail) => [mail, signed(`${mail} `)], 401],
    ['another secret', (mail) => [mail, signed(mail, { by: Buffer.alloc(32, 8) })], 401],
    ['a signature of an hour ago', (mail) => [mail, signed(mail, { at: '2031-03-10T11:00:00Z' })], 401],
    ['more than a megabyte', (mail) => [mail.padEnd(1024 * 1024 + 1, ' '), signed(mail)], 413],
    ['a Content-Encoding', (mail) => [mail, { ...signed(mail), 'content-encoding': 'gzip' }], 415],
  ])('changes nothing with %s', async (_what, change, status) => {
    await using clinic = await open()
    await using host = await asking(clinic)
    expect((await host.post(...change(clinic.mail))).status).toBe(status)
    expect(await clinic.status()).toBe('SENT')
  })

  it('refuses everybody where no secret is set', async () => {
    await using clinic = await open({ webhookSecret: undefined })
    await using host = await asking(clinic)
    const forged = { by: Buffer.alloc(0) }
    for (let time = 0; time < 3; time += 1) {
      expect((await host.post(clinic.mail, signed(clinic.mail, forged))).status).toBe(401)
    }
    // One line a minute.
    expect(clinic.log.lines.filter((line) => line.includes('bounced mail refused'))).toHaveLength(1)
  })
})

it.skipIf(isMissing('curl') || isMissing('openssl'))('the script of the guide hands over what it reads', async () => {
  // The script goes by the clock of its machine.
  await using clinic = await openClinic(new Date().toISOString(), { bounces: bounces(), webhookSecret })
  const { origin, close } = await mounts['express'](clinic)
  const [, script = ''] =
    /^```sh\n(#!\/bin\/sh\n[\s\S]*?)^```$/m.exec(guide('adapters/transport/receipts/README.md')) ?? []
  const child = spawn('sh', ['-c', script.replace('https://clinic.example', origin)], {
    env: { ...process.env, WEBHOOK_SECRET: webhookSecret },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(
    Buffer.concat([Buffer.from(bounceMail({ messageId: 'x@y.example', to: 'a@b.example' })), Buffer.from([0, 0xff])]),
  )
  const told = await text(child.stdout)
  expect(JSON.parse(told)).toEqual({ report: 'bounced', notification_id: null, updated: false })
  await close()
})

it('says what to change where a parser of the host has eaten the bytes', async () => {
  await using clinic = await open()
  const app = express()
    .use(express.json({ type: '*/*' }))
    .use('/api/notifications', expressRouter(clinic))
  const { origin, close } = await listening(app.listen(0, '127.0.0.1'))
  const body = '{"a":1}'
  const answer = await fetch(`${origin}${path}`, { method: 'POST', headers: signed(body), body })
  expect([answer.status, await answer.json()]).toMatchObject([500, { code: 'body_unreadable' }])
  await close()
})

it('has no endpoint without the option, and is described with it', async () => {
  await using without = await openClinic(now)
  expect(without.endpoints.map(({ id }) => id)).not.toContain('webhooks.bounce')
  await using clinic = await open()
  const described = openApiDocument(clinic.endpoints)
  expect(described.paths['/webhooks/bounce']).toMatchObject({
    post: {
      requestBody: { content: { '*/*': {} } },
      responses: { 200: expect.anything(), 401: expect.anything(), 413: expect.anything() },
    },
  })
})

it.each(['hush', 'whsec_c2hvcnQ=', ['whsec_']])('refuses the secret %j when the library is made', async (secret) => {
  const error = { code: 'options_invalid', field: expect.stringMatching(/^webhookSecret/) }
  await expect(openClinic(now, { bounces: bounces(), webhookSecret: secret })).rejects.toMatchObject(error)
})
