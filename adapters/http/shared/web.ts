import { answeredBefore, collectBody, type HttpBody, type Notifications, unreadableBody } from '../../../src/index.ts'

/**
 * How a body is had that was read before: `again` gives its bytes, `remedy` is said where it cannot. `isAnswered`: somebody else has
 * answered, so that the body is gone.
 */
export type ReadBefore = {
  readonly again?: () => Promise<ArrayBuffer>
  readonly isAnswered?: () => boolean
  readonly remedy: string
}

/** Answers a web request whose path below the mount point is `path`. */
export async function answerFetch(
  library: Pick<Notifications, 'handle'>,
  request: Request,
  path: string,
  native: unknown,
  { again, isAnswered, remedy }: ReadBefore,
): Promise<Response> {
  const readBody = async (limit: number): Promise<HttpBody> => {
    if (isAnswered?.()) throw answeredBefore()
    if (request.body !== null && !request.bodyUsed && !request.body.locked) {
      return { kind: 'bytes', bytes: await collectBody(chunksOf(request.body), limit) }
    }
    if (!announcesBody(request)) return { kind: 'bytes', bytes: new Uint8Array() }
    if (again === undefined) throw unreadableBody(remedy)
    const bytes = await again().catch(() => null)
    if (bytes === null) throw unreadableBody(remedy)
    return { kind: 'bytes', bytes: new Uint8Array(bytes) }
  }
  const { search, host } = new URL(request.url)
  const { status, headers, body } = await library.handle({
    method: request.method,
    path,
    query: search.slice(1),
    // Not every runtime lists it.
    headers: { host, ...Object.fromEntries(request.headers) },
    native,
    readBody,
  })
  return new Response(body, { status, headers })
}

/** Over HTTP/2 a body may come without a length; then only its type speaks of it. */
function announcesBody({ headers }: Request): boolean {
  const length = headers.get('content-length')
  return length === null ? headers.has('transfer-encoding') || headers.has('content-type') : length !== '0'
}

/** By a reader, because not every runtime makes its streams iterable. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value
  } finally {
    await reader.cancel().catch(() => {})
  }
}
