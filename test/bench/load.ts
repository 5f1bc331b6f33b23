/**
 * Load from a process of its own, over plain keep-alive sockets: a client library would cost more than the server it
 * measures. Every answer of one server has the same length, so answers are counted by their bytes.
 */
import { connect } from 'node:net'
import { z } from 'zod'

const order = z.object({ port: z.number(), path: z.string(), requests: z.number(), connections: z.number() })

function drive({ port, path, requests, connections }: z.infer<typeof order>): Promise<void> {
  const request = `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer bench\r\n\r\n`
  const each = Math.floor(requests / connections)
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(request))
      let length = 0
      let bytes = 0
      let answered = 0
      socket.on('error', reject)
      socket.on('data', (chunk) => {
        bytes += chunk.length
        if (length === 0) {
          const head = /^HTTP\/1\.1 200 [\s\S]*?\r\n\r\n/.exec(chunk.toString('latin1'))
          const body = /content-length: (\d+)/i.exec(head?.[0] ?? '')
          if (head === null || body === null)
            return reject(new Error(`unexpected answer: ${chunk.toString().slice(0, 200)}`))
          length = head[0].length + Number(body[1])
        }
        while (bytes >= length) {
          bytes -= length
          answered += 1
          if (answered === each) {
            socket.end()
            return resolve()
          }
          socket.write(request)
        }
      })
    })
  return Promise.all(Array.from({ length: connections }, one)).then(() => {})
}

process.on('message', (message) => {
  drive(order.parse(message)).then(
    () => process.send?.({ done: true }),
    (error) => process.send?.({ fault: String(error) }),
  )
})
process.on('disconnect', () => process.exit())
