import type { AddressInfo, Server } from 'node:net'

/** Where a server on port 0 listens, and how to end it with its connections. */
export async function listening(server: Server & { closeAllConnections?: () => void }) {
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on a port')
  return {
    origin: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections?.()
      }),
  }
}
