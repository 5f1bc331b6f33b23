import { AsyncLocalStorage } from 'node:async_hooks'
import { Agent, type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Twilio } from 'twilio'
import type RequestClient from 'twilio/lib/base/RequestClient.js'
import { NotificationError } from '../../../src/errors.ts'
import { type Call, whenBegun } from '../shared/begun.ts'

export type SdkOptions = {
  /** Null: the SDK's default. */
  readonly baseUrl: URL | null
  readonly timeoutMs: number
  readonly maxConnections: number
}
export type Credentials = { readonly accountSid: string; readonly authToken: string }

/** The SDK, with one set of connections for all accounts: they go to the same host, and requests carry their own credentials. */
export type Sdk = {
  /** The client of an account; `key` identifies the credentials. */
  client(key: string, credentials: Credentials): Twilio
  /** Runs `work`; its requests end with the signal of `call` and are recorded in it. */
  observe<T>(call: Call, work: () => Promise<T>): Promise<T>
  close(): void
}

/** Clients hold no connections; the limit is for memory. */
const maxClients = 200

/** @throws NotificationError `dependency_missing` when twilio is not installed. */
export async function openSdk({ baseUrl, timeoutMs, maxConnections }: SdkOptions): Promise<Sdk> {
  const sdk = await loadTwilio()
  /** The SDK's calls take no signal and do not report on the connection; this connects a call with its request. */
  const calls = new AsyncLocalStorage<Call>()

  class ObservedRequestClient extends sdk.RequestClient {
    constructor() {
      // A repeated POST is a second message: the caller decides whether to retry, since it knows the outcome.
      super({ autoRetry: false, timeout: timeoutMs, maxSockets: maxConnections, maxTotalSockets: maxConnections })
      // The SDK only creates an agent for https.
      this.axios.defaults.httpAgent = new Agent({ keepAlive: true, maxSockets: maxConnections, timeout: timeoutMs })
      this.axios.interceptors.request.use((config) => {
        const call = calls.getStore()
        if (call === undefined) return config
        return Object.assign(config, { signal: call.signal, transport: transportOf(call) })
      })
    }

    override async request<T>(options: RequestClient.RequestOptions<T>) {
      const response = await super.request<T>({ ...options, uri: rebased(options.uri, baseUrl) })
      const call = calls.getStore()
      if (call !== undefined) {
        call.response = { status: response.statusCode, retryAfter: response.headers['retry-after'] }
      }
      return response
    }

    close(): void {
      for (const agent of [this.axios.defaults.httpAgent, this.axios.defaults.httpsAgent]) {
        if (agent instanceof Agent) agent.destroy()
      }
    }
  }

  const httpClient = new ObservedRequestClient()
  /** Least recently used first. */
  const clients = new Map<string, Twilio>()
  return {
    client(key, { accountSid, authToken }) {
      const client = clients.get(key) ?? sdk(accountSid, authToken, { httpClient, autoRetry: false })
      clients.delete(key)
      clients.set(key, client)
      for (const oldest of clients.keys()) {
        if (clients.size <= maxClients) break
        clients.delete(oldest)
      }
      return client
    },
    observe: (call, work) => calls.run(call, work),
    close: () => httpClient.close(),
  }
}

export async function loadTwilio(): Promise<typeof import('twilio')> {
  try {
    const { default: sdk } = await import('twilio')
    return sdk
  } catch (cause) {
    throw new NotificationError('dependency_missing', 'The twilio transport needs a package: npm install twilio', {
      cause,
    })
  }
}

/** Sends with Node's own client, and notes when the request begins to leave. */
const transportOf = (call: Call) => ({
  request(options: RequestOptions, onResponse: (response: IncomingMessage) => void): ClientRequest {
    const request = (options.protocol === 'https:' ? httpsRequest : httpRequest)(options, onResponse)
    whenBegun(request, () => {
      call.begun = true
    })
    return request
  },
})

/** The same path and query below another base. */
function rebased(uri: string, base: URL | null): string {
  if (base === null) return uri
  const { pathname, search } = new URL(uri)
  return new URL(`${base.pathname.replace(/(?<!\/)\/+$/, '')}${pathname}${search}`, base).href
}
