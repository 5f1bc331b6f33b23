import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { TransportError } from '../../../src/index.ts'
import { account, answered, failureOf, wordOf } from './failures.ts'

export type Route = {
  /** At least one, in the order in which they are tried. */
  readonly addresses: readonly string[]
  readonly port: number
  /** TLS from the start; null: the connection begins in the clear. */
  readonly tls: ConnectionOptions | null
  /** For connecting to any of the addresses, TLS included, in ms. */
  readonly connectionTimeoutMs: number
  /** For the first line of a server, in ms. */
  readonly greetingTimeoutMs: number
}

/** Opens a connection whose server has greeted. */
export type Dial = (signal: AbortSignal) => Promise<Socket>

/** Like Postfix: two servers that take the connection and then do not greet are enough to believe it of the others. */
export const mostSessions = 2

/**
 * Tries the addresses one after the other, each for its share of the time that is left, until one greets: a host whose
 * first address refuses, is silent or unwell is reached by its second. The one that worked is tried first from then on.
 * @returns a function that rejects with a `TransportError` of scope `account`: the failure that came furthest.
 */
export function createDialer(route: Route): Dial {
  let order = route.addresses
  return async (signal) => {
    let left = route.connectionTimeoutMs
    let furthest: Attempt | null = null
    let sessions = 0
    for (const [index, address] of order.entries()) {
      const attempt = new Attempt(route, address)
      const connected = await attempt.connect(left / (order.length - index), signal)
      left -= attempt.tookMs
      if (connected && (await attempt.greet(signal))) {
        order = [address, ...order.filter((other) => other !== address)]
        return attempt.socket
      }
      if (signal.aborted) break
      if (furthest === null || attempt.progress > furthest.progress) furthest = attempt
      if (connected) sessions += 1
      if (sessions === mostSessions) break
    }
    throw furthest?.failure ?? failureOf(null, { begun: false, aborted: true })
  }
}

class Attempt {
  readonly #route: Route
  socket: Socket
  failure: TransportError | null = null
  /** 0: no connection. 1: connected, no TLS. 2: it would have been for the server to greet. */
  progress = 0
  tookMs = 0

  constructor(route: Route, address: string) {
    this.#route = route
    this.socket = connect({ host: address, port: route.port })
    // Errors are seen by whoever waits; one that comes in between must not end the process.
    this.socket.on('error', () => {})
  }

  /** Never rejects; false: see `failure`. */
  async connect(ms: number, signal: AbortSignal): Promise<boolean> {
    const startedAt = performance.now()
    const { limit, lift } = limited(ms, signal)
    try {
      await once(this.socket, 'connect', { signal: limit })
      this.progress = 1
      if (this.#route.tls !== null) {
        this.socket = connectTls({ ...this.#route.tls, socket: this.socket })
        this.socket.on('error', () => {})
        await once(this.socket, 'secureConnect', { signal: limit })
      }
      this.progress = 2
      return true
    } catch (error) {
      return this.#fail(limit.aborted ? silent('connect') : this.#unconnected(codeOf(error)))
    } finally {
      lift()
      this.tookMs = performance.now() - startedAt
    }
  }

  /** Never rejects; false: see `failure`. What the server said is left for the reader of the connection. */
  async greet(signal: AbortSignal): Promise<boolean> {
    const { limit, lift } = limited(this.#route.greetingTimeoutMs, signal)
    const greeting = await firstLine(this.socket, limit)
    lift()
    if (/^220[ -]/.test(greeting)) return true
    if (limit.aborted) return this.#fail(silent('greet'))
    const [reply] = /^[45]\d\d(?=[ -]|$)/.exec(greeting) ?? []
    if (reply !== undefined) return this.#fail(answered(Number(reply), greeting, 'connect'))
    if (greeting === '') return this.#fail(failureOf({ code: 'ECONNECTION' }, { begun: false, aborted: false }))
    return this.#fail(account('The service at this host and port is not a mail server.', 'smtp_protocol'))
  }

  #fail(failure: TransportError): false {
    this.failure = failure
    this.socket.destroy()
    return false
  }

  #unconnected(code: string | null): TransportError {
    if (this.progress === 0 || this.#route.tls === null) {
      const word = wordOf(code)
      return account(`Connecting to the mail server failed (${word.slice('smtp_'.length)}). ${checkPlace}`, word)
    }
    if (/CERT|SIGNATURE/.test(code ?? '')) return failureOf({ code }, { begun: false, aborted: false })
    if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
      return account(plain, 'smtp_plain')
    }
    return account(`Connecting to the mail server over TLS failed. ${checkPlace}`, 'smtp_tls')
  }
}

const checkPlace = 'Check the host and the port.'

const plain =
  'The mail server does not use TLS on a port where it was expected. Check the port: 465 usually uses TLS from the start, 587 and 25 do not (they use STARTTLS).'

const silent = (at: 'connect' | 'greet'): TransportError =>
  account(
    at === 'connect'
      ? `Connecting to the mail server took too long. ${checkPlace}`
      : 'The mail server accepted the connection but did not greet in time. A server that uses TLS from the start waits like this for a client that does not: check the port, and the security of the account.',
    'smtp_timedout',
  )

/** Aborted with the signal, or when the time is over. */
function limited(ms: number, signal: AbortSignal): { readonly limit: AbortSignal; lift(): void } {
  const end = new AbortController()
  const timer = setTimeout(() => end.abort(), ms)
  return { limit: AbortSignal.any([signal, end.signal]), lift: () => clearTimeout(timer) }
}

/** What comes until the first line is whole, the connection ends, or the limit is reached; put back to be read again. */
async function firstLine(socket: Socket, limit: AbortSignal): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const chunks: Buffer[] = []
  let length = 0
  const take = (chunk: Buffer) => {
    chunks.push(chunk)
    length += chunk.length
    if (chunk.includes('\n') || length > 4096) resolve()
  }
  const done = () => resolve()
  socket.on('data', take).once('end', done).once('error', done).once('close', done)
  limit.addEventListener('abort', done)
  if (limit.aborted || socket.destroyed) done()
  await promise
  socket.pause()
  socket.off('data', take).off('end', done).off('error', done).off('close', done)
  limit.removeEventListener('abort', done)
  const read = Buffer.concat(chunks)
  if (read.length > 0 && !socket.destroyed && !socket.readableEnded) socket.unshift(read)
  return read.toString('latin1')
}

const codeOf = (error: unknown): string | null => {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : null
  return typeof code === 'string' ? code : null
}
