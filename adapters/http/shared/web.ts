import { answeredBefore, collectBody, unreadableBody } from '../../../src/http/body.ts'
import type { HttpBody, Notifications } from '../../../src/index.ts'

/**
 * What to do with a body that has been read before: `again` returns its bytes, or null; otherwise the error shows `remedy`. `isAnswered`: the
 * request already has a response from elsewhere, so the body is gone.
 */
export type ReadBefore = {
  readonly again?: () => Promise<ArrayBuffer | null>
  /** The fields of a form that was parsed, where it was one; null: it was none. */
  readonly form?: () => Promise<FormData | null>
  readonly isAnswered?: () => boolean
  readonly remedy: string
}

/** Answers a web request whose path below the mount point is `path`. */
export async function answerFetch(
  library: Pick<Notifications, 'handle'>,
  request: Request,
  path: string,
  native: unknown,
  { again, form, isAnswered, remedy }: ReadBefore,
): Promise<Response> {
  const readBody = async (limit: number): Promise<HttpBody> => {
    if (isAnswered?.()) throw answeredBefore()
    if (request.body !== null && !request.bodyUsed && !request.body.locked) {
      return { kind: 'bytes', bytes: await collectBody(chunksOf(request.body), limit) }
    }
    if (!announcesBody(request)) return { kind: 'bytes', bytes: new Uint8Array() }
    const bytes = (await again?.().catch(() => null)) ?? null
    const fields = bytes === null ? ((await form?.().catch(() => null)) ?? null) : null
    if (fields !== null) return { kind: 'parsed', value: fieldsOf(fields), bytes: null }
    if (bytes === null) throw unreadableBody(remedy)
    return { kind: 'bytes', bytes: new Uint8Array(bytes) }
  }
  const { search, host } = new URL(request.url)
  const { status, headers, body } = await library.handle({
    method: request.method,
    path,
    query: search.slice(1),
    // Not every runtime lists the Host header.
    headers: { host, ...Object.fromEntries(request.headers) },
    native,
    readBody,
  })
  return new Response(body, { status, headers })
}

/** By name; a field that is there several times is a list. */
const fieldsOf = (form: FormData): Readonly<Record<string, readonly unknown[]>> =>
  Object.fromEntries([...new Set(form.keys())].map((name) => [name, form.getAll(name)]))

/** Over HTTP/2 a body may come without a length; then only its type announces it. */
function announcesBody({ headers }: Request): boolean {
  const length = headers.get('content-length')
  return length === null ? headers.has('transfer-encoding') || headers.has('content-type') : length !== '0'
}

/** Uses a reader, because streams are not iterable in every runtime. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value
  } finally {
    await reader.cancel().catch(() => {})
  }
}
