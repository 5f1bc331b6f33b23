/** A real HTTP server on the loopback interface that answers as Twilio's API does, keeps the messages and misbehaves when told to. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { text as readText } from 'node:stream/consumers'
import { certificate, privateKey } from './smtp-certificate.ts'

export type ReceivedSms = {
  /** What the client was told, or would have been. */
  readonly sid: string
  readonly accountSid: string
  readonly to: string | null
  readonly from: string | null
  readonly messagingServiceSid: string | null
  readonly body: string | null
  /** Of a template of the Content API, and its variables as JSON. */
  readonly contentSid: string | null
  readonly contentVariables: string | null
  readonly statusCallback: string | null
  /** In seconds. */
  readonly validityPeriod: string | null
  /** The form as it came. */
  readonly raw: string
}

/** An answer to give in place of the right one. */
export type TwilioAnswer = {
  readonly status: number
  /** Twilio's error code, in the body. */
  readonly code?: number
  readonly text?: string
  /** In place of the JSON body that Twilio sends. */
  readonly body?: string
  readonly retryAfter?: string
}

/** Where it misbehaves. `request`: the message is not kept. `accepted`: it is kept, and the answer is at fault. */
export type TwilioFault = {
  readonly at: 'request' | 'accepted'
  /** An answer, or the connection dropped, or dropped in the middle of an answer, or no answer ever. */
  readonly how: TwilioAnswer | 'drop' | 'drop-answer' | 'silent'
}

export type TwilioServerSettings = {
  /** What the client must sign in with. Default: anybody may send. */
  readonly credentials?: { readonly accountSid: string; readonly authToken: string }
  /** The state of the account. Default `active`. */
  readonly accountStatus?: 'active' | 'suspended' | 'closed'
  /** What the API is below, such as `/twilio`. Default nothing. */
  readonly prefix?: string
  /** HTTPS with the certificate of smtp-certificate.ts. */
  readonly tls?: boolean
  /** Twilio's error code for a message that it is to refuse; null: it takes it. */
  readonly refuse?: (message: ReceivedSms) => number | null
  /** Called, and awaited, before the answer. */
  readonly onMessage?: (message: ReceivedSms) => unknown
  readonly port?: number
  readonly fault?: TwilioFault | null
}

export type TwilioTestServer = {
  /** What `twilio({ baseUrl })` and TWILIO_API_BASE_URL take. */
  readonly baseUrl: string
  /** What was accepted, in order of arrival; a living array. */
  readonly messages: readonly ReceivedSms[]
  /** `POST /2010-04-01/...`, whatever became of it; a living array. */
  readonly requests: readonly string[]
  /** How many answers have left. */
  readonly answered: number
  /** Who wrote by WhatsApp within 24 hours, as `whatsapp:+14155550123`: free text to anybody else is refused. */
  readonly heard: Set<string>
  readonly connections: { readonly total: number; readonly open: number }
  /** May be changed at any time. */
  fault: TwilioFault | null
  /** Drops every open connection. */
  dropAll(): void
  close(): Promise<void>
}

export async function startTwilioServer(settings: TwilioServerSettings = {}): Promise<TwilioTestServer> {
  const { credentials, prefix = '', tls = false, onMessage, accountStatus = 'active' } = settings
  const messages: ReceivedSms[] = []
  const requests: string[] = []
  const heard = new Set<string>()
  let fault = settings.fault ?? null
  let [total, open, answered] = [0, 0, 0]

  /** Does the fault of a stage, if there is one. */
  function failed(at: TwilioFault['at'], response: ServerResponse): boolean {
    if (fault?.at !== at) return false
    const { how } = fault
    if (how === 'drop') response.destroy()
    else if (how === 'drop-answer') {
      response.writeHead(201, { 'content-type': 'application/json', 'content-length': 500 })
      response.write('{"sid":"SM', () => response.destroy())
    } else if (how !== 'silent') answer(response, how)
    return true
  }

  async function answerTo(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const raw = await readText(request)
    const path = request.url ?? ''
    requests.push(`${request.method} ${path}`)
    if (failed('request', response)) return
    const [, accountSid, resource] =
      /^\/2010-04-01\/Accounts\/(\w+)(\/Messages)?\.json$/.exec(below(path, prefix)) ?? []
    if (accountSid === undefined) return answer(response, { status: 404, code: 20404, text: 'not found' })
    if (!signedIn(request)) return answer(response, { status: 401, code: 20003, text: 'Authenticate' })
    if (resource === undefined) return json(response, 200, { sid: accountSid, status: accountStatus })
    const form = new URLSearchParams(raw)
    const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')
    if (request.method !== 'POST' || !isForm) return answer(response, { status: 405, code: 20004 })
    const message = smsOf(messages.length + 1, accountSid, form, raw)
    const refusal = refusalOf(message, heard) ?? settings.refuse?.(message) ?? null
    if (refusal !== null) return answer(response, { status: 400, code: refusal })
    messages.push(message)
    await onMessage?.(message)
    if (failed('accepted', response)) return
    const { sid, to, from, body } = message
    json(response, 201, { sid, account_sid: accountSid, to, from, body, status: 'queued', error_code: null })
  }

  function signedIn({ headers }: IncomingMessage): boolean {
    if (credentials === undefined) return headers.authorization?.startsWith('Basic ') ?? false
    const pair = `${credentials.accountSid}:${credentials.authToken}`
    return headers.authorization === `Basic ${Buffer.from(pair).toString('base64')}`
  }

  const handler = (request: IncomingMessage, response: ServerResponse): void => {
    response.once('finish', () => {
      answered += 1
    })
    // Clients that vanish in the middle of a request are what the tests are about.
    answerTo(request, response).catch(() => response.destroy())
  }
  const server = tls ? createTlsServer({ cert: certificate, key: privateKey }, handler) : createServer(handler)
  server.on('connection', (socket) => {
    total += 1
    open += 1
    socket.once('close', () => {
      open -= 1
    })
  })
  await new Promise<void>((resolve) => server.listen(settings.port ?? 0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port')

  return {
    baseUrl: `${tls ? 'https' : 'http'}://127.0.0.1:${address.port}${prefix}`,
    messages,
    requests,
    get answered() {
      return answered
    },
    heard,
    connections: {
      get total() {
        return total
      },
      get open() {
        return open
      },
    },
    get fault() {
      return fault
    },
    set fault(next) {
      fault = next
    },
    dropAll: () => server.closeAllConnections(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const below = (path: string, prefix: string): string => (path.startsWith(prefix) ? path.slice(prefix.length) : '')

function smsOf(count: number, accountSid: string, form: URLSearchParams, raw: string): ReceivedSms {
  return {
    sid: `SM${count.toString(16).padStart(32, '0')}`,
    accountSid,
    to: form.get('To'),
    from: form.get('From'),
    messagingServiceSid: form.get('MessagingServiceSid'),
    body: form.get('Body'),
    contentSid: form.get('ContentSid'),
    contentVariables: form.get('ContentVariables'),
    statusCallback: form.get('StatusCallback'),
    validityPeriod: form.get('ValidityPeriod'),
    raw,
  }
}

const phone = /^(whatsapp:)?\+[1-9]\d{6,14}$/

/** The error codes of what Twilio refuses first. */
function refusalOf(message: ReceivedSms, heard: ReadonlySet<string>): number | null {
  const { to, from, messagingServiceSid, body, contentSid, contentVariables } = message
  if (to === null || !phone.test(to)) return 21211
  if (from === null && messagingServiceSid === null) return 21603
  const isWhatsApp = to.startsWith('whatsapp:')
  if (from !== null && from.startsWith('whatsapp:') !== isWhatsApp) return 63007
  // Whoever begins sends a template, and no text.
  if (isWhatsApp && body !== null && !heard.has(to)) return 63016
  if (contentSid !== null) {
    if (!/^HX[0-9a-fA-F]{32}$/.test(contentSid)) return 21655
    return contentVariables === null || areVariables(contentVariables) ? null : 21656
  }
  if (contentVariables !== null) return 21654
  if (body === null || body === '') return 21602
  return [...body].length > 1600 ? 21617 : null
}

/** An object of texts, none of them empty. */
function areVariables(json: string): boolean {
  try {
    const variables: unknown = JSON.parse(json)
    if (typeof variables !== 'object' || variables === null || Array.isArray(variables)) return false
    return Object.values(variables).every((one) => typeof one === 'string' && one !== '')
  } catch {
    return false
  }
}

function answer(response: ServerResponse, { status, code, text, body, retryAfter }: TwilioAnswer): void {
  if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter)
  if (body !== undefined) response.writeHead(status, { 'content-type': 'text/html' }).end(body)
  else json(response, status, { code, message: text ?? 'told to fail', more_info: 'https://example.org', status })
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
