import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { type Transport, TransportError } from '../../src/index.ts'
import { appointmentOf } from './host.ts'

export type Received = { readonly at: number; readonly appointmentId: number; readonly worker: string }

/**
 * A provider as plain as can be: a line in, a line out. It counts what arrives outside the workers, and is fast enough not
 * to be what is measured.
 */
export async function startRelay() {
  const received: Received[] = []
  const server = createServer((socket) => {
    createInterface(socket).on('line', (line) => {
      const [to = '', worker = ''] = line.split(' ')
      received.push({ at: Date.now(), appointmentId: appointmentOf(to), worker })
      socket.write('ok\n')
    })
    socket.on('error', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('the relay has no port')
  return {
    port: address.port,
    received,
    stop: () => server.close(),
  }
}

/** Sends through the relay, one line at a time over one connection. */
export function relayTransport(port: number, worker: string): Transport {
  const waiting: ((accepted: boolean) => void)[] = []
  let socket: Socket | undefined
  const open = () => {
    if (socket !== undefined) return socket
    const made = connect(port, '127.0.0.1')
    made.setNoDelay(true)
    createInterface(made).on('line', () => waiting.shift()?.(true))
    made.on('error', () => made.destroy())
    made.on('close', () => {
      for (const answer of waiting.splice(0)) answer(false)
      socket = undefined
    })
    socket = made
    return made
  }
  return {
    name: 'relay',
    channels: ['EMAIL'],
    needsAccount: false,
    concurrency: 200,
    async send({ to }) {
      const accepted = await new Promise<boolean>((resolve) => {
        const line = open()
        waiting.push(resolve)
        line.write(`${to} ${worker}\n`)
      })
      if (accepted) return { messageId: null }
      throw new TransportError('The relay went away.', { outcome: 'unknown', code: 'relay_gone' })
    },
    async close() {
      socket?.end()
    },
  }
}
