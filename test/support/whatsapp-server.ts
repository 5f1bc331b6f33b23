/**
 * A real HTTP server on the loopback interface that answers as Meta's Cloud API does, keeps the messages and misbehaves when told to.
 * What it takes and answers is as in Meta's OpenAPI description: github.com/facebook/openapi, business-messaging-api_v23.0.yaml.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text as readText } from 'node:stream/consumers'
import { z } from 'zod'

/** `LanguageObject`, `TextParameter`, `BodyComponent`, `TemplateObject`: the parts that a template with texts has. */
const language = z.strictObject({ policy: z.literal('deterministic'), code: z.string().min(1) })
const textParameter = z.strictObject({
  type: z.literal('text'),
  parameter_name: z
    .string()
    .regex(/^[a-z0-9_]+$/)
    .optional(),
  // Refused with 132018 or 132012: line breaks, tabs, and runs of more than four blanks.
  text: z
    .string()
    .min(1)
    .max(32_768)
    .regex(/^(?!.*(?:[\n\t]| {5}))/s),
})
const bodyComponent = z.strictObject({ type: z.literal('body'), parameters: z.array(textParameter).min(1) })
const template = z.strictObject({
  name: z.string().regex(/^[a-z0-9_]{1,512}$/),
  language,
  components: z.array(bodyComponent).max(1).optional(),
})
/**
 * `TemplateMessage`, with `BaseMessageProperties`. These fields are younger than the description, which allows more of them:
 * `recipient` in place of `to` for a business-scoped user id, `biz_opaque_callback_data`, and `parameter_name` of a text.
 */
export const templateMessage = z
  .strictObject({
    messaging_product: z.literal('whatsapp'),
    recipient_type: z.enum(['individual', 'group']),
    to: z.string().regex(/^\+?[1-9]\d{6,14}$/),
    type: z.literal('template'),
    template,
    biz_opaque_callback_data: z.string().max(512).optional(),
  })
  .or(
    z.strictObject({
      messaging_product: z.literal('whatsapp'),
      recipient_type: z.enum(['individual', 'group']),
      recipient: z.string().regex(/^[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}$/),
      type: z.literal('template'),
      template,
      biz_opaque_callback_data: z.string().max(512).optional(),
    }),
  )
/** `TextMessage`, of at most 4096 characters. */
export const textMessage = z.strictObject({
  messaging_product: z.literal('whatsapp'),
  recipient_type: z.literal('individual'),
  to: z
    .string()
    .regex(/^\+?[1-9]\d{6,14}$/)
    .optional(),
  recipient: z
    .string()
    .regex(/^[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}$/)
    .optional(),
  type: z.literal('text'),
  text: z.strictObject({ body: z.string().min(1).max(4096), preview_url: z.boolean() }),
  biz_opaque_callback_data: z.string().max(512).optional(),
})
export type ReceivedText = z.infer<typeof textMessage> & { readonly id: string }

export type ReceivedTemplate = z.infer<typeof templateMessage> & { readonly id: string; readonly path: string }

/** An answer to give in place of the right one; `code`: an error of the Graph API. */
export type WhatsAppAnswer = {
  readonly status: number
  readonly code?: number
  readonly subcode?: number
  readonly isTransient?: boolean
  readonly text?: string
  /** In place of the JSON body that Meta sends. */
  readonly body?: string
  readonly retryAfter?: string
}

/** Where it misbehaves. `request`: the message is not kept. `accepted`: it is kept, and the answer is at fault. */
export type WhatsAppFault = {
  readonly at: 'request' | 'accepted'
  readonly how: WhatsAppAnswer | 'drop' | 'drop-answer' | 'silent'
}

export type WhatsAppServerSettings = {
  readonly credentials?: { readonly phoneNumberId: string; readonly token: string }
  /** What is approved, by name: in which languages, and with how many variables. Default: everything. */
  readonly approved?: Readonly<Record<string, { readonly languages: readonly string[]; readonly variables: number }>>
  readonly messageStatus?: 'accepted' | 'held_for_quality_assessment' | 'paused'
  readonly fault?: WhatsAppFault | null
}

export async function startWhatsAppServer(settings: WhatsAppServerSettings = {}) {
  const { credentials, approved, messageStatus } = settings
  const messages: ReceivedTemplate[] = []
  const texts: ReceivedText[] = []
  const heard = new Set<string>()
  const requests: string[] = []
  const state: { fault: WhatsAppFault | null } = { fault: settings.fault ?? null }

  function failed(at: WhatsAppFault['at'], response: ServerResponse): boolean {
    if (state.fault?.at !== at) return false
    const { how } = state.fault
    if (how === 'drop') response.destroy()
    else if (how === 'drop-answer') {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 500 })
      response.write('{"messaging_product', () => response.destroy())
    } else if (how !== 'silent') answer(response, how)
    return true
  }

  async function answerTo(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const raw = await readText(request)
    const path = request.url ?? ''
    requests.push(`${request.method} ${path}`)
    if (failed('request', response)) return
    const [, id, resource] = /^\/v\d+\.\d+\/(\d+)(\/messages)?$/.exec(path) ?? []
    if (request.headers.authorization !== `Bearer ${credentials?.token ?? request.headers.authorization?.slice(7)}`) {
      return answer(response, { status: 401, code: 190, text: 'Invalid OAuth access token' })
    }
    if (id === undefined || (credentials !== undefined && id !== credentials.phoneNumberId)) {
      return answer(response, { status: 400, code: 100, subcode: 33, text: 'Unsupported request' })
    }
    if (resource === undefined) return json(response, 200, { id, verified_name: 'Clinic', quality_rating: 'GREEN' })
    const free = textMessage.safeParse(parsed(raw))
    if (free.success) {
      const to = free.data.to ?? free.data.recipient ?? ''
      if (!heard.has(to)) return answer(response, { status: 400, code: 131047, text: 'Re-engagement message' })
      const id = `wamid.T${texts.length + 1}`
      texts.push({ ...free.data, id })
      return json(response, 200, { messaging_product: 'whatsapp', contacts: [{ input: to }], messages: [{ id }] })
    }
    const read = templateMessage.safeParse(parsed(raw))
    const isJson = request.headers['content-type'] === 'application/json'
    if (request.method !== 'POST' || !isJson || !read.success) return answer(response, { status: 400, code: 100 })
    const refusal = refusalOf(read.data.template, approved)
    if (refusal !== null) return answer(response, refusal)
    const message = { ...read.data, id: `wamid.${Buffer.from(String(messages.length + 1)).toString('base64')}`, path }
    messages.push(message)
    if (failed('accepted', response)) return
    const input = 'to' in message ? message.to : message.recipient
    const contact = 'to' in message ? { input, wa_id: input.replace('+', '') } : { input, user_id: input }
    const about = { id: message.id, ...(messageStatus && { message_status: messageStatus }) }
    json(response, 200, { messaging_product: 'whatsapp', contacts: [contact], messages: [about] })
  }

  const server = createServer((request, response) => {
    // Clients that vanish in the middle of a request are what the tests are about.
    answerTo(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port')
  return {
    /** What `whatsappCloud({ baseUrl })` and WHATSAPP_API_BASE_URL take. */
    baseUrl: `http://127.0.0.1:${address.port}`,
    /** What was accepted, in order of arrival; a living array. */
    messages,
    /** The same of free text. */
    texts,
    /** Who wrote within 24 hours: free text to anybody else is refused. */
    heard,
    /** Whatever became of them; a living array. */
    requests,
    get fault() {
      return state.fault
    },
    set fault(next: WhatsAppFault | null) {
      state.fault = next
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
export type WhatsAppTestServer = Awaited<ReturnType<typeof startWhatsAppServer>>

function refusalOf(
  { name, language: { code }, components = [] }: z.infer<typeof template>,
  approved: WhatsAppServerSettings['approved'],
): WhatsAppAnswer | null {
  if (approved === undefined) return null
  const known = Object.hasOwn(approved, name) ? approved[name] : undefined
  if (!known?.languages.includes(code)) return { status: 404, code: 132001 }
  return (components[0]?.parameters.length ?? 0) === known.variables ? null : { status: 400, code: 132000 }
}

function parsed(raw: string): unknown {
  try {
    return JSON.parse(raw)
  } catch {
    return null
  }
}

function answer(response: ServerResponse, how: WhatsAppAnswer): void {
  const { status, code, subcode, isTransient, text = 'told to fail', body, retryAfter } = how
  if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter)
  if (body !== undefined) return void response.writeHead(status, { 'content-type': 'text/html' }).end(body)
  const details = { messaging_product: 'whatsapp', details: text }
  const error = { message: text, type: 'OAuthException', code, error_data: details, fbtrace_id: 'Az8or2yhqkZfEZ' }
  json(response, status, {
    error: {
      ...error,
      ...(subcode && { error_subcode: subcode }),
      ...(isTransient !== undefined && { is_transient: isTransient }),
    },
  })
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
