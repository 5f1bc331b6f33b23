import { collectBody, type HttpBody, type Notifications } from '../../../src/index.ts'

/** Answers a web request whose path below the mount point is `path`. `readAgain`: gives the bytes where they were read before. */
export async function answerFetch(
  library: Pick<Notifications, 'handle'>,
  request: Request,
  path: string,
  native: unknown,
  readAgain?: () => Promise<ArrayBuffer>,
): Promise<Response> {
  const readBody = async (limit: number): Promise<HttpBody> => {
    if (request.bodyUsed && readAgain !== undefined) return { kind: 'bytes', bytes: new Uint8Array(await readAgain()) }
    // A body in use throws in the stream, and is told as one that cannot be read.
    return {
      kind: 'bytes',
      bytes: request.body === null ? new Uint8Array() : await collectBody(chunksOf(request), limit),
    }
  }
  const { status, headers, body } = await library.handle({
    method: request.method,
    path,
    query: new URL(request.url).search.slice(1),
    headers: Object.fromEntries(request.headers),
    native,
    readBody,
  })
  return new Response(body, { status, headers })
}

/** By a reader, because not every runtime makes its streams iterable. */
async function* chunksOf({ body }: Request): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader()
  if (reader === undefined) return
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value
  } finally {
    await reader.cancel().catch(() => {})
  }
}
