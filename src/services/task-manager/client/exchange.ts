import { retryAfterMsOf } from '../../../domain/retry.ts'
import { NoResponse, type Target, unusable } from './failures.ts'

export type Request = Target & {
  /** With its leading `?`. Not shown in errors. */
  readonly query?: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export type Answer = {
  readonly status: number
  /** Undefined if there is none, or it is not JSON. */
  readonly body: unknown
}

export type ExchangeOptions = {
  readonly fetch: typeof globalThis.fetch
  readonly maxResponseBytes: number
  readonly signal: AbortSignal
  readonly now: Date
}

/**
 * Sends one request and reads its response.
 * @throws NoResponse for network errors, timeouts, 408, 429 and 5xx; NotificationError `task_manager_invalid` for a response
 * that is too large. Neither contains anything of the request except method and URL.
 */
export async function exchange(request: Request, options: ExchangeOptions): Promise<Answer> {
  const { signal } = options
  let onAbort = () => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(noResponse(signal.reason))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    // A custom fetch may ignore the signal.
    return await Promise.race([ask(request, options), aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

async function ask(request: Request, { fetch, signal, now, maxResponseBytes }: ExchangeOptions): Promise<Answer> {
  const { method, url, query = '', headers, body } = request
  try {
    const response = await fetch(`${url}${query}`, {
      method,
      headers,
      signal,
      // A redirect would send the token and the payload elsewhere.
      redirect: 'manual',
      ...(body === undefined ? {} : { body }),
    })
    const { status } = response
    if (status === 408 || status === 429 || status >= 500) {
      await response.body?.cancel()
      const retryAfterMs = retryAfterMsOf(response.headers.get('retry-after') ?? undefined, now.getTime())
      throw new NoResponse(`it answered ${status}`, retryAfterMs)
    }
    const text = await readAtMost(response, maxResponseBytes)
    if (text === null) throw unusable(request, `more than ${maxResponseBytes} bytes`)
    return { status, body: parsed(text) }
  } catch (error) {
    throw error instanceof Error && error.name === 'NotificationError' ? error : noResponse(error)
  }
}

/** Null if it is longer; the rest is not read. */
async function readAtMost(response: Response, limit: number): Promise<string | null> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength
    if (length > limit) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Error codes for a connection that was never established. */
const unconnected: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection broke',
  UND_ERR_SOCKET: 'the connection broke',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name could not be looked up',
  ETIMEDOUT: 'no connection in time',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
}

/** Keeps only the code of a failed fetch. Its errors may contain the request with token and payload, so none becomes a `cause`. */
function noResponse(error: unknown): NoResponse {
  if (error instanceof NoResponse) return error
  if (error instanceof Error && error.name === 'TimeoutError') return new NoResponse('no answer in time')
  const code = codeOf(error)
  if (code === null) return new NoResponse('the connection failed')
  return new NoResponse(`${words[code] ?? 'the connection failed'} (${code})`, undefined, unconnected.has(code))
}

/** The first code in the chain of causes: undici throws "fetch failed" with the reason as its cause, and for several addresses one below it for each. */
function codeOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null
  const code = Reflect.get(error, 'code')
  if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(code)) return code
  return codeOf(error.cause)
}
