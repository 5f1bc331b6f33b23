import { MIMEType } from 'node:util'
import { isNotificationError, NotificationError } from '../errors.ts'
import type { HttpRequest } from './messages.ts'

/** The longest body a row takes by default, in bytes: 256 KiB. */
export const bodyLimit = 256 * 1024

/** The format of a row's body, and its limit in bytes. `raw`: the bytes as they are, whatever they are said to be. */
export type BodyForm = { readonly kind: 'json' | 'raw' | 'form'; readonly limit: number }
export const jsonBody: BodyForm = { kind: 'json', limit: bodyLimit }
/** The longest body that any row takes: providers gather reports, up to 3 MB in one request. */
export const longestBody = 3 * 1024 * 1024
export const rawBody: BodyForm = { kind: 'raw', limit: longestBody }

export type RequestBody = {
  readonly value: unknown
  /** As they arrived, for signatures over them; null where the host parsed the body and kept no bytes. */
  readonly bytes: Uint8Array | null
}

/**
 * Reads a JSON body. An empty body is read as `{}`: every documented body is optional, or validation names what is missing. A body
 * that was announced and did not arrive is never treated as empty.
 * @throws NotificationError `unsupported_media_type`, `payload_too_large`, `bad_request`, `body_unreadable`.
 */
export async function readJsonBody(request: HttpRequest, { limit }: BodyForm): Promise<RequestBody> {
  if (announcedLength(request) > limit) throw tooLarge(limit)
  const body = await request.readBody(limit)
  if (body.kind === 'parsed') {
    requireJson(request)
    // We did not count what the host parsed, and a chunked body announces no length.
    const isCounted = request.headers['content-length'] !== undefined
    if (!isCounted && (body.bytes?.byteLength ?? lengthOf(body.value)) > limit) throw tooLarge(limit)
    return body
  }
  const { bytes, decoded = false } = body
  if (bytes.byteLength > limit) throw tooLarge(limit)
  if (bytes.byteLength === 0) {
    if (announcedLength(request) > 0)
      throw unreadableBody('Something in front of them has consumed it, or has already responded.')
    return { value: {}, bytes }
  }
  if (!decoded) requirePlain(request)
  requireJson(request)
  const value = parse(bytes)
  if (value !== undefined) return { value, bytes }
  // A stream that the host put in place of the body may still be compressed.
  requirePlain(request)
  if (!decoded && announcedLength(request) > bytes.byteLength) {
    throw unreadableBody('Something in front of them has consumed part of it.')
  }
  // The parser's message would quote the body, which may hold a secret.
  throw new NotificationError('bad_request', 'The body is not well-formed JSON in UTF-8.')
}

/** What must be changed where a parser in front of the router has kept nothing but what it made of the body. */
const keepBytes =
  'A body parser has read it and kept no bytes, over which the signature of the provider is. Mount the notification router before any body parser, or let the parser keep the bytes as request.rawBody.'

/**
 * Reads a body as it is, for a signature over its bytes.
 * @throws NotificationError `payload_too_large`, `bad_request`, `body_unreadable`, `unsupported_media_type` for a compressed one.
 */
export async function readRawBody(
  request: HttpRequest,
  { limit }: BodyForm,
  isParsed: () => boolean = () => false,
): Promise<RequestBody> {
  if (announcedLength(request) > limit) throw tooLarge(limit)
  const body = await request.readBody(limit)
  const { bytes } = body
  if (isParsed()) return { value: bytes, bytes }
  if (bytes === null) throw unreadableBody(keepBytes)
  if (bytes.byteLength > limit) throw tooLarge(limit)
  if (bytes.byteLength === 0 && announcedLength(request) > 0) throw unreadableBody(keepBytes)
  if (body.kind === 'bytes' && body.decoded !== true) requirePlain(request)
  return { value: bytes, bytes }
}

/**
 * Collects the chunks of a body, for adapters. Reads no further than `limit` bytes, so that a chunked body of unknown
 * length costs no more than a short one.
 * @throws NotificationError `payload_too_large`; `bad_request` if the stream breaks, for example when the client disconnects.
 */
export async function collectBody(chunks: AsyncIterable<Uint8Array | string>, limit: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of chunks) {
      // Another reader may have set an encoding for the stream.
      const part = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      length += part.byteLength
      if (length > limit) throw tooLarge(limit)
      parts.push(part)
    }
  } catch (cause) {
    if (isNotificationError(cause)) throw cause
    throw new NotificationError('bad_request', 'The body could not be read to its end.', { cause })
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
}

/** For adapters: the host has consumed the body. `remedy`: what the host must change, included in the response. */
export const unreadableBody = (remedy: string): NotificationError =>
  new NotificationError('body_unreadable', `The notification endpoints did not get the body. ${remedy}`)

/** For adapters: the request already has a response from elsewhere, so its body is gone. This error reaches no client. */
export const answeredBefore = (): NotificationError =>
  new NotificationError('bad_request', 'The request was answered before its body was read.')

const tooLarge = (limit: number): NotificationError =>
  new NotificationError('payload_too_large', `The body must be at most ${limit} bytes.`)

const announcedLength = ({ headers }: HttpRequest): number => Number(headers['content-length'] ?? 0)

/** Parameters other than the charset are allowed, such as a version or a profile. */
function requireJson({ headers }: HttpRequest): void {
  if (isJson(headers['content-type'] ?? '')) return
  throw new NotificationError('unsupported_media_type', 'Send the body as "Content-Type: application/json" in UTF-8.')
}

function isJson(contentType: string): boolean {
  try {
    const { type, subtype, params } = new MIMEType(contentType)
    const isUtf8 = /^utf-?8$/i.test(params.get('charset') ?? 'utf-8')
    return isUtf8 && type === 'application' && (subtype === 'json' || subtype.endsWith('+json'))
  } catch {
    return false
  }
}

/** Nothing is decompressed here: a few bytes could expand without limit. */
function requirePlain({ headers }: HttpRequest): void {
  const codings = (headers['content-encoding'] ?? '').split(',').map((coding) => coding.trim().toLowerCase())
  if (codings.every((coding) => coding === '' || coding === 'identity')) return
  throw new NotificationError('unsupported_media_type', 'Send the body uncompressed, without "Content-Encoding".')
}

/** The length of a parsed body as JSON. @throws NotificationError `bad_request` if it is nested too deeply to be written. */
function lengthOf(value: unknown): number {
  try {
    return Buffer.byteLength(JSON.stringify(value) ?? '')
  } catch (cause) {
    throw new NotificationError('bad_request', 'The body cannot be written as JSON: it is nested too deeply.', {
      cause,
    })
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Undefined, which no JSON text parses to, if it is not well-formed. */
function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch {
    return undefined
  }
}
