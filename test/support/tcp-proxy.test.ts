import { once } from 'node:events'
import { createServer, connect as dial, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { openTcpProxy } from './tcp-proxy.ts'

/** Long enough for loopback to bring what it would bring. */
const moment = () => wait(60)

/** A server that echoes behind a proxy, with what it saw of its connections. */
async function open() {
  const accepted: { socket: Socket; end: string | null }[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const seen: (typeof accepted)[number] = { socket, end: null }
    accepted.push(seen)
    socket.on('error', (error) => {
      seen.end = 'code' in error ? String(error.code) : error.name
    })
    socket.on('end', () => {
      seen.end = 'end'
    })
    socket.on('data', (bytes) => socket.write(bytes))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const proxy = await openTcpProxy({ port: typeof address === 'object' && address !== null ? address.port : 0 })
  const clients: Socket[] = []
  onTestFinished(async () => {
    await proxy.stop()
    for (const { socket } of accepted) socket.destroy()
    for (const client of clients) client.destroy()
    server.close()
  })
  const connect = () => {
    const client = dial({ port: proxy.port, allowHalfOpen: true })
    clients.push(client)
    const heard = { text: '', end: '' }
    client.on('data', (bytes) => {
      heard.text += bytes.toString()
    })
    client.on('end', () => {
      heard.end = 'end'
    })
    client.on('error', (error) => {
      heard.end = 'code' in error ? String(error.code) : error.name
    })
    return { client, heard }
  }
  return { proxy, accepted, connect }
}

it('forwards both ways, and both ends', async () => {
  const { proxy, accepted, connect } = await open()
  const { client, heard } = connect()
  client.end('hello')
  await expect.poll(() => accepted[0]?.end).toBe('end')
  accepted[0]?.socket.end()
  await expect.poll(() => heard).toEqual({ text: 'hello', end: 'end' })
  await expect.poll(() => proxy.open).toBe(0)
  expect(proxy.made).toBe(1)
})

it('forwards nothing in silence, not even a reset, and all of it when healed', async () => {
  const { proxy, accepted, connect } = await open()
  const one = connect()
  one.client.write('1')
  await expect.poll(() => one.heard.text).toBe('1')
  const other = connect()
  other.client.write('a')
  await expect.poll(() => other.heard.text).toBe('a')
  proxy.blackhole()
  one.client.write('2')
  other.client.resetAndDestroy()
  const late = connect()
  late.client.write('x')
  await moment()
  expect([one.heard, late.heard.text]).toEqual([{ text: '1', end: '' }, ''])
  expect(accepted.map(({ end }) => end)).toEqual([null, null])
  proxy.heal()
  await expect.poll(() => [one.heard.text, late.heard.text]).toEqual(['12', 'x'])
  await expect.poll(() => accepted.map(({ end }) => end)).toEqual([null, 'ECONNRESET', null])
})

it('leaves what it strands in silence for good, and serves those who come later', async () => {
  const { proxy, connect } = await open()
  const { client, heard } = connect()
  client.write('1')
  await expect.poll(() => heard.text).toBe('1')
  proxy.strand()
  proxy.heal()
  client.write('2')
  const late = connect()
  late.client.write('x')
  await expect.poll(() => late.heard.text).toBe('x')
  await moment()
  expect(heard).toEqual({ text: '1', end: '' })
})

it('resets both ends', async () => {
  const { proxy, accepted, connect } = await open()
  const { client, heard } = connect()
  client.write('1')
  await expect.poll(() => heard.text).toBe('1')
  proxy.reset()
  await expect.poll(() => [heard.end, accepted[0]?.end]).toEqual(['ECONNRESET', 'ECONNRESET'])
})

it('closes one half: the side that is told can still be heard', async () => {
  const { proxy, accepted, connect } = await open()
  const { client, heard } = connect()
  client.write('1')
  await expect.poll(() => heard.text).toBe('1')
  proxy.halfClose('client')
  await expect.poll(() => heard.end).toBe('end')
  let said = ''
  accepted[0]?.socket.on('data', (bytes) => {
    said += bytes.toString()
  })
  client.write('2')
  await expect.poll(() => said).toBe('2')
  expect(heard.text).toBe('1')
})

it('delays what it forwards, and lets single bytes drip', async () => {
  const { proxy, connect } = await open()
  const { client, heard } = connect()
  const took = async (text: string) => {
    const began = performance.now()
    const before = heard.text
    client.write(text)
    await expect.poll(() => heard.text, { interval: 2 }).toBe(before + text)
    return performance.now() - began
  }
  proxy.delay(80)
  expect(await took('there and back')).toBeGreaterThanOrEqual(155)
  proxy.heal()
  proxy.slow(10)
  expect(await took('0123456789')).toBeGreaterThanOrEqual(100)
})
