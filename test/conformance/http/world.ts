import type { HttpRequest, HttpResponse, Notifications, NotificationsOptions } from '../../../src/index.ts'
import { openClinic } from '../../support/clinic.ts'
import { callerHeader, type Furniture, furnish, now, options as usual, type WireRequest } from './requests.ts'

export * from './requests.ts'

/** A clinic with two organizations and all that rows speak of, as `furnish` makes it. */
export async function openWorld({ bare = false, channel, ...options }: Partial<NotificationsOptions> & Furniture = {}) {
  const clinic = await openClinic(now, { ...usual, ...options })
  return { ...clinic, ...(await furnish(clinic, { bare, channel })) }
}
export type World = Awaited<ReturnType<typeof openWorld>>

/** Asks the handler itself, without a framework. `body` may be text, to send what no serializer would write. */
export async function ask(library: Pick<Notifications, 'handle'>, request: WireRequest) {
  const { method, path, body, caller } = request
  const [pathname = '/', query = ''] = path.split('?')
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
  const headers: Record<string, string> = { 'content-type': 'application/json', ...request.headers }
  if (caller !== null) headers[callerHeader] = JSON.stringify(caller)
  const readBody: HttpRequest['readBody'] = async () => ({ kind: 'bytes', bytes: Buffer.from(text) })
  const response: HttpResponse = await library.handle({
    method,
    path: pathname,
    query,
    headers,
    native: null,
    readBody,
  })
  const isJson = /^application\/(?:problem\+)?json/.test(response.headers['content-type'] ?? '')
  const answer: unknown = response.body === null || !isJson ? response.body : JSON.parse(response.body)
  return { ...response, answer, text: response.body ?? '' }
}
