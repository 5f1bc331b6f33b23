import type { ClientRequest } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { fieldOf, text } from './json.ts'

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

/**
 * Why a connection failed, to be written behind a sentence: ` (ENOTFOUND)`, or nothing where the system gave no code. Of an error, only
 * this code may be shown: its message can hold the request.
 */
export function systemCodeOf(error: unknown): string {
  const codes = [text(error, 'code'), text(fieldOf(error, 'cause'), 'code')]
  const code = codes.find(
    (one) => one !== null && /^(?:E[A-Z]|UND_ERR_|CERT_|DEPTH_|SELF_SIGNED_|UNABLE_)[A-Z_\d]*$/.test(one),
  )
  return code === undefined ? '' : ` (${code})`
}
