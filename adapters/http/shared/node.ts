import type { IncomingMessage, ServerResponse } from 'node:http'
import { collectBody, type HttpBody, type HttpRequest, type HttpResponse } from '../../../src/index.ts'

/** A request of Node's own server, or of a framework that extends it. `url` begins below the mount point. */
export function fromNode(
  raw: IncomingMessage,
  url: string,
  native: unknown,
  readBody: HttpRequest['readBody'],
): HttpRequest {
  const [path = '/', ...query] = url.split('?')
  const headers: Record<string, string | undefined> = {}
  for (const [name, value] of Object.entries(raw.headers))
    headers[name] = Array.isArray(value) ? value.join(', ') : value
  return { method: raw.method ?? 'GET', path, query: query.join('?'), headers, native, readBody }
}

/** Reads a body that nobody read before. */
export async function readNode(stream: IncomingMessage, limit: number): Promise<HttpBody> {
  try {
    // Leaving the loop must not destroy the stream: its socket has to carry the answer.
    const chunks = stream.iterator({ destroyOnReturn: false })
    return { kind: 'bytes', bytes: await collectBody(chunks, limit) }
  } catch (error) {
    // A client that is still sending reads the answer only after it is done.
    stream.resume()
    throw error
  }
}

/** Writes an answer whole, or not at all where the client is gone. */
export function writeNode(response: ServerResponse, { status, headers, body }: HttpResponse): void {
  if (response.destroyed || response.headersSent) return
  response.writeHead(status, headers)
  response.end(body ?? undefined)
}

/** The segments of `url` below a mount point of as many segments as `mount` has; its parameters may be anything. */
export function belowMount(url: string, mount: string): string {
  const [path = '/', ...query] = url.split('?')
  const depth = mount.split('/').filter((segment) => segment !== '').length
  const below = `/${path
    .split('/')
    .slice(1 + depth)
    .join('/')}`
  return query.length === 0 ? below : `${below}?${query.join('?')}`
}
