import { Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as httpsRequest, Agent as TlsAgent } from 'node:https'
import { NotificationError, TransportError } from '../../../src/errors.ts'
import type { SendContext } from '../../../src/index.ts'
import { type Call, whenBegun } from '../shared/begun.ts'
import { createInProgress } from '../shared/in-progress.ts'
import { requireNumbers } from '../shared/numbers.ts'
import type { AwsAccount } from './account.ts'
import { failureOf } from './failures.ts'

export type AwsOptions = {
  /** The URL of the API, for test servers and private endpoints; requests are sent there. Default: that of the account's region. */
  readonly endpoint?: string
  /**
   * How long to wait for credentials, connection and response together, in ms; after that, a request already begun has an unknown
   * outcome. Default 30000.
   */
  readonly timeoutMs?: number
  /** How many sends may run at a time per account; AWS refuses too many, and they are tried again. Default 20. */
  readonly concurrency?: number
  /** The most connections, over all accounts; further requests wait for one. Default 50. */
  readonly maxConnections?: number
}

/** What the SDK's clients are made with. */
export type ClientConfig = {
  readonly endpoint?: string
  /** Left out: the SDK looks for it where the process runs. */
  readonly region?: string
  /** Left out: the default chain of the SDK. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** The SDK's own retries would send the message again, up to three times after one cut connection. */
  readonly maxAttempts: 1
  readonly requestHandler: Record<string, unknown>
}

export type Service<Sdk, Client> = {
  readonly transport: 'aws_sns' | 'aws_sms'
  /** The package of the SDK. */
  readonly package: string
  readonly load: () => Promise<Sdk>
  readonly client: (sdk: Sdk, config: ClientConfig) => Client
}

/** What a request is made with; `options` go along with each command. */
export type Means<Sdk, Client> = {
  readonly sdk: Sdk
  readonly client: Client
  readonly options: { readonly abortSignal: AbortSignal }
}

/** Clients hold no connections of their own; the limit is for memory. */
const maxClients = 200

/** Runs requests with the SDK, which is loaded at the first one, over one set of connections for all accounts. */
export function awsCalls<Sdk, Client>(service: Service<Sdk, Client>, options: AwsOptions) {
  requireNumbers(service.transport, options, { timeoutMs: 1, concurrency: 1, maxConnections: 1 })
  const { timeoutMs = 30_000, maxConnections = 50 } = options
  const endpoint = options.endpoint === undefined ? null : endpointOf(service.transport, options.endpoint)
  const connections = { keepAlive: true, maxSockets: maxConnections, maxTotalSockets: maxConnections }
  const agents = { 'http:': new Agent(connections), 'https:': new TlsAgent(connections) }
  /** By the signal of its command, which comes back with the request. The SDK's requests for credentials have other ones. */
  const calls = new WeakMap<AbortSignal, Call>()
  /** Least recently used first. */
  const clients = new Map<string, Client>()
  const inProgress = createInProgress()
  let loading: Promise<Sdk> | null = null
  let closed = false

  const requestHandler = {
    handle(request: SdkRequest, { abortSignal = AbortSignal.timeout(timeoutMs) }: { abortSignal?: AbortSignal } = {}) {
      return sent(request, agents, abortSignal, calls.get(abortSignal))
    },
    destroy() {},
  }

  const load = (): Promise<Sdk> => {
    loading ??= service.load().catch((cause: unknown) => {
      loading = null
      const message = `The ${service.transport} transport needs a package: npm install ${service.package}`
      throw new NotificationError('dependency_missing', message, { cause })
    })
    return loading
  }

  function clientOf(sdk: Sdk, key: string, { region, credentials }: AwsAccount): Client {
    const config: ClientConfig = {
      ...(endpoint !== null && { endpoint }),
      ...(region !== null && { region }),
      ...(credentials !== null && { credentials }),
      maxAttempts: 1,
      requestHandler,
    }
    const client = clients.get(key) ?? service.client(sdk, config)
    clients.delete(key)
    clients.set(key, client)
    for (const oldest of clients.keys()) {
      if (clients.size <= maxClients) break
      clients.delete(oldest)
    }
    return client
  }

  async function requested<T>(
    { accountKey, signal, now }: SendContext,
    account: AwsAccount,
    to: string | null,
    request: (means: Means<Sdk, Client>) => Promise<T>,
  ): Promise<T> {
    const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const call: Call = { signal: abortSignal, now, to, begun: false, response: null }
    calls.set(abortSignal, call)
    try {
      const sdk = await load()
      const client = clientOf(sdk, accountKey, account)
      // Looking for credentials takes no signal.
      return await Promise.race([request({ sdk, client, options: { abortSignal } }), endOf(abortSignal)])
    } catch (error) {
      throw failureOf(error, call)
    }
  }

  return {
    /** Failures are `TransportError`s. `to`: whom a message is sent to; null: the request sends none. */
    async call<T>(
      context: SendContext,
      account: AwsAccount,
      to: string | null,
      request: (means: Means<Sdk, Client>) => Promise<T>,
    ): Promise<T> {
      if (closed) throw new TransportError('The transport is closed.', { outcome: 'transient', code: 'aws_closed' })
      return inProgress.track(requested(context, account, to, request))
    },

    /** Waits for the requests in progress. */
    async close(): Promise<void> {
      closed = true
      await inProgress.ended()
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
}

/** A request as the SDK's handlers get it. */
type SdkRequest = {
  readonly protocol: string
  readonly hostname: string
  readonly port?: number
  readonly method: string
  readonly path: string
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** Sends with Node's own client, and notes in the call when the request begins to leave and what was answered. */
function sent(
  { protocol, hostname, port, method, path, query, headers, body }: SdkRequest,
  agents: { readonly 'http:': Agent; readonly 'https:': TlsAgent },
  signal: AbortSignal,
  call: Call | undefined,
): Promise<{ readonly response: object }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ readonly response: object }>()
  const isTls = protocol === 'https:'
  const to = { hostname, port, method, path: `${path}${queryOf(query)}`, headers: { ...headers }, signal }
  const onResponse = (response: IncomingMessage) => {
    const { statusCode = 0, headers: given } = response
    if (call !== undefined) call.response = { status: statusCode, retryAfter: given['retry-after'] }
    resolve({ response: { statusCode, headers: singleHeaders(given), body: response } })
  }
  const request = isTls
    ? httpsRequest({ ...to, agent: agents['https:'] }, onResponse)
    : httpRequest({ ...to, agent: agents['http:'] }, onResponse)
  request.once('error', reject)
  if (call !== undefined) {
    whenBegun(request, () => {
      call.begun = true
    })
  }
  request.end(body)
  return promise
}

function queryOf(query: SdkRequest['query'] = {}): string {
  const pairs = Object.entries(query).flatMap(([name, values]) =>
    [values ?? ''].flat().map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`),
  )
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

const singleHeaders = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]))

/** Rejects when the time is over. */
function endOf(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  if (signal.aborted) reject(signal.reason)
  else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  return promise
}

function endpointOf(transport: string, text: string): string {
  const url = URL.parse(text)
  if (url !== null && (url.protocol === 'https:' || url.protocol === 'http:')) return url.href
  const message = `${transport}: endpoint must be a URL that starts with https:// or http://`
  throw new NotificationError('options_invalid', message, { field: 'endpoint' })
}
