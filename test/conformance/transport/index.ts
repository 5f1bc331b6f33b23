import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type Account,
  type Channel,
  isTransportError,
  type OutboundMessage,
  type SendContext,
  type Transport,
} from '../../../src/index.ts'

export type TransportHarness = {
  /** Connected to a provider of the test's own, such as an HTTP server on 127.0.0.1. */
  readonly transport: Transport
  /** The channel to send on. For a transport with several, declare the suite once for each. */
  readonly channel: Channel
  /** The credentials to send with. Default null: the transport needs none. */
  readonly account?: Account | null
  /** What differs in messages of the channel from e-mails and text messages, such as their addresses. Default: nothing. */
  readonly message?: Partial<Pick<OutboundMessage, 'to' | 'from' | 'subject' | 'html' | 'template'>>
  /** What the provider accepted so far: idempotency keys, or ids that derive from them, in any order. */
  received(): Promise<readonly string[]>
  /**
   * Makes the provider refuse every message from now on, with `words` in its response: contact data, text and credentials, which
   * errors must not repeat. Left out: that test is skipped.
   */
  refuse?(words: string): void
  /** Releases what `open` made. Called after `transport.close()`. */
  close?(): Promise<unknown>
}

export type TransportConformanceOptions = {
  /** Of the transport, for the names of the tests. */
  readonly name: string
  /** Called for each test. */
  readonly open: () => Promise<TransportHarness>
}

/**
 * Declares the tests that every transport passes.
 * @example
 * transportConformance({
 *   name: 'gateway',
 *   async open() {
 *     const server = await startGateway()
 *     return {
 *       transport: gateway({ url: server.url }),
 *       channel: 'SMS',
 *       received: async () => server.keys,
 *       refuse: (words) => server.refuse(words),
 *       close: () => server.close(),
 *     }
 *   },
 * })
 */
export function transportConformance({ name, open }: TransportConformanceOptions): void {
  describe(`transport conformance: ${name}`, () => {
    const opened: TransportHarness[] = []
    afterEach(async () => {
      for (const { transport, close } of opened.splice(0)) {
        await transport.close?.()
        await close?.()
      }
    })
    const start = async () => {
      const harness = await open()
      opened.push(harness)
      const { transport, channel, account = null, message } = harness
      const context = { account, accountKey: 'conformance', trusted: true, receiptUrl: null, now: () => new Date() }
      const send = (idempotencyKey: string, signal = new AbortController().signal) =>
        transport.send({ ...messageFor(channel, idempotencyKey), ...message }, { ...context, signal })
      return { ...harness, context, send }
    }

    it('has a name, its channels and a concurrency that can be used', async () => {
      const { transport, channel, context } = await start()
      expect(transport.name, 'name: lower-case letters, digits, hyphens, underscores').toMatch(/^[a-z0-9_-]+$/)
      expect(transport.channels, 'channels lack the channel of the harness').toContain(channel)
      expect(transport.concurrency ?? 10, 'concurrency').toBeGreaterThan(0)
      if (transport.needsAccount)
        expect(context.account?.channel, 'needsAccount: the harness gives no account of the channel').toBe(channel)
    })

    it('resolves when the provider has accepted the message, with a receipt', async () => {
      const { send, received } = await start()
      const receipt = await send('accepted-1')
      const isId = receipt.messageId === null || receipt.messageId.length > 0
      expect(isId, 'messageId of the receipt is null or not empty').toBe(true)
      expect(await received(), 'messages that the provider accepted').toHaveLength(1)
    })

    it('sends as many messages at a time as its concurrency says, each once', async () => {
      const { transport, send, received } = await start()
      const keys = Array.from({ length: Math.min(transport.concurrency ?? 10, 50) }, (_, index) => `many-${index}`)
      await Promise.all(keys.map((key) => send(key)))
      const arrived = await received()
      expect(arrived, 'messages that the provider accepted').toHaveLength(keys.length)
      expect(new Set(arrived).size, 'different idempotency keys that the provider received').toBe(keys.length)
    })

    it('passes on the same idempotency key for every attempt at a message', async () => {
      const { send, received } = await start()
      await send('again-1')
      await send('again-1')
      expect(new Set(await received()).size, 'different idempotency keys of two attempts at one message').toBe(1)
    })

    it('sends nothing when its signal is aborted before it begins, and fails as transient', async () => {
      const { send, received } = await start()
      const error = await failureOf(send('late-1', AbortSignal.abort()), 'its signal was aborted before it began')
      expect(error).toMatchObject({ outcome: 'transient' })
      expect(await received(), 'messages that the provider accepted').toHaveLength(0)
    })

    it('fails with a TransportError when the provider refuses, without contact data, text or credentials', async ({
      skip,
    }) => {
      const { send, refuse, context } = await start()
      if (refuse === undefined) return skip('the harness has no refuse()')
      const secrets = [...Object.values(canaries), ...secretsOf(context.account)]
      refuse(secrets.join(' '))
      const error = await failureOf(send('refused-1'), 'the provider refused the message')
      expect(error.code, 'code of the error').toMatch(/^[a-z0-9_.]+$/)
      const printed = inspect(error, { depth: 9 })
      expect(
        secrets.filter((secret) => printed.includes(secret)),
        'contact data, text or credentials in the error',
      ).toEqual([])
    })

    it('checks an account without sending', async ({ skip }) => {
      const { transport, context, received } = await start()
      if (transport.verify === undefined) return skip('the transport has no verify()')
      await transport.verify({ ...context, signal: new AbortController().signal })
      expect(await received(), 'messages that the provider accepted').toHaveLength(0)
    })

    it('closes any number of times, after the sends in progress', async () => {
      const { transport, send } = await start()
      const sends = Promise.allSettled(['close-1', 'close-2', 'close-3'].map((key) => send(key)))
      await Promise.all([transport.close?.(), transport.close?.()])
      await transport.close?.()
      for (const result of await sends) {
        if (result.status === 'rejected') requireTransportError(result.reason, 'the transport was closed')
      }
    })
  })
}

/** Contact data and text that errors must not hold. */
const canaries = {
  email: 'canary.conformance@example.org',
  phone: '+14155550199',
  name: 'Canary Conformance',
  subject: 'canary conformance subject',
  text: 'canary conformance text',
} as const

function messageFor(channel: Channel, idempotencyKey: string): OutboundMessage {
  const { email, phone, name, subject, text } = canaries
  const isEmail = channel === 'EMAIL'
  return {
    notificationId: 7,
    idempotencyKey,
    organizationId: 'conformance-org',
    category: 'REMINDER',
    channel,
    to: isEmail ? email : phone,
    toName: name,
    from: isEmail ? 'clinic@example.com' : '+14155550100',
    fromName: 'Clinic',
    replyTo: null,
    subject: isEmail ? subject : null,
    text,
    html: isEmail ? `<p>${text}</p>` : null,
    template: null,
    deadline: null,
  }
}

function secretsOf(account: SendContext['account']): string[] {
  // All but where it is.
  const { channel, host, provider, security, ...credentials }: Readonly<Record<string, unknown>> = account ?? {}
  return Object.values(credentials).filter((one) => typeof one === 'string')
}

async function failureOf(sending: Promise<unknown>, when: string) {
  const [result] = await Promise.allSettled([sending])
  if (result.status === 'fulfilled') throw new Error(`send() resolved although ${when}`)
  return requireTransportError(result.reason, when)
}

function requireTransportError(error: unknown, when: string) {
  if (isTransportError(error)) return error
  throw new Error(
    `send() rejected with another error than a TransportError when ${when}: its outcome counts as unknown`,
  )
}
