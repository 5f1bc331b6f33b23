import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { expressRouter } from '../../adapters/http/express.ts'
import { capture } from '../../adapters/transport/capture.ts'
import { standardWebhooks } from '../../adapters/transport/receipts.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'

const now = '2031-03-10T12:00:00.000Z'
const key = Buffer.alloc(32, 7)
const secret = `whsec_${key.toString('base64')}`
const path = '/webhooks/capture/email'

/** A clinic that has sent a mail, behind a real server. */
async function served() {
  const outbox = capture({ receipts: standardWebhooks({ secrets: [secret] }) })
  const clinic = await openClinic(now, { transports: [outbox] })
  clinic.host.book({ id: 1, startsAt: new Date('2031-03-12T12:00:00Z'), recipients: [{ ...ada, phone: null }] })
  await clinic.start()
  await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION', channel: 'EMAIL' })
  await clinic.settle()
  const id = outbox.sent[0]?.notificationId ?? 0
  const router = expressRouter(clinic)
  const server = createServer((request, response) => void router(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = z.object({ port: z.number() }).parse(server.address())
  return {
    ...clinic,
    id,
    port,
    post: (body: string, headers: Record<string, string>) =>
      fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body, headers }),
    row: () => clinic.notifications.getNotification(id),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await clinic[Symbol.asyncDispose]()
    },
  }
}

function signed(body: string, at = new Date(now)): Record<string, string> {
  const timestamp = String(at.getTime() / 1000)
  const mac = createHmac('sha256', key).update(`r.${timestamp}.${body}`).digest('base64')
  return { 'webhook-id': 'r', 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` }
}

const delivered = (id: number) => JSON.stringify({ notification_id: id, outcome: 'delivered', at: now })

it('a signed report is recorded, and the same request again changes nothing', async () => {
  await using clinic = await served()
  const body = delivered(clinic.id)
  const answer = await clinic.post(body, signed(body))
  expect([answer.status, await answer.text()]).toEqual([200, 'ok'])
  const row = await clinic.row()
  expect(row).toMatchObject({ status: 'DELIVERED', deliveredAt: new Date(now) })
  expect((await clinic.post(body, signed(body))).status).toBe(200)
  expect(await clinic.row()).toEqual(row)
  // Six minutes later it is stale.
  await clinic.clock.advance(6 * 60_000)
  expect((await clinic.post(body, signed(body))).status).toBe(401)
  expect(await clinic.row()).toEqual(row)
})

it('a complaint suppresses the address, and emits an event', async () => {
  await using clinic = await served()
  const events: string[] = []
  clinic.events.on('notification.complained', ({ notificationId }) => events.push(`complained ${notificationId}`))
  const body = JSON.stringify({ notification_id: clinic.id, outcome: 'complained', code: 'abuse' })
  for (let time = 0; time < 2; time += 1) expect((await clinic.post(body, signed(body))).status).toBe(200)
  expect(await clinic.row()).toMatchObject({ status: 'DELIVERED', deliveryDetail: { complained: new Date(now) } })
  expect(events).toEqual([`complained ${clinic.id}`])
  const known = await clinic.addresses.get(organizationId, { channel: 'EMAIL', address: 'ada@example.org' })
  expect(known.suppression).toMatchObject({ cause: 'complaint', code: 'abuse' })
  const sent = await clinic.notifications.sendAppointmentNotification(1, { category: 'RESCHEDULE', channel: 'EMAIL' })
  expect(sent.omitted).toMatchObject([{ rule: 'suppressed' }])
})

it('what is forged, foreign, too large or no report changes nothing', async () => {
  await using clinic = await served()
  const body = delivered(clinic.id)
  const before = await clinic.row()
  const foreign = JSON.stringify({ notification_id: clinic.id, outcome: 'failed', to: 'eve@example.org' })
  const strange = JSON.stringify({ notification_id: clinic.id, outcome: 'opened' })
  const large = `{"pad":"${'x'.repeat(3 * 1024 * 1024)}"}`
  const statuses = [
    await clinic.post(body, {}),
    await clinic.post(`${body} `, signed(body)),
    await clinic.post(body, { ...signed(body), 'webhook-id': 'other' }),
    await clinic.post(foreign, signed(foreign)),
    await clinic.post(strange, signed(strange)),
    await clinic.post(large, signed(large)),
    await clinic.post('nonsense', signed('nonsense')),
  ].map(({ status }) => status)
  expect(statuses).toEqual([401, 401, 401, 200, 422, 413, 400])
  expect(await clinic.row()).toEqual(before)
})

it.each(['cut', 'slow'])('a request that is %s changes nothing', async (how) => {
  await using clinic = await served()
  const body = delivered(clinic.id)
  const before = await clinic.row()
  const socket = connect(clinic.port, '127.0.0.1')
  const parts: Buffer[] = []
  socket.on('data', (part: Buffer) => parts.push(part)).on('error', () => {})
  const headers = Object.entries(signed(body)).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n${headers.join('')}\r\n`
  socket.write(`${head}${body.slice(0, -1)}`)
  if (how === 'cut') {
    await new Promise((resolve) => setImmediate(resolve))
    socket.destroy()
  } else {
    await expect
      .poll(async () => {
        await clinic.clock.advance(1000)
        return Buffer.concat(parts).toString()
      })
      .toMatch(/^HTTP\/1\.1 400 [\s\S]*did not arrive within 10000 ms/)
    // The last byte comes too late.
    socket.end(body.slice(-1))
  }
  await clinic.settle()
  expect(await clinic.row()).toEqual(before)
})

it('a report on a message by the provider’s id may be faster than the answer to its send', async () => {
  await using clinic = await served()
  const [sent] = clinic.told.filter(({ name }) => name === 'notification.sent')
  const { providerMessageId } = z.object({ providerMessageId: z.string() }).parse(sent?.event)
  const of = (message_id: string) => JSON.stringify({ message_id, outcome: 'read' })
  const known = of(providerMessageId)
  expect((await clinic.post(known, signed(known))).status).toBe(200)
  expect(await clinic.row()).toMatchObject({ deliveryDetail: { read: new Date(now) } })
  // One that nobody knows is looked for twice, and then left out.
  const unknown = of('nobody')
  let status = 0
  const asked = clinic.post(unknown, signed(unknown)).then((answer) => {
    status = answer.status
  })
  await expect
    .poll(async () => {
      await clinic.clock.advance(500)
      return status
    })
    .toBe(200)
  await asked
})
