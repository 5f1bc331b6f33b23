/**
 * What every transport promises, as a vitest suite.
 * @example
 * transportConformance('smtp', async () => ({ transport: smtp(), channel: 'EMAIL', ... }))
 */
import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type Channel,
  isTransportError,
  type OutboundMessage,
  type SendContext,
  type Transport,
} from '../../../src/index.ts'

export type TransportHarness = {
  readonly transport: Transport
  /** What the transport is to deliver by; with more than one channel, open it once for each. */
  readonly channel: Channel
  readonly context: Omit<SendContext, 'signal'>
  /** What a message of the channel is like, if not like an e-mail or a text message: its addresses, say. */
  readonly message?: Partial<Pick<OutboundMessage, 'to' | 'from' | 'subject' | 'html'>>
  /** Idempotency keys, or ids made of them, of what the other side accepted, in any order. */
  received(): Promise<readonly string[]>
  /** Makes the other side refuse from now on, in words that repeat the message's contact data and the credentials. */
  refuse?(): void
  close?(): Promise<void>
}

/** Contact data and text that errors may not hold. */
export const conformanceCanaries = {
  email: 'canary.conformance@example.org',
  phone: '+14155550199',
  name: 'Canary Conformance',
  subject: 'canary conformance subject',
  text: 'canary conformance text',
} as const

export function transportConformance(name: string, open: () => Promise<TransportHarness>): void {
  describe(`transport conformance: ${name}`, () => {
    const opened: TransportHarness[] = []
    afterEach(async () => {
      for (const harness of opened.splice(0)) {
        await harness.transport.close?.()
        await harness.close?.()
      }
    })
    const start = async () => {
      const harness = await open()
      opened.push(harness)
      const send = (idempotencyKey: string, signal = new AbortController().signal) =>
        harness.transport.send(
          { ...messageFor(harness.channel, idempotencyKey), ...harness.message },
          { ...harness.context, signal },
        )
      return { ...harness, send }
    }

    it('says what it is', async () => {
      const { transport, channel, context } = await start()
      expect(transport.name).toMatch(/^[a-z0-9_-]+$/)
      expect(transport.channels).toContain(channel)
      expect(transport.concurrency ?? 10).toBeGreaterThan(0)
      if (transport.needsAccount) expect(context.account?.channel).toBe(channel)
    })

    it('has resolved only what was accepted, with a receipt', async () => {
      const { send, received } = await start()
      const receipt = await send('accepted-1')
      expect(receipt.messageId === null || receipt.messageId.length > 0).toBe(true)
      expect(await received()).toHaveLength(1)
    })

    it('sends as many at a time as it says, each once', async () => {
      const { transport, send, received } = await start()
      const keys = Array.from({ length: Math.min(transport.concurrency ?? 10, 50) }, (_, index) => `many-${index}`)
      await Promise.all(keys.map((key) => send(key)))
      const arrived = await received()
      expect(arrived).toHaveLength(keys.length)
      expect(new Set(arrived).size).toBe(keys.length)
    })

    it('carries the same key when the same message is tried again', async () => {
      const { send, received } = await start()
      await send('again-1')
      await send('again-1')
      expect(new Set(await received()).size).toBe(1)
    })

    it('sends nothing when it is too late to begin, and says so', async () => {
      const { send, received } = await start()
      const error = await failure(send('late-1', AbortSignal.abort()))
      expect(error).toSatisfy(isTransportError)
      expect(error).toMatchObject({ outcome: 'transient' })
      expect(await received()).toHaveLength(0)
    })

    it('fails with what became of the message, and without a word of it', async ({ skip }) => {
      const { send, refuse, context } = await start()
      if (refuse === undefined) return skip('it cannot fail')
      refuse()
      const error = await failure(send('refused-1'))
      expect(error).toSatisfy(isTransportError)
      expect(error).toHaveProperty('code', expect.stringMatching(/^[a-z0-9_]+$/))
      const told = inspect(error, { depth: 9 })
      for (const canary of [...Object.values(conformanceCanaries), ...secretsOf(context)]) {
        expect(told).not.toContain(canary)
      }
    })

    it('proves an account without sending', async ({ skip }) => {
      const { transport, context, received } = await start()
      if (transport.verify === undefined) return skip('it has nothing to prove')
      await transport.verify({ ...context, signal: new AbortController().signal })
      expect(await received()).toHaveLength(0)
    })

    it('closes after the sends in progress, any number of times', async () => {
      const { transport, send } = await start()
      const sends = Promise.allSettled(['close-1', 'close-2', 'close-3'].map((key) => send(key)))
      await Promise.all([transport.close?.(), transport.close?.()])
      await transport.close?.()
      for (const result of await sends) {
        if (result.status === 'rejected') expect(result.reason).toSatisfy(isTransportError)
      }
    })
  })
}

function messageFor(channel: Channel, idempotencyKey: string): OutboundMessage {
  const { email, phone, name, subject, text } = conformanceCanaries
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
    deadline: null,
    html: isEmail ? `<p>${text}</p>` : null,
  }
}

function secretsOf({ account }: TransportHarness['context']): string[] {
  // All but where it is.
  const { channel, host, provider, security, ...credentials }: Readonly<Record<string, unknown>> = account ?? {}
  return Object.values(credentials).filter((one) => typeof one === 'string')
}

const failure = (sending: Promise<unknown>): Promise<unknown> =>
  sending.then(
    () => {
      throw new Error('it did not fail')
    },
    (error) => error,
  )
