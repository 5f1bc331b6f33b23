import { isNotificationError, NotificationError } from '../errors.ts'
import type { HttpRequest } from './messages.ts'

/** The longest body the router reads, in bytes: 256 KiB. */
export const bodyLimit = 256 * 1024

export type RequestBody = {
  readonly value: unknown
  /** As they arrived, for signatures over them; null where the host parsed the body and kept no bytes. */
  readonly bytes: Uint8Array | null
}

/**
 * Reads a JSON body. An empty one is `{}`: every documented body is optional or names what it lacks.
 * @throws NotificationError `unsupported_media_type`, `payload_too_large`, `bad_request`.
 */
export async function readJsonBody(request: HttpRequest): Promise<RequestBody> {
  if (Number(request.headers['content-length'] ?? 0) > bodyLimit) throw tooLarge()
  const body = await request.readBody(bodyLimit)
  if (body.kind === 'parsed') {
    requireJson(request)
    // What the host parsed was not counted by us, and a chunked body names no length.
    const isCounted = request.headers['content-length'] !== undefined
    if (!isCounted && (body.bytes?.byteLength ?? lengthOf(body.value)) > bodyLimit) throw tooLarge()
    return body
  }
  const { bytes, decoded = false } = body
  if (bytes.byteLength > bodyLimit) throw tooLarge()
  if (bytes.byteLength === 0) return { value: {}, bytes }
  if (!decoded) requirePlain(request)
  requireJson(request)
  return { value: parse(bytes), bytes }
}

/**
 * Gathers the chunks of a body, for adapters. Reads no further than `limit` bytes, so that a chunked body of unknown
 * length costs no more than a short one.
 * @throws NotificationError `payload_too_large`; `bad_request` where the stream breaks, as when the client goes away.
 */
export async function collectBody(chunks: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of chunks) {
      length += chunk.byteLength
      if (length > limit) throw tooLarge()
      parts.push(chunk)
    }
  } catch (cause) {
    if (isNotificationError(cause)) throw cause
    throw new NotificationError('bad_request', 'The body could not be read to its end.', { cause })
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
}

const tooLarge = (): NotificationError =>
  new NotificationError('payload_too_large', `The body must be at most ${bodyLimit} bytes.`)

// No two neighbours match the same space: a long header of spaces costs its length, not its square.
const jsonType = /^application\/(?:[\w.+-]+\+)?json(?:\s*;\s*charset\s*=\s*"?utf-?8"?)?(?:\s*;)?\s*$/i

function requireJson({ headers }: HttpRequest): void {
  if (jsonType.test(headers['content-type'] ?? '')) return
  throw new NotificationError('unsupported_media_type', 'Send the body as "Content-Type: application/json" in UTF-8.')
}

/** Nothing is decompressed here: a few bytes could become any number of them. */
function requirePlain({ headers }: HttpRequest): void {
  const codings = (headers['content-encoding'] ?? '').split(',').map((coding) => coding.trim().toLowerCase())
  if (codings.every((coding) => coding === '' || coding === 'identity')) return
  throw new NotificationError('unsupported_media_type', 'Send the body uncompressed, without "Content-Encoding".')
}

/** Of a body as JSON. What nests so deep that it cannot be written is no body of ours. */
function lengthOf(value: unknown): number {
  try {
    return Buffer.byteLength(JSON.stringify(value) ?? '')
  } catch (cause) {
    throw new NotificationError('bad_request', 'The body cannot be written as JSON: it nests too deep.', { cause })
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch {
    // The parser's message quotes the body, which may hold a secret.
    throw new NotificationError('bad_request', 'The body is not well-formed JSON in UTF-8.')
  }
}
