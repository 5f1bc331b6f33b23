import { channels } from '../../../src/channels/names.ts'
import { TransportError } from '../../../src/errors.ts'
import type {
  Clock,
  DeliveryReceipt,
  InboundMessage,
  OutboundMessage,
  SendContext,
  SendReceipt,
  Transport,
} from '../../../src/index.ts'

/** A message that was sent, and when. */
export type SentMessage = OutboundMessage & { readonly at: Date }

/**
 * Addresses with a special behavior: e-mail addresses whose local part begins with the name (`lost+1@example.org`), or
 * exactly this number.
 */
export const testAddresses = {
  /** The provider refuses it permanently. */
  refused: { email: 'refused@example.org', phone: '+15005550001' },
  /** The provider accepts it, and reports a minute later that it bounced. */
  bounces: { email: 'bounces@example.org', phone: '+15005550002' },
  /** The first attempt at each message fails temporarily. */
  busy: { email: 'busy@example.org', phone: '+15005550003' },
  /** The provider accepts the first attempt at each message, but its response is lost: the outcome is unknown. */
  lost: { email: 'lost@example.org', phone: '+15005550004' },
  /** The provider takes half a minute. */
  slow: { email: 'slow@example.org', phone: '+15005550005' },
} as const

type Fate = keyof typeof testAddresses
const fates: readonly Fate[] = ['refused', 'bounces', 'busy', 'lost', 'slow']

const fateOf = (to: string): Fate | null =>
  fates.find((fate) => to === testAddresses[fate].phone || new RegExp(`^${fate}[+@]`).test(to)) ?? null

/** Without what a form may have and a message has not: capitals, and what stands between the digits of a phone number. */
const plain = (address: string): string =>
  address.includes('@') ? address.trim().toLowerCase() : address.replaceAll(/[^+\d]/g, '')

/** Replies come from phones: those to a mail go to the clinic. */
const canBeAnswered = ({ to }: OutboundMessage): boolean => to.startsWith('+')
/** What the provider gets where nobody is answered. */
export const noAnswer = 'ok'
const reportedAfterMs = 60_000
const slowMs = 30_000

/** Messages in the order in which they were accepted. */
export class Messages implements Iterable<SentMessage> {
  readonly #of: string
  readonly #all: readonly SentMessage[]

  constructor(of: string, all: readonly SentMessage[]) {
    this.#of = of
    this.#all = all
  }

  /** Number of messages. */
  get length(): number {
    return this.#all.length
  }

  /**
   * The latest.
   * @throws Error if there is none.
   */
  last(): SentMessage {
    const last = this.#all.at(-1)
    if (last === undefined) throw new Error(`Nothing was sent${this.#of}.`)
    return last
  }

  /**
   * The latest to which its recipient can reply.
   * @throws Error if there is none.
   */
  lastWithReplies(): SentMessage {
    return new Messages(`${this.#of} that can be answered`, this.#all.filter(canBeAnswered)).last()
  }

  /** For each message: when, on which channel, and of which category. */
  summary(): string[] {
    return this.#all.map(({ at, channel, category }) => `${at.toISOString()} ${channel} ${category}`)
  }

  [Symbol.iterator](): Iterator<SentMessage> {
    return this.#all[Symbol.iterator]()
  }
}

export type OutboxOptions = {
  readonly clock: Clock
  /** The addresses of a person of the test by name; a name that is none is an address. */
  readonly addressesOf: (name: string) => readonly string[]
  readonly report: (notificationId: number, receipt: DeliveryReceipt) => Promise<unknown>
}

/** A provider of every channel that keeps what was sent. */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #sent: SentMessage[] = []
  readonly #tried = new Set<string>()
  /** What people wrote, until the library reads it. */
  readonly #inbound: InboundMessage[] = []
  #replies = 0

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  get sent(): Messages {
    return new Messages('', this.#sent)
  }

  /** What was sent to a person of the test, or to an address. */
  to(who: string): Messages {
    const addresses = this.#options.addressesOf(who).map(plain)
    return new Messages(
      ` to ${who}`,
      this.#sent.filter(({ to }) => addresses.includes(plain(to))),
    )
  }

  /** Whoever got a message answers it: the library finds the answer at the provider. */
  answer(message: SentMessage, text: string): void {
    const { to, from, channel, template, idempotencyKey } = message
    if (!canBeAnswered(message)) throw new Error(`Replies by ${channel} do not reach the library.`)
    const repliesTo = template === null ? undefined : idempotencyKey
    this.#replies += 1
    const messageId = `reply-${this.#replies}`
    this.#inbound.push({ from: to, to: from, text, messageId, at: this.#options.clock.now(), repliesTo })
  }

  /** Forgets what was sent so far. */
  clear(): void {
    this.#sent.length = 0
  }

  /** The provider, as one process reaches it. */
  transport(clock: Clock, reached: (at: 'before_send' | 'after_send') => Promise<void>): Transport {
    return {
      name: 'test',
      channels,
      needsAccount: false,
      concurrency: 1000,
      receivesReplies: true,
      receipt: async () => ({
        kind: 'read',
        reports: [],
        inbound: this.#inbound.splice(0),
        respond: (text) => ({ type: 'text/plain', text }),
        reply: { type: 'text/plain', text: noAnswer },
      }),
      send: async (message, context) => {
        await reached('before_send')
        const receipt = await this.#accept(message, context, clock)
        await reached('after_send')
        return receipt
      },
    }
  }

  async #accept(message: OutboundMessage, { signal }: SendContext, clock: Clock): Promise<SendReceipt> {
    if (signal.aborted) throw failure('transient', 'test_aborted', 'Sending was aborted before it began.')
    const fate = fateOf(message.to)
    const isFirst = !this.#tried.has(message.idempotencyKey)
    this.#tried.add(message.idempotencyKey)
    if (fate === 'refused') throw failure('permanent', 'test_refused', 'The test address refuses messages.')
    if (fate === 'busy' && isFirst) throw failure('transient', 'test_busy', 'The test address is busy.')
    if (fate === 'slow') await new Promise<void>((resolve) => void clock.after(slowMs, resolve))
    this.#sent.push({ ...message, at: clock.now() })
    if (fate === 'lost' && isFirst) throw failure('unknown', 'test_lost', 'The answer of the test provider was lost.')
    const { clock: reporting, report } = this.#options
    if (fate === 'bounces') {
      const bounced = { outcome: 'bounced', code: 'test_bounced' } as const
      reporting.after(reportedAfterMs, () => void report(message.notificationId, bounced).catch(() => {}))
    }
    return { messageId: message.idempotencyKey }
  }
}

const failure = (outcome: TransportError['outcome'], code: string, words: string) =>
  new TransportError(words, { outcome, code })
