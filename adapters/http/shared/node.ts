import type { IncomingMessage, ServerResponse } from 'node:http'
import { answeredBefore, collectBody, unreadableBody } from '../../../src/http/body.ts'
import type { HttpBody, HttpRequest, HttpResponse } from '../../../src/index.ts'

/** A body as kept by hosts: parsed, and its bytes. */
export type Kept = { body?: unknown; rawBody?: unknown }

/** A request of Node's own server, or of a framework that extends it. `url` begins below the mount point. */
export function fromNode(
  raw: IncomingMessage,
  url: string,
  native: unknown,
  readBody: HttpRequest['readBody'],
): HttpRequest {
  const [path = '/', ...query] = originForm(url).split('?')
  const headers: Record<string, string | undefined> = {}
  for (const [name, value] of Object.entries(raw.headers))
    headers[name] = Array.isArray(value) ? value.join(', ') : value
  const sender = senderOf(native) ?? raw.socket.remoteAddress
  return { method: raw.method ?? 'GET', path, query: query.join('?'), headers, sender, native, readBody }
}

/** Express and Fastify know which proxies the host trusts. */
function senderOf(native: unknown): string | null {
  const ip: unknown = typeof native === 'object' && native !== null ? Reflect.get(native, 'ip') : null
  return typeof ip === 'string' ? ip : null
}

/** Reads a body that has not been read before. */
export async function readNode(stream: IncomingMessage, limit: number): Promise<HttpBody> {
  try {
    // Leaving the loop must not destroy the stream: its socket is needed for the response.
    const chunks = stream.iterator({ destroyOnReturn: false })
    return { kind: 'bytes', bytes: await collectBody(chunks, limit) }
  } catch (error) {
    // A client that is still sending reads the response only when it is done.
    stream.resume()
    throw error
  }
}

/**
 * Reads the body, or if it has been read before, takes what the host kept of it.
 * @throws NotificationError `body_unreadable` with `remedy` if nothing was kept, and as `answeredBefore` and `collectBody`.
 */
export async function readOrTake(
  request: IncomingMessage,
  response: ServerResponse,
  places: readonly Kept[],
  limit: number,
  remedy: string,
): Promise<HttpBody> {
  // After the response, the server has discarded the body.
  if (response.writableEnded) throw answeredBefore()
  if (!request.readableDidRead) return readNode(request, limit)
  for (const place of places) {
    const kept = keptBody(request, place)
    if (kept !== null) return kept
  }
  throw unreadableBody(remedy)
}

/** What the host kept of a body it has read, decompressed; null if nothing usable. */
export function keptBody(request: IncomingMessage, { body, rawBody }: Kept): HttpBody | null {
  const bytes = bytesOf(rawBody)
  if (body === undefined || body === null || (typeof body === 'object' && isPlaceholder(request, body))) {
    return bytes === null ? null : { kind: 'bytes', bytes, decoded: true }
  }
  const unparsed = bytesOf(body)
  return unparsed === null ? { kind: 'parsed', value: body, bytes } : { kind: 'bytes', bytes: unparsed, decoded: true }
}

function bytesOf(kept: unknown): Uint8Array | null {
  if (kept instanceof Uint8Array) return kept
  return typeof kept === 'string' ? Buffer.from(kept) : null
}

/** The longest empty object that is accepted, with whitespace, in bytes. */
const emptyObjectLength = 4

/**
 * The parsers of Express 4 also leave `{}` for a body that they did not read to its end: it counts as the
 * body only if that may have been an empty object.
 */
function isPlaceholder({ headers }: IncomingMessage, body: object): boolean {
  if (Array.isArray(body) || Object.keys(body).length > 0) return false
  const length = headers['content-length']
  return length === undefined || Number(length) > emptyObjectLength
}

/** Writes a response completely, or not at all if the client is gone. */
export function writeNode(response: ServerResponse, { status, headers, body }: HttpResponse): void {
  if (response.destroyed || response.headersSent) return
  response.writeHead(status, headers)
  response.end(body ?? undefined)
}

/** The part of `url` below a mount point with as many segments as `mount`; parameters match anything. */
export function belowMount(url: string, mount: string): string {
  const [path = '/', ...query] = originForm(url).split('?')
  let depth = mount.split('/').filter((segment) => segment !== '').length
  const segments = path.split('/').slice(1)
  // A router that treats two slashes as one leaves an empty segment between them.
  while (depth > 0 && segments.length > 0) if (segments.shift() !== '') depth -= 1
  const below = `/${segments.join('/')}`
  return query.length === 0 ? below : `${below}?${query.join('?')}`
}

/** A request may name its server in its target (RFC 9112, 3.2.2), which does not matter for routing. */
const originForm = (url: string): string => url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '')
