import { once } from 'node:events'
import { createServer, connect as dial, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

/** One end of a connection: the client that dialled the proxy, or the server behind it. */
export type Side = 'client' | 'server'

export type TcpProxy = {
  readonly port: number
  /** Connections that are open. */
  readonly open: number
  /** Connections made so far. */
  readonly made: number
  /** Silence: neither bytes nor ends are forwarded, and new connections get nowhere. `heal()` forwards what was held. */
  blackhole(): void
  /** Silence for good on the connections of now, as by a NAT that forgot them, whatever heals. New ones work. */
  strand(): void
  /** Forwards each piece this much later, in order. */
  delay(ms: number): void
  /** Forwards one byte at a time, each this much after the one before. */
  slow(msPerByte: number): void
  /** Breaks the connections of now with a reset at both ends. New ones work. */
  reset(): void
  /** Ends the connections of now towards one side only; what that side still sends is forwarded. */
  halfClose(side: Side): void
  /** Forwards at once again. */
  heal(): void
  stop(): Promise<void>
}

type Link = { readonly client: Socket; server: Socket | null; isStranded: boolean }

/**
 * Stands between a client and a server and does what networks do. It runs in the process that opens it; clients of other
 * processes can use it too. Its times are real, because sockets know no others.
 */
export async function openTcpProxy(target: { readonly host?: string; readonly port: number }): Promise<TcpProxy> {
  const links = new Set<Link>()
  let made = 0
  let healed = Promise.withResolvers<void>()
  let isSilent = false
  let delayMs = 0
  let byteMs = 0

  async function allowed(link: Link): Promise<void> {
    while (isSilent) await healed.promise
    if (link.isStranded) await new Promise<never>(() => {})
  }

  async function forward(link: Link, from: Socket, to: Socket): Promise<void> {
    try {
      for await (const piece of from) {
        if (delayMs > 0) await wait(delayMs)
        const pieces = byteMs > 0 ? Array.from(piece, (byte: number) => Buffer.of(byte)) : [piece]
        for (const bytes of pieces) {
          if (byteMs > 0) await wait(byteMs)
          await allowed(link)
          if (to.writable && !to.write(bytes)) await Promise.race([once(to, 'drain'), once(to, 'close')])
        }
      }
      await allowed(link)
      to.end()
    } catch {
      // One side broke: so does the other, as soon as word of it can get through.
      await allowed(link)
      to.resetAndDestroy()
    }
  }

  async function join(client: Socket): Promise<void> {
    made += 1
    const link: Link = { client, server: null, isStranded: false }
    links.add(link)
    // An error ends the loop that reads from the socket; nobody else needs to hear of it.
    client.on('error', () => {})
    await allowed(link)
    const server = dial({ host: target.host ?? '127.0.0.1', port: target.port, allowHalfOpen: true, noDelay: true })
    link.server = server
    server.on('error', () => {})
    for (const one of [client, server]) one.on('close', () => client.closed && server.closed && links.delete(link))
    await Promise.all([forward(link, client, server), forward(link, server, client)])
  }

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => void join(client))
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')

  return {
    port: address.port,
    get open() {
      return links.size
    },
    get made() {
      return made
    },
    blackhole() {
      if (isSilent) return
      isSilent = true
      healed = Promise.withResolvers()
    },
    strand() {
      for (const link of links) link.isStranded = true
    },
    delay(ms) {
      delayMs = ms
    },
    slow(msPerByte) {
      byteMs = msPerByte
    },
    reset() {
      for (const { client, server } of links) {
        client.resetAndDestroy()
        server?.resetAndDestroy()
      }
    },
    halfClose(side) {
      for (const link of links) link[side]?.end()
    },
    heal() {
      isSilent = false
      delayMs = 0
      byteMs = 0
      healed.resolve()
    },
    async stop() {
      const closed = once(listener, 'close')
      listener.close()
      for (const { client, server } of links) {
        client.destroy()
        server?.destroy()
      }
      await closed
    },
  }
}
