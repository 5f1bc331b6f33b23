import type { ClientRequest } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/** One request to a provider, with what was observed of it. */
export type Call = {
  readonly signal: AbortSignal
  readonly now: () => Date
  /** The recipient's number; null: the request sends no message. */
  readonly to: string | null
  /** Whether any part of the request may have left this machine. Before that, nothing can have been accepted. */
  begun: boolean
  response: { readonly status: number; readonly retryAfter: unknown } | null
}

/** Calls back when the first byte of the request may leave this machine; before that, nothing can have been accepted. */
export function whenBegun(request: ClientRequest, begin: () => void): void {
  request.once('socket', (socket: Socket) => {
    // TLS sends nothing of ours before the certificate is verified. A reused connection has done that already.
    if (socket instanceof TLSSocket && socket.getFinished() === undefined) socket.once('secureConnect', begin)
    else if (socket.connecting) socket.once('connect', begin)
    else begin()
  })
}
