/**
 * A real HTTP server on the loopback interface that answers as Amazon SNS (query protocol, XML) and AWS End User Messaging (JSON 1.0) do,
 * verifies the signature of each request, keeps the messages and misbehaves when told to.
 */
import { createHash, createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { text as readText } from 'node:stream/consumers'
import { certificate, privateKey } from './smtp-certificate.ts'

export type ReceivedText = {
  /** What the client was told, or would have been. */
  readonly id: string
  readonly accessKeyId: string
  readonly region: string
  /** The parameters: the fields of the form, or the JSON object. */
  readonly input: Readonly<Record<string, unknown>>
}

/** An answer to give in place of the right one. */
export type AwsAnswer = {
  readonly status: number
  /** The name of the error, as on the wire. */
  readonly code?: string
  readonly reason?: string
  readonly words?: string
  /** In place of the XML or JSON that AWS sends. */
  readonly body?: string
  readonly retryAfter?: string
}

/**
 * Where it misbehaves. `ask`: requests that send nothing. `request`: the message is not kept. `accepted`: it is kept, and the answer
 * is at fault.
 */
export type AwsFault = {
  readonly at: 'ask' | 'request' | 'accepted'
  readonly how: AwsAnswer | 'drop' | 'drop-answer' | 'silent'
}

export type AwsServerSettings = {
  /** Secrets by access key id. */
  readonly keys: Readonly<Record<string, string>>
  /** HTTPS with the certificate of smtp-certificate.ts. */
  readonly tls?: boolean
  /** Called, and awaited, before the answer. */
  readonly onMessage?: (message: ReceivedText) => unknown
}

export type AwsTestServer = {
  readonly endpoint: string
  /** What was accepted, in order of arrival; a living array. */
  readonly messages: readonly ReceivedText[]
  /** The names of the operations, whatever became of them; a living array. */
  readonly requests: readonly string[]
  /** Numbers that SNS says opted out. */
  readonly optedOut: Set<string>
  readonly connections: { readonly total: number; readonly open: number }
  /** May be changed at any time. */
  fault: AwsFault | null
  close(): Promise<void>
}

type Protocol = 'query' | 'json'
type Asked = { readonly protocol: Protocol; readonly operation: string; readonly input: Record<string, unknown> }

export async function startAwsServer({ keys, tls = false, onMessage }: AwsServerSettings): Promise<AwsTestServer> {
  const messages: ReceivedText[] = []
  const requests: string[] = []
  const optedOut = new Set<string>()
  const connections = { total: 0, open: 0 }
  const state: { fault: AwsFault | null } = { fault: null }

  function failed(at: AwsFault['at'], protocol: Protocol, response: ServerResponse): boolean {
    if (state.fault?.at !== at) return false
    const { how } = state.fault
    if (how === 'drop') response.destroy()
    else if (how === 'drop-answer') {
      response.writeHead(200, { 'content-length': 500 })
      response.write('{"MessageId":"', () => response.destroy())
    } else if (how !== 'silent') refuse(response, protocol, how)
    return true
  }

  async function answerTo(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const raw = await readText(request)
    const asked = askedOf(request, raw)
    if (asked === null) return refuse(response, 'json', { status: 404, code: 'UnknownOperationException' })
    const { protocol, operation, input } = asked
    requests.push(operation)
    const isSending = operation === 'Publish' || operation === 'SendTextMessage'
    if (failed(isSending ? 'request' : 'ask', protocol, response)) return
    const signer = signerOf(request, raw, keys)
    if (signer === null) {
      const code = protocol === 'query' ? 'SignatureDoesNotMatch' : 'InvalidSignatureException'
      return refuse(response, protocol, { status: 403, code })
    }
    if (!isSending) {
      if (protocol === 'json')
        return json(response, 200, { AccountAttributes: [{ Name: 'ACCOUNT_TIER', Value: 'PRODUCTION' }] })
      return result(response, operation, `<isOptedOut>${optedOut.has(String(input['phoneNumber']))}</isOptedOut>`)
    }
    const message = { id: `00000000-0000-4000-8000-${String(messages.length + 1).padStart(12, '0')}`, ...signer, input }
    messages.push(message)
    await onMessage?.(message)
    if (failed('accepted', protocol, response)) return
    if (protocol === 'json') json(response, 200, { MessageId: message.id })
    else result(response, operation, `<MessageId>${message.id}</MessageId>`)
  }

  const handler = (request: IncomingMessage, response: ServerResponse): void => {
    // Clients that vanish in the middle of a request are what the tests are about.
    answerTo(request, response).catch(() => response.destroy())
  }
  const server = tls ? createTlsServer({ cert: certificate, key: privateKey }, handler) : createServer(handler)
  server.on('connection', (socket) => {
    connections.total += 1
    connections.open += 1
    socket.once('close', () => {
      connections.open -= 1
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port')

  return {
    endpoint: `${tls ? 'https' : 'http'}://127.0.0.1:${address.port}`,
    messages,
    requests,
    optedOut,
    connections,
    get fault() {
      return state.fault
    },
    set fault(next) {
      state.fault = next
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function askedOf({ method, url, headers }: IncomingMessage, raw: string): Asked | null {
  if (method !== 'POST' || url !== '/') return null
  const [, operation] = /^PinpointSMSVoiceV2\.(\w+)$/.exec(String(headers['x-amz-target'] ?? '')) ?? []
  if (operation !== undefined && headers['content-type'] === 'application/x-amz-json-1.0') {
    return { protocol: 'json', operation, input: JSON.parse(raw) }
  }
  if (headers['content-type'] !== 'application/x-www-form-urlencoded') return null
  const { Action: action, Version: version, ...input } = Object.fromEntries(new URLSearchParams(raw))
  return action === undefined || version !== '2010-03-31' ? null : { protocol: 'query', operation: action, input }
}

/** Who signed it, by Signature Version 4; null: nobody that is known, or something else was signed. */
function signerOf({ headers }: IncomingMessage, body: string, keys: AwsServerSettings['keys']) {
  const found =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    )
  const [, accessKeyId = '', day = '', region = '', service = '', names = '', signature] = found ?? []
  const secret = Object.hasOwn(keys, accessKeyId) ? keys[accessKeyId] : undefined
  if (secret === undefined || !['sns', 'sms-voice'].includes(service)) return null
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  const mac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
  const canonical = names.split(';').map((name) => `${name}:${String(headers[name] ?? '').trim()}\n`)
  const request = ['POST', '/', '', canonical.join(''), names, sha256(body)].join('\n')
  const scope = `${day}/${region}/${service}/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(request)].join('\n')
  const key = [day, region, service, 'aws4_request'].reduce<string | Buffer>(mac, `AWS4${secret}`)
  return mac(key, toSign).toString('hex') === signature ? { accessKeyId, region } : null
}

const namespace = 'xmlns="http://sns.amazonaws.com/doc/2010-03-31/"'
const metadata = '<RequestId>1549581b-12b7-11e3-895e-1334aEXAMPLE</RequestId>'

function result(response: ServerResponse, operation: string, inner: string): void {
  const parts = `<${operation}Result>${inner}</${operation}Result><ResponseMetadata>${metadata}</ResponseMetadata>`
  response
    .writeHead(200, { 'content-type': 'text/xml' })
    .end(`<${operation}Response ${namespace}>${parts}</${operation}Response>`)
}

function refuse(response: ServerResponse, protocol: Protocol, answer: AwsAnswer): void {
  const { status, code = 'Told', reason, words = 'told to fail', body, retryAfter } = answer
  if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter)
  if (body !== undefined) return void response.writeHead(status, { 'content-type': 'text/html' }).end(body)
  if (protocol === 'json')
    return void json(response, status, { __type: code, Message: words, ...(reason && { Reason: reason }) })
  const error = `<Error><Type>${status < 500 ? 'Sender' : 'Receiver'}</Type><Code>${code}</Code><Message>${words}</Message></Error>`
  response
    .writeHead(status, { 'content-type': 'text/xml' })
    .end(`<ErrorResponse ${namespace}>${error}${metadata}</ErrorResponse>`)
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body))
}
