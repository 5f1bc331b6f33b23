import { NotificationError } from '../errors.ts'
import type { BodyForm, RequestBody } from './body.ts'
import { readRawBody } from './body.ts'
import type { HttpRequest } from './messages.ts'

/** The fields of a form, as a page or a mail program sent it. */
export class SentForm {
  readonly #fields: ReadonlyMap<string, readonly string[]>

  constructor(entries: Iterable<readonly [string, unknown]>) {
    const fields = new Map<string, string[]>()
    for (const [name, value] of entries) {
      const known = fields.get(name) ?? []
      fields.set(name, known)
      // Files are none of our fields.
      for (const one of [value].flat()) if (typeof one === 'string') known.push(one)
    }
    this.#fields = fields
  }

  /** The first value of a field; null: it was not sent, as of a box that is not checked. */
  one(name: string): string | null {
    return this.#fields.get(name)?.[0] ?? null
  }

  all(name: string): readonly string[] {
    return this.#fields.get(name) ?? []
  }
}

/** No page has a form that is longer. */
export const formBody: BodyForm = { kind: 'form', limit: 32 * 1024 }

const isForm = /^(?:application\/x-www-form-urlencoded|multipart\/form-data)\b/i

/**
 * Reads a form, or takes what a parser of the host made of it.
 * @throws NotificationError as `readRawBody`, and `unsupported_media_type`.
 */
export async function readForm(request: HttpRequest, form: BodyForm): Promise<RequestBody> {
  const type = request.headers['content-type'] ?? ''
  let parsed: object | null = null
  const { bytes } = await readRawBody(
    {
      ...request,
      async readBody(limit) {
        const body = await request.readBody(limit)
        if (body.kind === 'bytes' || body.bytes !== null) return body
        if (typeof body.value === 'object') parsed = body.value
        return { kind: 'bytes', bytes: new Uint8Array(), decoded: true }
      },
    },
    form,
    () => parsed !== null,
  )
  if (parsed !== null) return { value: new SentForm(Object.entries(parsed)), bytes: null }
  if (bytes === null || bytes.byteLength === 0) return { value: new SentForm([]), bytes }
  if (!isForm.test(type)) throw unsupported()
  try {
    const fields = await new Response(Buffer.from(bytes), { headers: { 'content-type': type } }).formData()
    return { value: new SentForm(fields), bytes }
  } catch (cause) {
    throw new NotificationError('bad_request', 'The body is not a well-formed form.', { cause })
  }
}

const unsupported = (): NotificationError =>
  new NotificationError(
    'unsupported_media_type',
    'Send the body as "Content-Type: application/x-www-form-urlencoded" or "multipart/form-data".',
  )
