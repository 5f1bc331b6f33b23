import { createServer } from 'node:net'

/** Outside of the ports that systems give to whoever asks for any: nobody gets one by chance between two starts of a server. */
const first = 20_000
const count = 10_000

/** A port on loopback that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = first + Math.floor(Math.random() * count)
    if (await isFree(port)) return port
  }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
